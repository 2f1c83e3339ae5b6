"""`tf-tricks train` and `evaluate`: a run's folder as the contract says, and every config of configs/."""

import json
import zipfile

import keras
import numpy as np
import pytest
from support import stand_ins

from tf_tricks import data
from tf_tricks.models.resnet import IMAGENET
from tf_tricks.training import checkpoint

DIGITS = ("--config=configs/digits.py", "--config.model={'name':'mlp','hidden':[16]}", "--config.epochs=2")


def lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What is left of the module's one run: (workdir, its files)."""
    return {"workdir": tmp_path_factory.mktemp("trained") / "run"}


@pytest.fixture
def run(tf_tricks, trained):
    """A finished run of two epochs on digits; the first test that needs it trains it."""
    workdir = trained["workdir"]
    if not workdir.exists():
        outcome = tf_tricks("train", *DIGITS, f"--workdir={workdir}")
        assert outcome.status == 0, outcome.err
        assert outcome.err == ""
        trained["out"] = outcome.out
    return workdir


def test_the_output_says_device_parameters_batch_and_results(run, trained):
    out = trained["out"]
    assert "training on 1 CPU replica" in out
    assert "1,210 parameters, 1,210 of them trained" in out
    assert "batch of 64: 64 per device" in out
    assert "epoch 2/2  loss " in out
    assert "done: test loss " in out


def test_the_folder_holds_what_the_contract_says(run):
    expected = {".lock", "config.json", "metrics.jsonl", "tensorboard", "checkpoints", "model.keras"}
    assert {entry.name for entry in run.iterdir()} == expected
    folders = {entry.name for entry in (run / "tensorboard").iterdir() if entry.is_dir()}
    assert folders == {"train", "validation", "test"}


def test_the_config_is_kept_with_versions_and_device(run):
    content = json.loads((run / "config.json").read_text())
    expected = {
        "config",
        "versions",
        "device",
        "run_id",
        "fingerprint",
        "finished_epochs",
        "code",
        "directions",
        "backend",
    }
    assert set(content) == expected | {"inputs", "outputs"}
    assert content["directions"] == {"accuracy": "up"}
    assert content["backend"] == "tensorflow"
    assert content["code"] == []  # it names nothing of the user's
    assert set(content["versions"]) == {"tf_tricks", "tensorflow", "keras", "python"}
    assert content["config"]["epochs"] == 2
    assert content["config"]["optimizer"] == {"name": "momentum", "momentum": 0.9, "nesterov": True}
    assert content["config"]["keep"] == 3
    assert content["inputs"] == {"shape": [8, 8, 1], "dtype": "uint8", "range": [0, 16]}
    (output,) = content["outputs"]
    assert (output["gives"], output["classes"]) == ("logits", [str(label) for label in range(10)])


def test_each_line_of_the_log_says_what_the_contract_says(run):
    common = {"split", "step", "epoch", "examples_seen", "loss", "accuracy", "wall_time"}
    training = {"learning_rate", "batch_size", "examples_per_second"}
    assert {line["split"] for line in lines(run)} == {"train", "validation", "test"}
    for line in lines(run):
        assert set(line) >= (common | training if line["split"] == "train" else common)


def test_the_log_counts_steps_and_examples(run):
    assert [(line["split"], line["step"]) for line in lines(run)] == [
        ("train", 20),
        ("validation", 20),
        ("train", 40),
        ("validation", 40),
        ("test", 40),
    ]
    for line in lines(run):
        assert line["examples_seen"] == 64 * line["step"]
        assert line["epoch"] == line["examples_seen"] / 1294


def test_the_last_checkpoint_is_that_of_the_end(run):
    _, values = checkpoint.load_newest(run / "checkpoints")
    assert values["progress"]["step"] == 40


def test_the_model_takes_raw_inputs_and_needs_nothing_of_this_package(run):
    with zipfile.ZipFile(run / "model.keras") as archive:
        assert "tf_tricks" not in archive.read("config.json").decode()
    model = keras.models.load_model(run / "model.keras")
    test = data.get("digits").test
    images, labels = test.fetch(np.arange(test.num_examples), None)
    assert images.dtype == "uint8"
    accuracy = np.mean(np.argmax(model.predict(images, verbose=0), axis=1) == np.asarray(labels))
    assert accuracy == pytest.approx(lines(run)[-1]["accuracy"], abs=1e-6)


def test_a_finished_run_says_so_and_changes_nothing(run, tf_tricks):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    outcome = tf_tricks("train", *DIGITS, f"--workdir={run}")
    assert outcome.status == 0
    assert "is finished: test loss" in outcome.out
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("split", ["test", "validation"])
def test_evaluate_finds_what_the_log_says(run, tf_tricks, split):
    outcome = tf_tricks("evaluate", f"--workdir={run}", f"--split={split}")
    assert outcome.status == 0, outcome.err
    last = [line for line in lines(run) if line["split"] == split][-1]
    assert outcome.out == f"{split} loss {last['loss']:.4f}  {split} accuracy {last['accuracy']:.4f}\n"


def test_the_seed_flag_overrides_the_config(tf_tricks, tmp_path):
    arguments = (*DIGITS, "--config.epochs=1", "--seed=7", f"--workdir={tmp_path / 'run'}")
    assert tf_tricks("train", *arguments).status == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["seed"] == 7


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("optimizer", "adam", "adam"),
        ("learning_rate", "0.1", 0.1),
        ("batch_size", "{'name':'constant','value':32}", {"name": "constant", "value": 32}),
    ],
    ids=["a name for a dict", "a number for a dict", "a dict for a number"],
)
def test_an_override_of_another_type(tf_tricks, tmp_path, key, text, value):
    overrides = ("--config.epochs=1", f"--config.{key}={text}")
    assert tf_tricks("train", *DIGITS[:2], *overrides, f"--workdir={tmp_path / 'run'}").status == 0
    kept = json.loads((tmp_path / "run" / "config.json").read_text())["config"][key]
    assert kept == value


# Every config, on stand-ins for its data


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A TFDS_DATA_DIR with tiny_gray and tiny_photos, made by the builders of the data tests."""
    folder = tmp_path_factory.mktemp("tfds")
    for builder in (stand_ins.TinyGray, stand_ins.TinyPhotos):
        stand_ins.prepare(builder, folder, "array_record")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "stand_in", "overrides"),
    [
        ("cifar10.py", {"name": "tiny_photos", "image_size": 32}, ["batch_size=8", "model.depth=8"]),
        ("cifar10.py:grow", {"name": "tiny_photos", "image_size": 32}, ["batch_size.initial=4", "model.depth=8"]),
        ("fashion_mnist.py", {"name": "tiny_gray"}, ["batch_size=12"]),
        (
            "imagenet_resnet50.py",
            {"name": "tiny_photos", "image_size": 32, "resize": "random_resized_crop"},
            ["batch_size.batch_size=8"],
        ),
    ],
)
def test_a_config_trains(tf_tricks, prepared, tmp_path, config, stand_in, overrides, monkeypatch):
    monkeypatch.setitem(IMAGENET, 50, (1, 1, 1, 1))  # a block of each stage in place of 16 in all
    stand_in = stand_in | {"data_dir": str(prepared), "validation_fraction": 0.25}
    overrides = [f"--config.{override}" for override in [*overrides, f"data={stand_in}", "epochs=1"]]
    outcome = tf_tricks("train", f"--config=configs/{config}", *overrides, f"--workdir={tmp_path / 'run'}")
    assert outcome.status == 0, outcome.err
    assert {line["split"] for line in lines(tmp_path / "run")} == {"train", "validation", "test"}
    assert all(np.isfinite(line["loss"]) for line in lines(tmp_path / "run"))


@pytest.mark.slow
def test_the_regression_falls_below_a_thousandth(tf_tricks, tmp_path):
    workdir = tmp_path / "run"
    arguments = ("--config=configs/regression.py", "--config.log_every=1", f"--workdir={workdir}")
    assert tf_tricks("train", *arguments).status == 0
    losses = [line["loss"] for line in lines(workdir)]
    assert losses[-1] < 1e-3 * losses[0]


@pytest.mark.slow
def test_digits_reach_their_accuracy(tf_tricks, tmp_path):
    assert tf_tricks("train", "--config=configs/digits.py", f"--workdir={tmp_path / 'run'}").status == 0
    assert lines(tmp_path / "run")[-1]["accuracy"] >= 0.975
