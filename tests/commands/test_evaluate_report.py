"""`tf-tricks evaluate --metrics=… --report=…`: other metrics, and a folder with all on the predictions."""

import json

import keras
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, top_k_accuracy_score
from support.sentences import TINY, assert_sentence, contents
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginEventAccumulator

import tf_tricks as tt


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where the module's one run of a config lies, once a test has needed it."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def run(finished, tf_tricks):
    if not finished.exists():
        assert tf_tricks("train", *TINY, f"--workdir={finished}").status == 0
    return finished


@pytest.fixture
def evaluated(tf_tricks, run, tmp_path):
    """A function of `evaluate`'s flags that returns what it printed, and report.json."""

    def call(*arguments, report="report"):
        outcome = tf_tricks("evaluate", f"--workdir={run}", f"--report={tmp_path / report}", *arguments)
        assert (outcome.status, outcome.err) == (0, ""), outcome.err
        return outcome.out, json.loads((tmp_path / report / "report.json").read_text())

    return call


def predicted(run, split):
    source = getattr(tt.data.get("digits"), split)
    images, labels = source.fetch(np.arange(source.num_examples), None)
    model = keras.models.load_model(run / "model.keras")
    return np.asarray(labels), model.predict(np.asarray(images), verbose=0)


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_the_report_is_on_the_split_that_is_named(evaluated, run, split, tmp_path):
    out, found = evaluated(f"--split={split}")
    labels, outputs = predicted(run, split)
    np.testing.assert_array_equal(
        found["confusion"], confusion_matrix(labels, outputs.argmax(axis=1), labels=range(10))
    )
    assert (found["data"], found["examples"]) == (split, len(labels))
    assert out.startswith(f"{split} loss {found['results']['loss']:.4f}  {split} accuracy ")
    assert f"expected calibration error {found['calibration']['expected_calibration_error']:.4f}" in out
    files = ("classes.csv", "confusion.csv", "confusion.png", "reliability.png", "most_wrong.csv", "most_wrong.png")
    assert {entry.name for entry in (tmp_path / "report").iterdir()} == {*files, "report.json"}


def test_its_pictures_are_in_tensorboard_and_the_curves_stay(evaluated, run):
    board = EventAccumulator(str(run / "tensorboard" / "test")).Reload()
    before = {tag: board.Scalars(tag) for tag in board.Tags()["scalars"]}
    evaluated()
    board = PluginEventAccumulator(str(run / "tensorboard" / "test")).Reload()
    (event,) = board.Tensors("report/confusion")[-1:]
    assert event.step == json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert event.tensor_proto.string_val[2].startswith(b"\x89PNG")
    after = EventAccumulator(str(run / "tensorboard" / "test")).Reload()
    assert {tag: after.Scalars(tag) for tag in before} == before


def test_metrics_by_name_take_the_place_of_the_runs(tf_tricks, run):
    text = "f1_score,{'name':'top_k_categorical_accuracy','k':3}"
    outcome = tf_tricks("evaluate", f"--workdir={run}", f"--metrics={text}")
    labels, outputs = predicted(run, "test")
    each = f1_score(labels, outputs.argmax(axis=1), average=None)
    shown = [f"test f1_score/{k} {value:.4f}" for k, value in enumerate(each)]
    shown.append(f"test top_k_categorical_accuracy {top_k_accuracy_score(labels, outputs, k=3):.4f}")
    assert outcome.out.split("  ")[1:] == [*shown[:-1], shown[-1] + "\n"]


def test_a_report_takes_the_place_of_the_one_before(evaluated):
    evaluated("--split=validation")
    _, found = evaluated("--split=test")
    assert found["data"] == "test"


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--metrics=f1_scor"], "no metric 'f1_scor'; did you mean 'f1_score'"),
        (["--metrics={'name':'f1_score','averag':'macro'}"], "called 'averag'; did you mean 'average'"),
        (["--metrics="], "no metric is named by ''"),
        (["--report=@/file"], "file' is a file: name a folder for the report"),
        (["--report=@/nowhere/report"], r"there is no folder '\S+/nowhere' to make report in"),
        (["--report=@/full"], "holds something else than the report: choose a new or an empty one"),
        (["--report=@/new", "--split=tets"], "no split 'tets'"),
        (["--report=/proc/report"], "the report /proc/report cannot be written"),
    ],
)
def test_what_cannot_be_meant(refused, run, tmp_path, arguments, pattern):
    (tmp_path / "file").write_text("something")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("something")
    refused(pattern, "evaluate", f"--workdir={run}", *[argument.replace("@", str(tmp_path)) for argument in arguments])


# Runs of Python


X = np.random.default_rng(0).normal(size=(70, 6)).astype("float32")
WEIGHTS = np.linspace(0, 2, 70).astype("float32")


def trained(workdir, outputs, labels, loss):
    inputs = keras.Input((6,))
    made = {name: keras.layers.Dense(size, activation)(inputs) for name, (size, activation) in outputs.items()}
    model = keras.Model(inputs, made if len(made) > 1 else next(iter(made.values())))
    trainer = tt.Trainer(model, loss=loss, learning_rate=0.01)
    source = tt.data.ArraySource(X, labels, label_names=["cat", "dog", "cow"])
    trainer.fit(source, 1, workdir=workdir, verbose=0)
    return trainer


def test_names_of_classes_and_weights_of_a_file_of_ones_own(tf_tricks, tmp_path):
    labels = np.arange(70) % 3
    trainer = trained(tmp_path / "run", {"y": (3, None)}, labels, None)
    np.savez(tmp_path / "data.npz", x=X, y=labels, w=WEIGHTS)
    outcome = tf_tricks(
        "evaluate",
        f"--workdir={tmp_path / 'run'}",
        f"--data={tmp_path / 'data.npz'}",
        f"--report={tmp_path / 'report'}",
        "--metrics=accuracy",
        "--weighted_metrics=accuracy",
    )
    assert outcome.status == 0, outcome.err
    right = trainer.model.predict(X, verbose=0).argmax(axis=1) == labels
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(found["classes"]) == ["cat", "dog", "cow"]
    assert found["accuracy"] == pytest.approx(np.average(right, weights=WEIGHTS), rel=1e-5)
    assert found["results"]["accuracy"] == pytest.approx(right.mean())
    assert found["results"]["weighted_accuracy"] == pytest.approx(np.average(right, weights=WEIGHTS), rel=1e-5)
    assert {entry.name for entry in (tmp_path / "run" / "tensorboard").iterdir()} >= {"data"}


def test_a_report_that_cannot_be_made_leaves_nothing(tf_tricks, tmp_path):
    trained(tmp_path / "run", {"y": (1, None)}, X[:, :1], "mse")
    np.savez(tmp_path / "data.npz", x=X, y=np.full((70, 1), np.nan))
    before = contents(tmp_path)
    arguments = (f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.npz'}", f"--report={tmp_path / 'report'}")
    assert_sentence(tf_tricks("evaluate", *arguments), 2, "the labels must be finite")
    assert contents(tmp_path) == before
