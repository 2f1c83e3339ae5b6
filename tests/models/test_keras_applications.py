"""The networks of keras.applications: what Keras's own give, from raw pixels on, with any weights."""

import importlib
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
from keras.src.utils import file_utils

from tf_tricks import models
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import plain
from tf_tricks.models.keras_applications import PREFIX, by_name, preprocessed
from tf_tricks.weights import assign, layers_of, pair

NETWORKS = {name: make.__wrapped__ for name, make in by_name().items()}
FAMILIES = sorted({network.__module__.split(".")[-1] for network in NETWORKS.values()})
SMALL = {"name": f"{PREFIX}mobilenet_v3_small", "alpha": 0.35, "minimalistic": True}
SHAPE = (32, 40, 3)
RUN = {"input_shape": SHAPE, "num_outputs": 5, "input_dtype": "uint8"}


def images(shape=SHAPE):
    return np.random.default_rng(0).integers(0, 256, (2, *shape), "uint8")


def build(model, **arguments):
    keras.utils.set_random_seed(0)
    return models.get(model, **{**RUN, **arguments})


def features(model):
    """The model up to what its head gets."""
    return keras.Model(model.input, model.get_layer("logits").input)


def with_random_weights(model):
    """Each weight of its own; statistics of batch norm and scales stay positive."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if weight.shape:
            values = generator.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1]) or 1)
            weight.assign(
                1 + 0.1 * np.abs(values) if weight.name in ("moving_variance", "variance", "gamma") else values
            )
    return model


def assert_close(found, wanted):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def network_of(**arguments):
    """Keras's own network that SMALL is."""
    return keras.applications.MobileNetV3Small(weights=None, alpha=0.35, minimalistic=True, **arguments)


# Names


def test_every_network_of_keras_has_a_name():
    functions = [name for name in dir(keras.applications) if name[0].isupper()]
    assert sorted(map(plain, NETWORKS)) == sorted(map(plain, functions))
    assert len(NETWORKS) >= 38
    names = ["convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "inception_resnet_v2"]
    names += ["mobilenet_v3_small", "nasnet_mobile", "resnet50_v2", "vgg16", "xception"]
    assert set(names) <= set(NETWORKS)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "keras_applications/mobilenet_v3_smal",
            "no model of keras.applications called 'mobilenet_v3_smal'; did you mean 'mobilenet_v3_small'",
        ),
        ("mobilenet_v3_small", "there is no model .* of this package; did you mean 'keras_applications/mobilenet_v3_s"),
        ("VGG16", "did you mean 'keras_applications/vgg16'"),
    ],
)
def test_another_name_gets_the_nearest(name, sentence):
    with pytest.raises(RequestError, match=sentence):
        build(name)


def test_a_name_as_keras_writes_it():
    assert build({**SMALL, "name": f"{PREFIX}MobileNetV3Small"}).name == "MobileNetV3Small"


# Pixels


@pytest.mark.parametrize("family", FAMILIES)
def test_the_preprocessing_of_every_family_is_that_of_keras(family):
    network = next(network for network in NETWORKS.values() if network.__module__.endswith(f".{family}"))
    pixels = images().astype("float32")
    wanted = importlib.import_module(network.__module__).preprocess_input(pixels.copy())
    np.testing.assert_allclose(preprocessed(keras.ops.convert_to_tensor(pixels), network), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet", "mobilenet_v3_small", "vgg16", "convnext_tiny"])
def test_a_network_gives_what_keras_own_gives(name):
    model, own = build(PREFIX + name), NETWORKS[name](weights=None, include_top=False, input_shape=SHAPE, pooling="avg")
    with_random_weights(own)
    assign(model, {ours.path: theirs.weights for ours, theirs in pair(layers_of(model), layers_of(own)).pairs})
    preprocess = importlib.import_module(NETWORKS[name].__module__).preprocess_input
    assert_close(features(model)(images()), own(preprocess(images().astype("float32"))))


def test_a_gray_image_is_one_of_three_equal_channels():
    gray, colored = build(SMALL, input_shape=(32, 40, 1)), build(SMALL)
    colored.set_weights(with_random_weights(gray).get_weights())
    x = images((32, 40, 1))
    np.testing.assert_array_equal(gray(x), colored(np.repeat(x, 3, axis=-1)))


def test_floats_of_another_range():
    bytes_in, floats_in = build(SMALL), build({**SMALL, "value_range": [0, 1]}, input_dtype="float32")
    floats_in.set_weights(with_random_weights(bytes_in).get_weights())
    assert_close(floats_in(images() / np.float32(255)), bytes_in(images()))


def test_the_datas_mean_and_variance_are_not_applied():
    plain_model = build(SMALL)
    other = build(SMALL, mean=[100.0] * 3, variance=[4000.0] * 3)
    other.set_weights(plain_model.get_weights())
    np.testing.assert_array_equal(other(images()), plain_model(images()))


def test_batch_norm_is_that_over_all_replicas():
    layers = [layer for layer in build(SMALL).layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert layers
    assert all(layer.synchronized and layer.trainable for layer in layers)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_under_every_policy(policy):
    keras.config.set_dtype_policy(policy)
    outputs = build(SMALL)(images())
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    assert np.isfinite(outputs).all()


def test_the_preprocessing_is_saved_for_keras_alone(tmp_path):
    expected = {}
    for name in ("vgg16", "densenet121", "mobilenet"):  # the three modes of Keras
        inputs = keras.Input(SHAPE)
        model = keras.Model(inputs, preprocessed(inputs, NETWORKS[name]))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = model(images().astype("float32")).numpy()
    np.savez(tmp_path / "expected.npz", x=images().astype("float32"), **expected)
    program = (
        "import pathlib, keras, numpy as np\n"
        "data = np.load('expected.npz')\n"
        "for path in pathlib.Path().glob('*.keras'):\n"
        "    np.testing.assert_array_equal(keras.models.load_model(path)(data['x']), data[path.stem])\n"
        "    print(path.stem)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert sorted(done.stdout.split()) == sorted(expected), done.stderr


# Weights


def published(model, path, rename=lambda name: name):
    """Writes a file as Keras publishes them."""
    names = {layer: layer.name for layer in model.layers}
    for layer in model.layers:
        layer._name = rename(layer.name)
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    for layer, name in names.items():
        layer._name = name
    return path


@pytest.fixture(scope="module")
def source():
    keras.utils.set_random_seed(0)
    return with_random_weights(network_of(include_top=False, input_shape=SHAPE, pooling="avg"))


def assert_has(model, source):
    pairs = pair(layers_of(model), layers_of(source)).pairs
    assert len(pairs) == sum(bool(layer.weights) for layer in layers_of(source))
    for ours, theirs in pairs:
        for key, value in ours.weights.items():
            np.testing.assert_array_equal(value, theirs.weights[key])


@pytest.mark.parametrize("name", ["it.h5", "it.weights.h5", "it.keras", "renamed.h5"])
def test_weights_of_a_file(source, tmp_path, name):
    if name == "it.h5":
        published(source, tmp_path / name)
    elif name == "renamed.h5":  # MobileNetV3 was published with Conv/BatchNorm where Keras has conv_bn
        published(source, tmp_path / name, lambda name: f"published_{name}")
    elif name == "it.keras":
        source.save(tmp_path / name)
    else:
        source.save_weights(tmp_path / name)
    assert_has(build({**SMALL, "weights": str(tmp_path / name)}), source)


def test_weights_of_a_file_with_the_head_of_others(tmp_path):
    whole = with_random_weights(network_of(include_top=True, input_shape=SHAPE, classes=7))
    body = keras.Model(whole.input, whole.get_layer("conv_1_bn").output)
    for rename in (str, lambda name: f"published_{name}"):
        published(whole, tmp_path / "it.h5", rename)
        assert_has(build({**SMALL, "weights": str(tmp_path / "it.h5")}), body)


def test_weights_of_a_run_of_ours(source, tmp_path):
    source.save_weights(tmp_path / "it.weights.h5")
    first = build({**SMALL, "weights": str(tmp_path / "it.weights.h5")}, num_outputs=3)
    first.save(tmp_path / "model.keras")
    assert_has(build({**SMALL, "weights": str(tmp_path / "model.keras")}, input_shape=(48, 32, 1)), source)


def test_weights_of_another_network_are_refused(tmp_path):
    network_of(include_top=False, input_shape=SHAPE).save_weights(tmp_path / "it.weights.h5")
    sentence = (
        r"it.weights.h5 has no weights of keras_applications/mobilenet_v3_small: .* is \[.*\] there and \[.*\] here"
    )
    with pytest.raises(RequestError, match=sentence):
        build({**SMALL, "alpha": 0.5, "weights": str(tmp_path / "it.weights.h5")})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Weights for input shape")  # which Keras says of pictures that are not square
@pytest.mark.parametrize("name", ["mobilenet", "efficientnet_b0"])
def test_weights_of_imagenet_give_what_keras_gives(name, tmp_path, monkeypatch):
    """As if they had been downloaded; an EfficientNet's bring statistics, which Keras uses in a way of its own."""
    network = NETWORKS[name]
    own = with_random_weights(network(weights=None, include_top=False, input_shape=SHAPE))
    for layer in own.layers:
        if isinstance(layer, keras.layers.Normalization):
            deviation = np.array([0.229, 0.224, 0.225])
            layer.load_own_variables({"0": np.array([0.485, 0.456, 0.406]), "1": deviation**2, "2": np.array(1)})
    file = published(own, tmp_path / "it.h5")
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(file))
    keras_own = network(weights="imagenet", include_top=False, input_shape=SHAPE, pooling="avg")
    wanted = keras_own(images().astype("float32"))
    for weights in ("imagenet", str(file)):
        assert_close(features(build({"name": PREFIX + name, "weights": weights}))(images()), wanted)


def test_weights_that_cannot_be_downloaded(monkeypatch):
    def get_file(*_, **__):
        raise Exception("URL fetch failure on https://storage: None -- Name or service not known")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with pytest.raises(
        RequestError, match=r"'imagenet' of .* cannot be downloaded: URL fetch failure.*give weights=FILE$"
    ):
        build({"name": f"{PREFIX}mobilenet_v3_small", "weights": "imagenet"})


def test_weights_that_others_replace_are_not_read():
    build({**SMALL, "weights": "nowhere.h5"}, load_weights=False)


@pytest.mark.parametrize(
    ("model", "arguments", "sentence"),
    [
        ({}, {"input_shape": (28, 28, 1)}, r"mobilenet_v3_small cannot be made: Input size must be at least 32x32"),
        ({}, {"input_shape": (32, 32, 4)}, "takes images of 1 or 3 channels, not 4"),
        ({}, {"input_shape": (13,)}, r"needs images of shape \(height, width, channels\), not inputs of \(13,\)"),
        ({}, {"input_dtype": "complex64"}, "there is no input dtype 'complex64'"),
        ({}, {"preprocessing": keras.layers.Rescaling(2)}, "of raw pixels: leave the data's out"),
        (
            {},
            {"mean": [0.5] * 3, "variance": [0.1] * 3},
            "takes pixels from 0 to 255, and these images have a mean of 0.5",
        ),
        ({"value_range": [0, 1, 2]}, {}, "value_range must be what black and white are"),
        ({"value_range": [1, 0]}, {}, "value_range must rise"),
        ({"dropout": 1.0}, {}, "dropout must be a number at least 0 and below 1"),
        ({"alfa": 0.5}, {}, "called 'alfa'; did you mean 'alpha'"),
        ({"include_top": True}, {}, "there is no argument of the model .* called 'include_top'"),
        ({"weights": "imagnet"}, {}, "there is no weights of Keras called 'imagnet'; did you mean 'imagenet'"),
        ({"weights": "nowhere.h5"}, {}, "nowhere.h5 does not exist"),
        ({"weights": 3}, {}, "weights must be None, 'imagenet' or the path of a file, not 3"),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(model, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        build({**SMALL, **model}, **arguments)
