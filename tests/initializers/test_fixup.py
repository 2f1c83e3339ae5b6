"""Fixup: which branches it finds, what it does to them, and what that does to deep nets."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.gradients import Gradients
from tf_tricks.initializers import fixup
from tf_tricks.initializers.walk import kernel_of
from tf_tricks.layers import ScalarBias, ScalarMultiplier

WIDTH = 32


def dense(x, name=None, units=WIDTH):
    return keras.layers.Dense(units, kernel_initializer="he_normal", name=name)(x)


def relu(x):
    return keras.layers.Activation("relu")(x)


def residual_net(branches, weight_layers=2, scalars=False):
    """A deep residual net; the branch i has the layers b{i}_0, b{i}_1, and so on."""
    x = inputs = keras.Input((WIDTH,))
    x = dense(x, "stem")
    for i in range(branches):
        y = x
        for j in range(weight_layers):
            y = relu(ScalarBias()(y) if scalars else y)
            y = dense(ScalarBias()(y) if scalars else y, f"b{i}_{j}")
        y = ScalarBias()(ScalarMultiplier()(y)) if scalars else y
        x = keras.layers.Add()([x, y])
    x = keras.layers.Identity(name="features")(x)
    return keras.Model(inputs, dense(x, "logits", units=4))


def rms(x):
    return float(np.sqrt(np.mean(np.square(keras.ops.convert_to_numpy(x).astype("float64")))))


def batch(seed=0):
    return np.random.default_rng(seed).normal(size=(32, WIDTH)).astype("float32")


@pytest.mark.parametrize(("branches", "weight_layers"), [(1, 2), (4, 2), (9, 2), (4, 3), (4, 5)])
def test_the_weights_against_the_paper(branches, weight_layers):
    model = residual_net(branches, weight_layers)
    assert fixup(model, seed=0) == [tuple(f"b{i}_{j}" for j in range(weight_layers)) for i in range(branches)]
    he = (2 / WIDTH) ** 0.5
    scaled = he * branches ** (-1 / (2 * weight_layers - 2))
    for i in range(branches):
        assert rms(model.get_layer(f"b{i}_{weight_layers - 1}").kernel) == 0
        for j in range(weight_layers - 1):
            assert rms(model.get_layer(f"b{i}_{j}").kernel) == pytest.approx(scaled, rel=0.1)
    assert rms(model.get_layer("stem").kernel) == pytest.approx(he, rel=0.1)
    assert rms(model.get_layer("logits").kernel) == 0


def test_a_branch_of_one_layer_starts_at_zero():
    model = residual_net(3, weight_layers=1)
    fixup(model)
    assert [rms(model.get_layer(f"b{i}_0").kernel) for i in range(3)] == [0, 0, 0]


def test_biases_and_scalars_go_back_to_their_start():
    model = residual_net(2, scalars=True)
    for weight in model.weights:
        weight.assign(keras.ops.full(weight.shape, 0.3))
    fixup(model)
    for layer in model.layers:
        if isinstance(layer, ScalarMultiplier):
            assert float(layer.multiplier.value) == 1
        elif getattr(layer, "bias", None) is not None:
            assert rms(layer.bias) == 0


def test_equal_seeds_give_equal_weights_and_equal_layers_differ():
    models = [residual_net(2) for _ in range(2)]
    for model in models:
        fixup(model, seed=3)
    first, second = (model.get_weights() for model in models)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)
    assert (np.array(models[0].get_layer("b0_0").kernel) != np.array(models[0].get_layer("b1_0").kernel)).any()


def conv(x, name, filters, strides=1, size=3):
    return keras.layers.Conv2D(filters, size, strides, "same", name=name)(x)


def test_a_convolutional_net_with_projections():
    x = inputs = keras.Input((8, 8, 3))
    x = relu(conv(x, "stem", 4))
    x = relu(keras.layers.Add()([conv(relu(conv(x, "a0", 4)), "a1", 4), x]))
    shortcut = conv(x, "projection", 8, strides=2, size=1)
    x = relu(keras.layers.Add()([shortcut, conv(relu(conv(x, "b0", 8, strides=2)), "b1", 8)]))
    x = relu(x + conv(relu(conv(x, "c0", 8)), "c1", 8))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Softmax()(dense(x, "logits", 5)))
    assert fixup(model) == [("a0", "a1"), ("b0", "b1"), ("c0", "c1")]
    assert rms(model.get_layer("projection").kernel) == pytest.approx((2 / 4) ** 0.5, rel=0.3)
    assert rms(model.get_layer("logits").kernel) == 0
    assert rms(model.get_layer("c0").kernel) == pytest.approx((2 / 72) ** 0.5 * 3**-0.5, rel=0.1)


def test_two_branches_beside_one_shortcut():
    inputs = keras.Input((WIDTH,))
    branches = [dense(relu(dense(inputs, f"{name}0")), f"{name}1") for name in "ab"]
    model = keras.Model(inputs, dense(keras.layers.Add()([inputs, *branches]), "logits"))
    assert sorted(fixup(model)) == [("a0", "a1"), ("b0", "b1")]


def test_sums_that_are_not_residual_are_passed_over():
    left, right = keras.Input((WIDTH,)), keras.Input((WIDTH,))
    x = keras.layers.Add()([dense(left), dense(right)])
    x = keras.layers.Add()([relu(x), x])
    x = keras.layers.Add()([x, dense(relu(dense(x, "a0")), "a1")])
    assert fixup(keras.Model([left, right], dense(x))) == [("a0", "a1")]


def deviations_of_features(depths, prepare):
    found = []
    for depth in depths:
        keras.utils.set_random_seed(0)
        model = residual_net(depth)
        prepare(model)
        found.append(rms(keras.Model(model.inputs[0], model.get_layer("features").output)(batch())))
    return found


def test_activations_do_not_grow_with_depth():
    shallow, deep = deviations_of_features((2, 16), lambda model: fixup(model, seed=0))
    assert deep == pytest.approx(shallow, rel=0.1)


def test_activations_grow_with_depth_where_all_is_hes():
    # The power doubles with every branch: √2 for each of 14.
    shallow, deep = deviations_of_features((2, 16), lambda model: None)
    assert deep / shallow > 2**7 / 4


def with_a_random_classifier(model):
    kernel = model.get_layer("logits").kernel
    kernel.assign(np.random.default_rng(5).normal(size=kernel.shape) / WIDTH**0.5)


def update_size(depth, factor):
    """Change of the outputs by one step of SGD on the kernels of the branches, over its learning rate."""
    keras.utils.set_random_seed(0)
    model = residual_net(depth)
    fixup(model, seed=0)
    with_a_random_classifier(model)
    for i in range(depth):
        kernel = model.get_layer(f"b{i}_0").kernel
        kernel.assign(kernel * factor)
    slopes = np.random.default_rng(6).normal(size=(32, 4)).astype("float32")
    before = keras.ops.convert_to_numpy(model(batch()))
    _, gradients = Gradients(model, lambda labels, outputs: labels * outputs)(batch(), slopes)
    rate = 1e-3
    for variable, gradient in zip(model.trainable_variables, gradients):
        if "/kernel" in variable.path and variable.path.startswith("b"):
            variable.assign(variable - rate * gradient)
    return rms(keras.ops.convert_to_numpy(model(batch())) - before) / rate


def test_the_size_of_an_update_does_not_depend_on_depth():
    # A sum over 8 random branches varies by some 20 % from draw to draw.
    assert update_size(32, factor=1) / update_size(8, factor=1) == pytest.approx(1, rel=0.4)


def test_without_the_factor_the_size_of_an_update_grows_with_depth():
    # √L undoes Fixup's factor for m = 2: the update is then proportional to L.
    assert update_size(32, factor=32**0.5) / update_size(8, factor=8**0.5) == pytest.approx(4, rel=0.4)


def losses(model, steps, rate):
    x = batch()
    labels = np.tanh(x[:, :4])
    gradients = Gradients(model, keras.losses.MeanSquaredError())
    found = []
    for _ in range(steps):
        loss, slopes = gradients(x, labels)
        found.append(loss)
        for variable, slope in zip(model.trainable_variables, slopes):
            variable.assign(variable - rate * slope)
    return found


def test_a_deep_net_trains_with_it_and_diverges_without():
    model = residual_net(8, scalars=True)
    without = losses(model, 30, rate=0.05)
    fixup(model, seed=0)
    with_it = losses(model, 30, rate=0.05)
    assert not without[-1] < without[0]
    assert with_it[-1] < 0.3 * with_it[0]


def unchanged_by(model, message):
    before = model.get_weights()
    with pytest.raises(RequestError, match=message):
        fixup(model)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_a_net_that_normalizes():
    inputs = keras.Input((WIDTH,))
    x = keras.layers.Add()([inputs, dense(keras.layers.LayerNormalization(name="norm")(dense(inputs)))])
    unchanged_by(keras.Model(inputs, dense(x)), "'norm' is a LayerNormalization")


def test_standardized_inputs_are_no_normalization():
    inputs = keras.Input((WIDTH,))
    x = keras.layers.Normalization(mean=0.0, variance=1.0)(inputs)
    assert len(fixup(keras.Model(inputs, dense(keras.layers.Add()([x, dense(dense(x))]))))) == 1


def test_a_model_in_a_model():
    inputs = keras.Input((WIDTH,))
    inner = residual_net(1)
    unchanged_by(keras.Model(inputs, inner(inputs)), "without models inside it")


@pytest.mark.parametrize("model", [keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), "resnet"])
def test_no_branches(model):
    with pytest.raises(RequestError, match=r"no residual branch|needs a functional model"):
        fixup(model)


def test_equal_branches():
    inputs = keras.Input((WIDTH,))
    x = keras.layers.Add(name="sum")([dense(inputs, "left"), dense(inputs, "right")])
    unchanged_by(keras.Model(inputs, dense(x)), "which input of 'sum' is the branch")


def test_branches_inside_branches():
    inputs = keras.Input((WIDTH,))
    inner = keras.layers.Add()([inputs, dense(relu(dense(inputs)))])
    outer = keras.layers.Add()([inputs, dense(inner)])
    unchanged_by(keras.Model(inputs, dense(outer)), "not inside one another")


def test_every_kernel_of_the_net_is_set():
    model = residual_net(2)
    for layer in model.layers:
        if kernel_of(layer) is not None:
            kernel_of(layer).assign(keras.ops.full(kernel_of(layer).shape, np.nan))
    fixup(model)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
