"""A pretrained model with a new head: the features of the old one, and its preprocessing."""

import importlib

import keras
import numpy as np
import pytest

from tf_tricks import models
from tf_tricks.errors import RequestError

pretrained = importlib.import_module("tf_tricks.models.pretrained")  # not the function of that name


def get(path, shape=(8, 8, 1), **arguments):
    return models.get({"name": "pretrained", "init_from": str(path)} | arguments, input_shape=shape, num_outputs=3)


@pytest.fixture
def base(tmp_path):
    keras.utils.set_random_seed(0)
    model = models.get(
        {"name": "convnet", "filters": [4], "convolutions": 1, "dropout": 0.1},
        input_shape=(8, 8, 1),
        num_outputs=10,
        mean=[5.0],
        variance=[4.0],
    )
    model.trainable = False
    model.save(tmp_path / "base.keras")
    return model


def test_features_are_those_of_the_base(base, tmp_path):
    model = get(tmp_path / "base.keras")
    assert model.output_shape == (None, 3)
    assert all(layer.trainable for layer in model.layers)  # though the base was frozen
    x = np.random.default_rng(0).normal(5, 2, (4, 8, 8, 1)).astype("float32")
    head = model.get_layer("logits")
    features = keras.Model(base.input, base.get_layer("logits").input)(x)
    np.testing.assert_allclose(model(x), features @ head.kernel + head.bias, rtol=1e-5, atol=1e-6)


def test_a_folder_of_a_run_is_its_model(base, tmp_path):
    (tmp_path / "run").mkdir()
    base.save(tmp_path / "run" / "model.keras")
    assert get(tmp_path / "run").count_params() == get(tmp_path / "base.keras").count_params()


def test_a_network_of_keras_that_was_saved_alone_gets_its_preprocessing(tmp_path):
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    network.save(tmp_path / "vgg.keras")
    x = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = network(keras.applications.vgg16.preprocess_input(x.copy()))
    model = get(tmp_path / "vgg.keras", (32, 32, 3))
    features = keras.Model(model.input, model.get_layer("logits").input)
    np.testing.assert_allclose(features(x), expected, rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in model.layers if layer.name.startswith("preprocessing_of_")] == [
        "preprocessing_of_vgg16"
    ]
    plain = get(tmp_path / "vgg.keras", (32, 32, 3), preprocessing_of=None)
    features = keras.Model(plain.input, plain.get_layer("logits").input)
    np.testing.assert_allclose(features(x), network(x), rtol=1e-4, atol=1e-5)


def test_features_of_images_are_averaged(tmp_path):
    network = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Conv2D(3, 3)])
    network.save(tmp_path / "body.keras")
    model = get(tmp_path / "body.keras", (6, 6, 2))
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype("float32")
    features = keras.Model(model.input, model.get_layer("logits").input)
    np.testing.assert_allclose(features(x), np.mean(network(x), axis=(1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("path", "arguments", "sentence"),
    [
        ("none.keras", {}, "does not exist"),
        ("base.keras", {"shape": (9, 9, 1)}, r"takes inputs \[8, 8, 1\], not \[9, 9, 1\]; --config.data.image_size"),
        (
            "base.keras",
            {"preprocessing_of": "vgg61"},
            "there is no network of keras.applications called 'vgg61'; did you mean 'vgg1",
        ),
        ("base.keras", {"dropout": 1.5}, "dropout"),
        ("base.weights.h5", {}, "holds weights, and no model"),
        ("damaged.keras", {}, "is damaged"),
        ("empty", {}, "is not finished: it has no model.keras yet"),
    ],
)
def test_a_wrong_request_gets_a_sentence(path, arguments, sentence, base, tmp_path):
    base.save_weights(tmp_path / "base.weights.h5")
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match=sentence):
        get(tmp_path / path, **arguments)


def test_nothing_to_start_from_gets_a_sentence():
    with pytest.raises(RequestError, match=r"init_from must be a run's folder or a \.keras file, not None"):
        models.get("pretrained", input_shape=(4,), num_outputs=3, init_from=None)


def features_of(model):
    head = [layer for layer in model.layers if layer.name.startswith("logits")][-1]
    return keras.Model(model.input, head.input)


def test_preprocessing_that_the_model_does_itself_is_not_done_twice(tmp_path):
    from keras.applications import resnet_v2

    inputs = keras.Input((32, 32, 3))
    body = keras.applications.ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    base = keras.Model(inputs, keras.layers.Dense(4)(body(resnet_v2.preprocess_input(inputs))))
    base.save(tmp_path / "base.keras")
    x = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = body(resnet_v2.preprocess_input(x.copy()))
    np.testing.assert_allclose(
        features_of(get(tmp_path / "base.keras", (32, 32, 3)))(x), expected, rtol=1e-4, atol=1e-5
    )


def test_mobile_nets_are_known_by_their_names(tmp_path):
    network = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, classes=7)
    network.save(tmp_path / "net.keras")
    model = get(tmp_path / "net.keras", (32, 32, 3))
    assert "preprocessing of mobilenet_v2" in pretrained.described(model)
    assert "the 1280 features of" in pretrained.described(model)


def test_a_model_with_a_new_head_gets_another_one(base, tmp_path):
    first = get(tmp_path / "base.keras", dropout=0.5)
    first.save(tmp_path / "first.keras")
    second = get(tmp_path / "first.keras", dropout=0.25)
    dropouts = [layer.rate for layer in second.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropouts == [0.25]
    x = np.ones((2, 8, 8, 1), "float32")
    np.testing.assert_allclose(features_of(second)(x), features_of(first)(x), rtol=1e-6)


def test_names_of_the_base_are_not_taken_again(tmp_path):
    named = [keras.layers.Conv2D(4, 3, name="logits"), keras.layers.GlobalAveragePooling2D(name="head_pooling")]
    keras.Sequential([keras.Input((8, 8, 1)), *named, keras.layers.Dense(5)]).save(tmp_path / "base.keras")
    assert get(tmp_path / "base.keras").layers[-1].name == "logits_2"


def test_a_head_is_not_put_on_probabilities(tmp_path):
    layers = [keras.layers.Conv2D(5, 1, name="conv"), keras.layers.GlobalAveragePooling2D(name="mean")]
    keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Softmax()]).save(tmp_path / "base.keras")
    model = get(tmp_path / "base.keras")
    assert pretrained.described(model) == "its new head stands on the 5 features of 'mean'"
