"""Each format, written and loaded again, computes what Keras's own predict does, for one example and for many."""

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from support import models_to_export

from tf_tricks import RequestError, RunError
from tf_tricks.export import exported, signature

SUFFIX = {"saved_model": "", "tflite": ".tflite", "onnx": ".onnx"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A function of a kind of model and a format that returns the model, the file and how it is run; written once."""
    found = {}

    def write(kind, format):
        if (kind, format) not in found:
            keras.utils.set_random_seed(0)
            model = models_to_export.settled(models_to_export.KINDS[kind]())
            path = tmp_path_factory.mktemp(kind) / f"model{SUFFIX[format]}"
            found[kind, format] = model, path, exported.write(model, signature.of(model), format, path)[0]
        return found[kind, format]

    return write


@pytest.mark.slow
@pytest.mark.parametrize("format", SUFFIX)
@pytest.mark.parametrize("kind", models_to_export.KINDS)
def test_what_is_written_computes_the_same(written, kind, format):
    model, _, run = written(kind, format)
    taken = signature.of(model)
    for number in (1, 32, 3):
        arrays = signature.made_up(taken, number)
        expected = tf.nest.flatten(model.predict(taken.inputs(arrays), verbose=0))
        for ours, theirs in zip(run(arrays).values(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# Without this package, as whoever gets the file does it


@pytest.fixture
def dicts(written):
    """A function of a format that returns the file, inputs, and what the model makes of them."""

    def write(format):
        model, path, _ = written("dicts", format)
        arrays = signature.made_up(signature.of(model), 7)
        return path, arrays, model.predict(arrays, verbose=0)

    return write


def test_a_saved_model_is_served(dicts):
    path, arrays, expected = dicts("saved_model")
    loaded = tf.saved_model.load(path)
    found = loaded.serve({name: tf.constant(array) for name, array in arrays.items()})
    np.testing.assert_allclose(found["left"], expected["left"], atol=1e-6)


def test_a_tflite_file_is_interpreted(dicts):
    path, arrays, expected = dicts("tflite")
    runner = tf.lite.Interpreter(str(path)).get_signature_runner("serving_default")
    np.testing.assert_allclose(runner(**arrays)["right"], expected["right"], atol=1e-6)


def test_an_onnx_file_is_run(dicts):
    path, arrays, expected = dicts("onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert {value.name: value.shape for value in session.get_inputs()} == {"table": ["batch", 4], "word": ["batch", 3]}
    (found,) = session.run(["left"], arrays)
    np.testing.assert_allclose(found, expected["left"], atol=1e-6)


# What is too far from the model


X = {"x": np.ones((2, 1), "float32")}


def off_by(difference):
    return lambda arrays: {"y": arrays["x"] + difference}


def test_a_difference_that_is_allowed():
    assert exported.check(off_by(0.25), off_by(0.0), [X], "onnx", 0.25, False) == 0.25


def test_a_difference_that_is_too_large():
    with pytest.raises(RunError, match=r"of the onnx export are not those .* up to 0.25 on 2 examples, and 0.1 is"):
        exported.check(off_by(0.25), off_by(0.0), [X], "onnx", 0.1, False)


def test_a_batch_of_one_counts_too():
    def run(arrays):
        return {"y": arrays["x"] + (len(arrays["x"]) == 1)}

    with pytest.raises(RunError, match="differ by up to 1"):
        exported.check(run, off_by(0.0), [X, {"x": X["x"][:1]}], "tflite", 0.1, False)


def test_integers_are_measured_by_all_outputs_together():
    """A single example's outputs may be near each other by chance."""
    x = np.array([[1.0, 1.001], [3.0, -3.0], [-2.0, 5.0]])
    batches = [{"x": x}, {"x": x[:1]}]
    error = exported.check(lambda a: {"y": a["x"] + 0.05}, lambda a: {"y": a["x"]}, batches, "tflite", 0.5, True)
    assert error == pytest.approx(0.05 / np.std([*x.ravel(), *x[0]]))


def test_what_cannot_be_run():
    def run(arrays):
        raise RuntimeError("Node number 10\nfailed")

    with pytest.raises(RequestError, match="can be written but not be run, and is not kept: Node number 10 failed"):
        exported.check(run, off_by(0.0), [X], "tflite", 0.1, False)


def test_nan_is_not_allowed():
    with pytest.raises(RunError, match="inf"):
        exported.check(off_by(np.nan), off_by(0.0), [X], "onnx", 0.1, False)


# Precision


def halved():
    keras.config.set_dtype_policy("mixed_bfloat16")
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(6), keras.layers.LayerNormalization()])


def test_half_precision_becomes_single():
    model, x = halved(), np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    keras.config.set_dtype_policy("float32")
    single = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6), keras.layers.LayerNormalization()])
    single.set_weights(model.get_weights())
    assert exported.compute_in_float32(model)
    np.testing.assert_array_equal(model(x), single(x))
    assert not exported.compute_in_float32(model)


def test_half_precision_is_compared_by_what_it_rounds():
    model = halved()
    assert exported.tolerance(model, "saved_model", False) == 2.0**-7
    exported.compute_in_float32(model)
    assert exported.tolerance(model, "saved_model", False) == 1e-5


def test_dropout_in_inference_is_not_repeatable():
    x = {"x": np.ones((4, 8), "float32")}
    for training in (False, True):
        layer = keras.layers.Dropout(0.5)
        run = lambda arrays: {"y": np.asarray(layer(arrays["x"], training=training))}  # noqa: B023, E731
        assert exported.is_repeatable(run, x) is not training
