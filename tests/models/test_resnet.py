import keras
import numpy as np
import pytest

from tf_tricks import layers
from tf_tricks.errors import RequestError
from tf_tricks.models import resnet

BASIC, BOTTLENECK = {"input_shape": (8, 8, 3), "depth": 20}, {"input_shape": (32, 32, 3), "depth": 50}


def trainable_parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (110, 1.7)])
def test_parameters_are_those_of_the_paper(depth, millions):
    # He et al. 2015, table 6.
    model = resnet((32, 32, 3), 10, depth=depth)
    assert round(trainable_parameters(model) / 1e6, 1 if depth == 110 else 2) == millions


def test_parameters_of_depth_20_by_hand():
    convolutions = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    batch_norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert trainable_parameters(resnet((32, 32, 3), 10)) == convolutions + batch_norms + 64 * 10 + 10


# torchvision's resnet50, resnet101 and resnet152.
@pytest.mark.parametrize(
    ("depth", "parameters"),
    [
        (50, 25_557_032),
        pytest.param(101, 44_549_160, marks=pytest.mark.slow),
        pytest.param(152, 60_192_808, marks=pytest.mark.slow),
    ],
)
def test_parameters_of_the_networks_for_imagenet(depth, parameters):
    model = resnet((224, 224, 3), 1000, depth=depth)
    assert trainable_parameters(model) == parameters
    assert of_kind(model, keras.layers.GlobalAveragePooling2D)[0].input.shape == (None, 7, 7, 2048)


@pytest.mark.parametrize("depth", [20, 50])
def test_depth_counts_the_layers_with_weights(depth):
    model = resnet((32, 32, 3), 10, depth=depth)
    projections = 4 if depth == 50 else 0
    assert len(of_kind(model, keras.layers.Conv2D)) + 1 - projections == depth
    assert len(of_kind(model, keras.layers.BatchNormalization)) == len(of_kind(model, keras.layers.Conv2D))


def test_a_batch_norm_follows_every_convolution():
    for layer in of_kind(resnet(**BASIC, num_outputs=3), keras.layers.Conv2D):
        (after,) = [node.operation for node in layer._outbound_nodes]
        assert isinstance(after, keras.layers.BatchNormalization)


def test_the_stride_of_a_bottleneck_is_in_its_3x3_convolution():
    convolutions = of_kind(resnet(**BOTTLENECK, num_outputs=3), keras.layers.Conv2D)
    strided = sorted(layer.kernel_size for layer in convolutions if layer.strides == (2, 2))
    # The first layer, one 3x3 in each of three stages and the 1x1 of its shortcut.
    assert strided == [(1, 1)] * 3 + [(3, 3)] * 3 + [(7, 7)]


@pytest.mark.parametrize(("kind", "training"), [(BASIC, True), (BOTTLENECK, False)])
def test_zero_gamma_makes_every_block_its_shortcut(kind, training):
    model = resnet(**kind, num_outputs=3, zero_gamma=True)
    sums = of_kind(model, keras.layers.Add)
    watched = keras.Model(model.input, [[*layer.input, layer.output] for layer in sums])
    x = np.random.default_rng(0).normal(size=(4, *kind["input_shape"])).astype("float32")
    for shortcut, residual, total in watched(x, training=training):
        assert not np.any(residual)
        assert np.any(shortcut)
        np.testing.assert_array_equal(total, shortcut)


@pytest.mark.parametrize("kind", [BASIC, BOTTLENECK])
def test_without_zero_gamma_every_block_adds_something(kind):
    model = resnet(**kind, num_outputs=3)
    watched = keras.Model(model.input, [layer.input[1] for layer in of_kind(model, keras.layers.Add)])
    x = np.random.default_rng(0).normal(size=(4, *kind["input_shape"])).astype("float32")
    assert all(np.any(residual) for residual in watched(x))


def test_a_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros():
    model = resnet(**BASIC, num_outputs=3)
    shortcut = next(layer.input[0] for layer in of_kind(model, keras.layers.Add) if layer.input[0].shape[-1] == 32)
    before = [layer for layer in of_kind(model, keras.layers.Add) if layer.output.shape[-1] == 16][-1].output
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    before, shortcut = (np.asarray(value) for value in keras.Model(model.input, [before, shortcut])(x))
    np.testing.assert_array_equal(shortcut[..., :16], np.maximum(before, 0)[:, ::2, ::2])
    assert not shortcut[..., 16:].any()


def test_a_strided_convolution_is_centered_on_the_pixels_of_the_shortcut():
    model = resnet(**BASIC, num_outputs=3)
    layer = next(layer for layer in of_kind(model, keras.layers.Conv2D) if layer.strides == (2, 2))
    kernel = np.zeros(layer.kernel.shape, "float32")
    kernel[1, 1, :, :16] = np.eye(16)
    layer.kernel.assign(kernel)
    (padding,) = [operation for operation in model.layers if operation.output is layer.input]
    convolve = keras.Model(padding.input, layer.output)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype("float32")
    np.testing.assert_allclose(convolve(x)[..., :16], x[:, ::2, ::2], atol=1e-6)


def test_logits_of_depth_50_start_small():
    kernel = resnet(**BOTTLENECK, num_outputs=100).get_layer("logits").kernel.numpy()
    assert kernel.std() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize(("depth", "nearest"), [(21, 20), (2, 8), (18, 20), (100, 101)])
def test_other_depths_get_the_nearest(depth, nearest):
    with pytest.raises(RequestError, match=f"not {depth}; the nearest is {nearest}$"):
        resnet((32, 32, 3), 10, depth=depth)


def test_a_depth_that_is_no_number_gets_a_sentence():
    with pytest.raises(RequestError, match=r"not 'twenty'$"):
        resnet((32, 32, 3), 10, depth="twenty")


@pytest.mark.parametrize(("depth", "size"), [(20, 4), (50, 32)])
def test_images_too_small_are_refused(depth, size):
    with pytest.raises(RequestError, match=f"needs at least {size} x {size} pixels, not {size - 1} x {size}$"):
        resnet((size - 1, size, 3), 10, depth=depth)


def test_fixup_has_a_scalar_bias_for_each_convolution_and_activation_and_a_multiplier_for_each_branch():
    # 269,722 with batch normalization, whose own are 2 · (16 + 6 · 16 + 6 · 32 + 6 · 64); then 5 for each branch.
    model = resnet((32, 32, 3), 10, depth=20, normalization="fixup")
    assert model.count_params() == 269_722 - 2 * 688 + 2 + 9 * 5


@pytest.mark.parametrize("depth", [14, 50])
def test_every_branch_of_fixup_begins_at_0(depth):
    model = resnet((32, 32, 3), 10, depth=depth, normalization="fixup")
    ends = [layer.output for layer in model.layers if isinstance(layer, layers.ScalarMultiplier)]
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    for end in keras.Model(model.input, [*ends, model.output])(images):
        np.testing.assert_array_equal(end, np.zeros(end.shape))


def test_a_deep_network_with_fixup_learns():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 64)
    images = random.normal(size=(64, 8, 8, 1)) + labels[:, None, None, None]
    model = resnet((8, 8, 1), 2, depth=20, normalization="fixup")
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(True), jit_compile=False
    )
    losses = model.fit(images, labels, batch_size=32, epochs=7, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_zero_gamma_has_no_meaning_without_normalization():
    with pytest.raises(RequestError, match="zero_gamma is of a normalization, and fixup has none"):
        resnet((32, 32, 3), 10, normalization="fixup", zero_gamma=True)
