"""Runs that start with the weights of others, and go on without them; and the best model on the command line."""

import json

import keras
import numpy as np
import pytest
from support.sentences import TINY

CONSTANT = (*TINY[:-1], "--config.learning_rate=0.05")


def kept(workdir):
    """What a run leaves, without what depends on the clock."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    clock = ("wall_time", "examples_per_second")
    lines = [{k: v for k, v in line.items() if k not in clock} for line in lines if line["split"] != "test"]
    return lines, keras.models.load_model(workdir / "model.keras").get_weights()


def assert_same_run(one, other):
    (lines, weights), (other_lines, other_weights) = kept(one), kept(other)
    assert lines == other_lines
    for a, b in zip(weights, other_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_goes_on_without(tf_tricks, source, tmp_path, *arguments):
    """A run of two epochs is one of one epoch, whose source is then gone, and another."""
    for workdir, parts in (("whole", ["2"]), ("parts", ["1", "2"])):
        for epochs in parts:
            if epochs == "2" and workdir == "parts":
                source.rename(tmp_path / "gone")
            outcome = tf_tricks("train", *arguments, f"--config.epochs={epochs}", f"--workdir={tmp_path / workdir}")
            assert outcome.status == 0, outcome.err
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    return outcome


@pytest.mark.slow
def test_a_run_that_has_begun_needs_the_weights_no_more(tf_tricks, tmp_path):
    assert tf_tricks("train", *TINY, f"--workdir={tmp_path / 'first'}").status == 0
    arguments = (*CONSTANT, f"--config.init_from={tmp_path / 'first'}", "--config.log_every=1000")
    outcome = assert_goes_on_without(tf_tricks, tmp_path / "first", tmp_path, *arguments)
    assert "starts with" not in outcome.out
    assert json.loads((tmp_path / "parts" / "config.json").read_text())["config"]["init_from"] == str(
        tmp_path / "first"
    )


def test_the_line_says_what_is_taken(tf_tricks, tmp_path):
    assert tf_tricks("train", *TINY, f"--workdir={tmp_path / 'first'}").status == 0
    outcome = tf_tricks("train", *TINY, f"--config.init_from={tmp_path / 'first'}", f"--workdir={tmp_path / 'second'}")
    assert f"\nstarts with all 4 weights from {tmp_path / 'first' / 'model.keras'}\n" in outcome.out


@pytest.mark.slow
def test_a_network_of_keras_needs_its_file_no_more(tf_tricks, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 1), "uint8")
    np.savez(tmp_path / "data.npz", x_train=images, y_train=np.arange(60) % 3)
    source = tmp_path / "it.weights.h5"
    network = keras.applications.MobileNet(weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 3))
    network.save_weights(source)
    model = {"name": "keras_applications/mobilenet", "alpha": 0.25, "weights": str(source)}
    data = {"name": "arrays", "file": str(tmp_path / "data.npz")}
    run = ["--config=digits", f"--config.data={data}", f"--config.model={model}", "--config.augment=None"]
    run += ["--config.batch_size=18", "--config.learning_rate=0.0", f"--workdir={tmp_path / 'run'}"]
    assert tf_tricks("train", *run, "--config.epochs=1").status == 0
    source.unlink()
    outcome = tf_tricks("train", *run, "--config.epochs=2")
    assert "resuming" in outcome.out, outcome.err
    kernel = keras.models.load_model(tmp_path / "run" / "model.keras").get_layer("conv1").kernel
    np.testing.assert_array_equal(kernel, network.get_layer("conv1").kernel)  # nothing was learned at this rate
    outcome = tf_tricks("evaluate", f"--workdir={tmp_path / 'run'}", "--split=validation")
    assert outcome.out.startswith("validation loss "), outcome.err


def test_the_best_model_on_the_command_line(tf_tricks, tmp_path):
    run = (*CONSTANT, "--config.epochs=3", "--config.keep_best=val_accuracy", f"--workdir={tmp_path / 'run'}")
    outcome = tf_tricks("train", *run)
    best = json.loads((tmp_path / "run" / "config.json").read_text())["best"]
    note = f" (of the best model: val_accuracy {best['value']:.4f} in epoch {best['epoch']})"
    (done,) = [line for line in outcome.out.splitlines() if line.startswith("done: test loss ")]
    assert done.endswith(note)
    evaluated = tf_tricks("evaluate", f"--workdir={tmp_path / 'run'}", "--checkpoint=best").out.strip()
    assert done == f"done: {evaluated}{note}"
    assert tf_tricks("train", *run).out.endswith(f" is finished: {evaluated}{note}\n")
    validated = tf_tricks("evaluate", f"--workdir={tmp_path / 'run'}", "--checkpoint=best", "--split=validation").out
    assert f"validation accuracy {best['value']:.4f}" in validated


def test_a_value_that_the_run_will_not_have(refused, tmp_path):
    run = (*TINY, "--config.keep_best=val_acuracy", f"--workdir={tmp_path / 'run'}")
    refused("no value to keep the best by called 'val_acuracy'; did you mean 'val_accuracy'", "train", *run)
