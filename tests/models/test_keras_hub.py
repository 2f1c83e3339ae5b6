"""Backbones of KerasHub, with a stand-in: the package itself brings 250 MB, and was tried by hand."""

import sys
import types

import keras
import numpy as np
import pytest
from keras import ops

from tf_tricks import models
from tf_tricks.errors import RequestError

IMAGES = {"input_shape": (16, 12, 3), "num_outputs": 4, "input_dtype": "uint8", "mean": [100.0], "variance": [900.0]}
IMAGES |= {"mean": [100.0] * 3, "variance": [900.0] * 3}
TEXTS = {"input_shape": (6,), "num_outputs": 4, "input_dtype": "float32", "mean": [1.0] * 6, "variance": [1.0] * 6}


def image_backbone(image_shape, filters=2, tokens=False):
    inputs = keras.Input(image_shape)
    x = keras.layers.Conv2D(filters, 3, name="conv")(inputs)
    return keras.Model(inputs, keras.layers.Reshape((-1, filters))(x) if tokens else x, name="images")


def text_backbone(vocabulary_size, pooled=False, extra=()):
    names = ("token_ids", "padding_mask", *extra)
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    x = keras.layers.Embedding(vocabulary_size, 3, name="embedding")(inputs["token_ids"])
    for name in names[1:]:
        x += 0.0 * ops.expand_dims(ops.cast(inputs[name], "float32"), -1)
    outputs = {"sequence_output": x}
    if pooled:
        outputs["pooled_output"] = outputs["sequence_output"][:, 0]
    return keras.Model(inputs, outputs, name="texts")


class Backbone:
    presets = {"resnet_18": {}, "bert_tiny": {}}

    @staticmethod
    def from_preset(preset, load_weights=True, **arguments):
        if preset not in Backbone.presets:
            raise ValueError(f"Unknown preset identifier {preset}. A preset must be one of ...")
        if preset == "bert_tiny":
            raise ConnectionError("Failed to resolve 'api.kaggle.com'")
        made = image_backbone(**arguments)
        for weight in made.weights if load_weights else ():
            weight.assign(ops.ones(weight.shape))
        return made


class ImageConverter:
    scale, offset = [1 / 255.0] * 3, None

    @staticmethod
    def from_preset(preset):
        return ImageConverter()


@pytest.fixture(autouse=True)
def _hub(monkeypatch):
    hub = types.ModuleType("keras_hub")
    hub.models = types.SimpleNamespace(Backbone=Backbone, ImageBackbone=image_backbone, TextBackbone=text_backbone)
    hub.layers = types.SimpleNamespace(ImageConverter=ImageConverter)
    monkeypatch.setitem(sys.modules, "keras_hub", hub)


def test_a_preset_gets_pixels_as_its_converter_scales_them():
    model = models.get("keras_hub/resnet_18", **IMAGES)
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 12, 3), "uint8")
    body = model.get_layer("images")
    wanted = ops.mean(body(x.astype("float32") / 255), axis=(1, 2))
    found = keras.Model(model.input, model.get_layer("logits").input)(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert float(body.get_layer("conv").kernel[0, 0, 0, 0]) == 1
    assert model(x).shape == (2, 4)


def test_a_preset_takes_gray_images_and_other_sizes():
    model = models.get({"name": "keras_hub/resnet_18", "filters": 5}, **{**IMAGES, "input_shape": (9, 9, 1)})
    assert (model.input_shape, model.get_layer("images").input_shape) == ((None, 9, 9, 1), (None, 9, 9, 3))


def test_the_weights_of_a_preset_need_not_be_read():
    model = models.get("keras_hub/resnet_18", load_weights=False, **IMAGES)
    assert float(model.get_layer("images").get_layer("conv").kernel[0, 0, 0, 0]) != 1


@pytest.mark.parametrize("tokens", [False, True])
def test_a_class_gets_the_data_standardized(tokens):
    model = models.get({"name": "keras_hub/image_backbone", "filters": 5, "tokens": tokens}, **IMAGES)
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 12, 3), "uint8")
    features = model.get_layer("images")((x.astype("float32") - 100) / 30)
    found = keras.Model(model.input, model.get_layer("logits").input)(x)
    np.testing.assert_allclose(found, ops.mean(features, axis=1 if tokens else (1, 2)), rtol=1e-4, atol=1e-5)


def test_a_text_is_averaged_without_its_padding():
    model = models.get({"name": "keras_hub/TextBackbone", "vocabulary_size": 9}, **TEXTS)
    ids = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 1]], "float32")
    table = np.asarray(model.get_layer("texts").get_layer("embedding").embeddings)
    wanted = [table[[1, 2, 3]].mean(axis=0), table[[4, 5, 6, 7, 8, 1]].mean(axis=0)]
    found = keras.Model(model.input, model.get_layer("logits").input)(ids)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_pooled_output_is_taken(tmp_path):
    model = models.get({"name": "keras_hub/TextBackbone", "vocabulary_size": 9, "pooled": True}, **TEXTS)
    ids = np.array([[1, 2, 3, 0, 0, 0]], "float32")
    table = np.asarray(model.get_layer("texts").get_layer("embedding").embeddings)
    np.testing.assert_array_equal(keras.Model(model.input, model.get_layer("logits").input)(ids), table[[1]])
    model.save(tmp_path / "it.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "it.keras")(ids), model(ids))


@pytest.mark.parametrize(
    ("model", "data", "sentence"),
    [
        (
            {"name": "keras_hub/resnet_19"},
            IMAGES,
            "of KerasHub called 'resnet_19'; did you mean 'resnet_18'",
        ),
        ({"name": "keras_hub/bert_tiny"}, TEXTS, "its preset cannot be downloaded: Failed to resolve 'api.kaggle.com'"),
        ({"name": "keras_hub/TextBackbone"}, TEXTS, "it cannot be made: .* missing 1 required positional argument"),
        (
            {"name": "keras_hub/TextBackbone", "vocabulary_size": 9},
            IMAGES,
            "takes no images, but .'padding_mask'",
        ),
        (
            {"name": "keras_hub/ImageBackbone", "image_shape": (8, 8, 3)},
            TEXTS,
            r"takes no token ids of shape \(6,\)",
        ),
        (
            {"name": "keras_hub/TextBackbone", "vocabulary_size": 9, "extra": ["decoder_ids"]},
            TEXTS,
            "takes no token ids of shape .* but .'decoder_ids'",
        ),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(model, data, sentence):
    with pytest.raises(RequestError, match=sentence):
        models.get(model, **data)


def test_without_keras_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(RequestError, match=r"needs KerasHub: pip install 'tf_tricks\[hub\]'"):
        models.get("keras_hub/resnet_18", **IMAGES)
