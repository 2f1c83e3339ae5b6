"""ONNX: the operations that tf2onnx lacks, and the packages that may be missing."""

import importlib.util

import keras
import numpy as np
import onnx
import pytest
from support import models_to_export

from tf_tricks import RequestError
from tf_tricks.export import signature, to_onnx


def write(model, path):
    to_onnx.write(model, signature.of(model), path)


@pytest.mark.parametrize("activation", ["gelu", "celu", "silu", "softplus", "hard_silu", "mish", "selu", "log_softmax"])
def test_activations(tmp_path, activation):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Activation(activation)])
    write(model, tmp_path / "model.onnx")
    x = np.linspace(-6, 6, 30, dtype="float32").reshape(10, 3)
    found = to_onnx.load(tmp_path / "model.onnx", signature.of(model))({"x": x})["output_0"]
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)


def test_constants_of_a_layer_are_no_inputs(tmp_path):
    write(models_to_export.images(), tmp_path / "model.onnx")
    assert [value.name for value in onnx.load(tmp_path / "model.onnx").graph.input] == ["image"]


def test_a_file_is_valid(tmp_path):
    write(models_to_export.images(), tmp_path / "model.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=True)


def test_an_operation_that_it_lacks_is_named(tmp_path):
    model = keras.Sequential([keras.Input((4,)), models_to_export.Outwards()])
    with pytest.raises(RequestError, match=r"cannot be an ONNX file: that has no operation for tf\.Erfinv"):
        write(model, tmp_path / "model.onnx")
    assert not any(tmp_path.iterdir())


def test_texts_cannot_be_looked_up(tmp_path):
    inputs = keras.Input((2,), dtype="string")
    looked_up = keras.layers.StringLookup(vocabulary=["a", "b"])(inputs)
    model = keras.Model(inputs, keras.layers.Embedding(3, 2)(looked_up))
    with pytest.raises(RequestError, match=r"that has no operation for tf\.LookupTableFindV2"):
        write(model, tmp_path / "model.onnx")


def test_a_missing_package_says_what_to_install(monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "onnx" in name else there(name))
    with pytest.raises(RequestError, match=r"ONNX needs tf2onnx, onnx, onnxruntime: pip install 'tf_tricks\[onnx\]'"):
        to_onnx.check_installed()
