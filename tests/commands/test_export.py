"""`tf-tricks export`: what it leaves is the run's model, or nothing."""

import os
import re
import runpy

import fsspec
import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from support.sentences import assert_sentence

import tf_tricks as tt
from tf_tricks.commands import export as export_command
from tf_tricks.export import to_tflite

OUTPUTS = {"keras": "model.keras", "saved_model": "model", "tflite": "model.tflite", "onnx": "model.onnx"}

MINE = '''
import keras


class Gain(keras.layers.Layer):
    """A weight for each channel."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain


def network(input_shape, num_outputs, mean, variance, **others):
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    x = keras.layers.Normalization(mean=mean, variance=variance)(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = Gain()(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(num_outputs)(x))
'''
CONFIG = """
def get_config():
    return dict(epochs=4, data="digits", model="mine:network", learning_rate=0.05, batch_size=32)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Where the module's run of a config with files of its own lies, once a test has needed it."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def run(trained, tf_tricks):
    """A finished run of `tf-tricks train`, whose model has a layer of the user's."""
    if not (trained / "run").exists():
        (trained / "mine.py").write_text(MINE)
        (trained / "config.py").write_text(CONFIG)
        outcome = tf_tricks("train", f"--config={trained / 'config.py'}", f"--workdir={trained / 'run'}")
        assert outcome.status == 0, outcome.err
    return trained / "run"


@pytest.fixture
def export(tf_tricks, run, tmp_path):
    """A function of a format and flags that exports the run, and returns what was printed and the path."""

    def call(format, *arguments, workdir=run, name=None):
        path = tmp_path / (name or OUTPUTS[format])
        outcome = tf_tricks("export", f"--workdir={workdir}", f"--format={format}", f"--output={path}", *arguments)
        assert outcome.status == 0, outcome.err
        assert outcome.err == ""
        assert {entry.name for entry in tmp_path.iterdir()} >= {path.name}
        assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")]
        return outcome.out, path

    return call


@pytest.fixture(scope="module")
def digits():
    """Test images, and what the run's model makes of them."""
    test = tt.data.get("digits").test
    return np.asarray(test.fetch(np.arange(test.num_examples), np.arange(test.num_examples))[0])


def predicted(run, images):
    own = runpy.run_path(str(run.parent / "mine.py"))
    return keras.models.load_model(run / "model.keras", {"Gain": own["Gain"]}).predict(images, verbose=0)


def interpret(path, images):
    return tf.lite.Interpreter(os.fspath(path)).get_signature_runner()(image=images)["output_0"]


def run_onnx(path, images):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": images})[0]


@pytest.mark.parametrize("format", OUTPUTS)
def test_an_export_computes_what_the_run_does(export, run, digits, format):
    out, path = export(format)
    size = r"\d+(\.\d+)? kB"
    error = r"largest difference \S+ on 32 validation examples"
    assert re.fullmatch(rf"exported: {path}  {size}  3,258 parameters  (the same weights  )?{error}\n", out)
    if format == "saved_model":
        loaded = tf.saved_model.load(path)
        found = loaded.signatures["serving_default"](image=tf.constant(digits))["output_0"].numpy()
    elif format == "keras":
        assert path.read_bytes() == (run / "model.keras").read_bytes()
        return
    else:
        found = {"tflite": interpret, "onnx": run_onnx}[format](path, digits)
    np.testing.assert_allclose(found, predicted(run, digits), rtol=1e-4, atol=1e-4)


def test_integers_are_evaluated_beside_floats(export, run, digits, tf_tricks):
    out, path = export("tflite", "--quantize=int8", name="small.tflite")
    lines = out.splitlines()
    assert re.search(r"error \d\.\d% of the outputs' standard deviation on 32 validation examples$", lines[0])
    accuracies = [float(re.search(r"validation accuracy (\S+)", line)[1]) for line in lines[1:]]
    assert lines[1].startswith("in int8:")
    assert lines[2].removeprefix("in floats: ") == tf_tricks(
        "evaluate", f"--workdir={run}", "--split=validation"
    ).out.removesuffix("\n")
    assert abs(accuracies[0] - accuracies[1]) <= 0.01
    same = np.argmax(interpret(path, digits), 1) == np.argmax(predicted(run, digits), 1)
    assert np.mean(same) > 0.98


def test_the_number_of_examples_to_calibrate_by(tf_tricks, run, tmp_path, monkeypatch):
    given = []

    def counted(model, signature, path, calibration):
        given.extend(example["image"].shape for example in calibration)
        raise OSError("counted, and not written, for that takes long")

    monkeypatch.setattr(to_tflite, "write", counted)
    flags = ("--format=tflite", "--quantize=int8", "--calibration=20", f"--output={tmp_path / 'model.tflite'}")
    tf_tricks("export", f"--workdir={run}", *flags)
    assert given == [(1, 8, 8, 1)] * 20


@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_a_remote_place(tf_tricks, run, digits, tmp_path, memory, format):
    arguments = (f"--workdir={run}", f"--format={format}", f"--output={memory / OUTPUTS[format]}")
    outcome = tf_tricks("export", *arguments)
    assert outcome.status == 0, outcome.err
    for name, *_ in memory.files_below():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (memory / name).download(tmp_path / name)
    if format == "onnx":
        assert run_onnx(tmp_path / "model.onnx", digits).shape == (359, 10)
    else:
        loaded = tf.saved_model.load(tmp_path / "model")
        assert "serving_default" in loaded.signatures
    assert_sentence(tf_tricks("export", *arguments), 2, "must be new, and 'memory://bucket/model.*' is there already")


def test_what_makes_a_remote_folder_a_model_comes_last(tmp_path, memory):
    for name in ("fingerprint.pb", "saved_model.pb", "variables/variables.index"):
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_text(name)
    export_command._keep(tmp_path / "model", memory / "model")
    written = fsspec.filesystem("memory").store
    assert max(written, key=lambda name: written[name].created) == "/bucket/model/saved_model.pb"
    assert len(written) == 3


# Runs of Trainer.fit

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


@pytest.fixture
def python_run(tmp_path_factory):
    """A finished run of `Trainer.fit`."""
    folder = tmp_path_factory.mktemp("python")
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    tt.Trainer(model, learning_rate=0.1, metrics=["accuracy"]).fit((X, Y), 1, workdir=folder / "run", verbose=0)
    np.savez(folder / "data.npz", x=X, y=Y)
    return folder / "run"


def test_a_run_of_python_is_tried_on_random_inputs(export, python_run):
    out, _ = export("saved_model", workdir=python_run)
    assert out.endswith(" on 32 random inputs, for the run's data are not known here\n")


def test_a_run_of_python_with_data(export, python_run):
    data = f"--data={python_run.parent / 'data.npz'}"
    out, _ = export("tflite", "--quantize=int8", data, workdir=python_run)
    assert "on 32 given examples\nin int8:   data loss " in out


def test_a_run_of_python_cannot_choose_integers_without_data(refused, python_run, tmp_path):
    refused(
        r"8-bit integers need examples, .* --data=FILE\.npz",
        "export",
        f"--workdir={python_run}",
        "--format=tflite",
        "--quantize=int8",
        f"--output={tmp_path / 'model.tflite'}",
    )


def test_data_that_the_model_does_not_take(refused, python_run, tmp_path):
    np.savez(python_run.parent / "data.npz", x=X[:, :3], y=Y)
    refused(
        r"the model takes inputs of \[4\], and the data have \[3\]",
        "export",
        f"--workdir={python_run}",
        "--format=onnx",
        f"--data={python_run.parent / 'data.npz'}",
        f"--output={tmp_path / 'model.onnx'}",
    )


def dropping(tmp_path):
    dropout = tt.layers.get({"name": "monte_carlo_dropout", "rate": 0.5})
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), dropout, keras.layers.Dense(2)])
    tt.Trainer(model, learning_rate=0.1).fit((X, Y), 1, workdir=tmp_path / "run", verbose=0)
    return tmp_path / "run"


def test_a_model_that_draws_at_random(tf_tricks, tmp_path):
    arguments = ("export", f"--workdir={dropping(tmp_path)}")
    outcome = tf_tricks(*arguments, "--format=onnx", f"--output={tmp_path / 'model.onnx'}")
    assert_sentence(outcome, 2, "gives other outputs each time that it is called: it draws at random")
    outcome = tf_tricks(*arguments, "--format=keras", f"--output={tmp_path / 'model.keras'}")
    assert outcome.out.endswith("58 parameters  the same weights\n")


# What goes wrong


def test_an_export_that_computes_something_else_is_not_kept(tf_tricks, run, tmp_path, monkeypatch):
    load = to_tflite.load
    monkeypatch.setattr(
        to_tflite,
        "load",
        lambda *arguments: lambda arrays: {k: v + 100 for k, v in load(*arguments)(arrays).items()},
    )
    outcome = tf_tricks("export", f"--workdir={run}", "--format=tflite", f"--output={tmp_path / 'model.tflite'}")
    assert_sentence(
        outcome, 1, r"not those of the model: they differ by up to \d+.* on 32 examples, and 0.01 is allowed"
    )
    assert outcome.out == ""
    assert not any(tmp_path.iterdir())


def test_a_disk_that_is_full(tf_tricks, run, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(to_tflite, "write", full)
    outcome = tf_tricks("export", f"--workdir={run}", "--format=tflite", f"--output={tmp_path / 'model.tflite'}")
    assert_sentence(outcome, 1, r"cannot write \S+/model.tflite: No space left on device")


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ([], r"say in which format: --format=keras, saved_model, tflite, onnx"),
        (["--format=tflit"], "no format 'tflit'; did you mean 'tflite'"),
        (["--format=onnx"], r"say where to write it: --output=model\.onnx"),
        (["--format=onnx", "--output={}/model.tflite"], r"the onnx file must be a \.onnx file"),
        (["--format=keras", "--output={}/there.keras"], "the keras file must be new, and '.*/there.keras' is there"),
        (["--format=keras", "--output={}/no/model.keras"], "there is no folder '.*/no' to write model.keras in"),
        (["--format=saved_model", "--output={}/model.keras"], r"a SavedModel is a folder: .* end with \.keras"),
        (["--format=saved_model", "--output={}/full"], "the folder of the export must be new"),
        (["--format=tflite", "--output=/proc/model.tflite"], "nothing can be written in /proc"),
        (["--format=onnx", "--output={}/m.onnx", "--quantize=int8"], "int8 is of --format=tflite, not of onnx"),
        (["--format=tflite", "--output={}/m.tflite", "--quantize=int4"], "no quantization 'int4'; did you mean 'int8'"),
        (["--format=tflite", "--output={}/m.tflite", "--calibration=9"], "--calibration is of --quantize=int8"),
        (
            ["--format=tflite", "--output={}/m.tflite", "--quantize=int8", "--calibration=0"],
            "calibration must be an integer at least 1, not 0",
        ),
    ],
)
def test_a_request_that_cannot_be_used(refused, run, tmp_path, arguments, pattern):
    (tmp_path / "there.keras").write_text("something")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("something")
    refused(pattern, "export", f"--workdir={run}", *(argument.format(tmp_path) for argument in arguments))


def test_no_run(refused, tmp_path):
    refused("say which run: --workdir=", "export")
    output = ("--format=onnx", f"--output={tmp_path / 'model.onnx'}")
    refused("there is no readable run in", "export", f"--workdir={tmp_path / 'run'}", *output)


def test_a_run_that_is_not_finished(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"fingerprint": {"epochs": 1}}')
    output = ("--format=onnx", f"--output={tmp_path / 'model.onnx'}")
    refused("is not finished: it has no model.keras yet", "export", f"--workdir={tmp_path / 'run'}", *output)
