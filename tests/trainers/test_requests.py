"""A mistake gets a sentence, the right exit status, and leaves everything as it was."""

import collections
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_tricks.training import checkpoint

DIGITS = "--config=configs/digits.py"
MLP = "--config.model={'name':'mlp','hidden':[8]}"
TINY = (DIGITS, MLP, "--config.epochs=1")


def contents(folder):
    """Every path below `folder` with the bytes of the files; None if there is no such folder."""
    if not folder.exists():
        return None
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def assert_sentence(outcome, status, pattern):
    assert outcome.status == status, outcome.err
    assert "Traceback" not in outcome.err
    # TensorFlow 2.19 tells of the first compilation in a process, whatever the level of its log.
    lines = [line for line in outcome.err.splitlines() if not re.match(r"I\d{4} |WARNING: All log messages", line)]
    assert 1 <= len(lines) <= 2, outcome.err
    assert re.search(pattern, outcome.err), outcome.err


@pytest.fixture
def refused(tf_tricks, tmp_path):
    """Asserts that `tf-tricks` refuses a request with a sentence and leaves everything as it was."""

    def check(pattern, *arguments):
        before = contents(tmp_path)
        assert_sentence(tf_tricks(*arguments), 2, pattern)
        assert contents(tmp_path) == before

    return check


OVERRIDES = {
    # Keys and types
    "optimzer=adam": "no config key 'optimzer'; did you mean 'optimizer'",
    "model.nam=mlp": r"no config key 'model\.nam'; did you mean 'model\.name'",
    "seed.x=3": r"config\.seed\.x cannot be overridden: seed is 0",
    "epochs=many": "epochs=many: it must be a whole number",
    "batch_size=abc": "batch_size=abc: it must be a whole number",
    "l2=abc": "l2=abc: it must be a number",
    "augment.flip=3": "augment.flip=3: it must be true or false",
    "model=3": "a model must be a name, a dict with 'name', or a keras.Model, not 3",
    "augment=3": "an augmentation must be a name, a dict with 'name', or a function, not 3",
    # Names
    "model.name=convnt": "no model 'convnt'; did you mean 'convnet'",
    "optimizer=momntum": "no optimizer 'momntum'; did you mean 'momentum'",
    "optimizer.name=momntum": "no optimizer 'momntum'; did you mean 'momentum'",
    "loss=meen_squared_error": "no loss 'meen_squared_error'; did you mean 'mean_squared_error'",
    "metrics=acuracy": "no metric 'acuracy'; did you mean 'accuracy'",
    "metrics=['acuracy']": "no metric 'acuracy'; did you mean 'accuracy'",
    "augment_on=hst": "no augment_on 'hst'; did you mean 'host'",
    "augment.name=standrd": "no augmentation 'standrd'; did you mean 'standard'",
    "learning_rate={'name':'cosine_deca'}": "no schedule 'cosine_deca'; did you mean 'cosine_decay'",
    "callbacks=('early_stoping',)": "no callback 'early_stoping'; did you mean 'early_stopping'",
    "data.name=digitz": "no data set 'digitz'; did you mean 'digits'",
    "model={'hidden':[3]}": "this model has no 'name'",
    # Arguments
    "model={'name':'mlp','hiden':[3]}": "'mlp' called 'hiden'; did you mean 'hidden'",
    "optimizer={'name':'adam','beta1':0.9}": "'adam' called 'beta1'; did you mean 'beta_1'",
    "loss={'name':'huber','dlta':1.0}": "'huber' called 'dlta'; did you mean 'delta'",
    "metrics=[{'name':'auc','curv':1}]": "'auc' called 'curv'; did you mean 'curve'",
    "augment={'name':'standard','padd':3}": "'standard' called 'padd'; did you mean 'pad'",
    "learning_rate={'name':'cosine_decay','initial':0.1,'finl':0}": "called 'finl'; did you mean 'final'",
    "callbacks=[{'name':'early_stopping','patince':1}]": "called 'patince'; did you mean 'patience'",
    "data={'name':'digits','valid_fraction':0.1}": "called 'valid_fraction'; did you mean 'validation_fraction'",
    "optimizer={'name':'adam','learning_rate':1.0}": "'adam' takes no learning_rate: .* the trainer's",
    "learning_rate={'name':'constant'}": "the schedule 'constant' needs value",
    "data={'name':'arrays'}": "the data set 'arrays' needs file",
    # Values
    "learning_rate.schedule.initial=-0.1": "initial must be a number above 0, not -0.1",
    "learning_rate.schedule.initial=0": "initial must be a number above 0, not 0",
    "learning_rate.schedule.initial=nan": "initial must be finite, not nan",
    "learning_rate={'name':'constant','value':-1}": "value must be a number at least 0, not -1",
    "noise_scale=3": "leave learning_rate out",
    "epochs=-1": "epochs must be a number above 0, not -1",
    "batch_size=0": "batch_size must be a .*number at least 1, not 0",
    "batch_size=100000": "a batch of 100000 is larger than the training set of 1294 examples",
    "micro_batch=24": "a batch of 64 is not a multiple of micro_batch=24",
    "micro_batch=0": "micro_batch must be a whole number at least 1, not 0",
    "micro_batch=many": "micro_batch must be a whole number at least 1, not 'many'",
    "data.validation_fraction=1.0": "validation_fraction must be .* below 1, not 1.0",
    "data.validation_fraction=0.0001": "leaves 1438 for training and 0 for validation",
    "l2=-1": "l2 must be a number at least 0, not -1",
    "weight_decay=-1": "weight_decay must be a number at least 0, not -1",
    "exclude_from_weight_decay=('(',)": r"must be a list of regular expressions, not \['\('\]",
    "clip_value=abc": "clip_value must be a number above 0, not 'abc'",
    "clip_norm=0": "clip_norm must be a number above 0, not 0",
    "clip_global_norm=-1": "clip_global_norm must be a number above 0, not -1",
    "optimizer.momentum=2": "momentum must be a number at least 0 and at most 1, not 2.0",
    "model={'name':'mlp','dropout':1.5}": "dropout must be a number at least 0 and below 1, not 1.5",
    "model={'name':'mlp','hidden':[0]}": "each of hidden must be a whole number at least 1, not 0",
    "augment.pad=-1": "pad must be a whole number at least 0, not -1",
    "precision=float8": "no precision 'float8'; did you mean 'float32'",
    "jit_compile=yes": "jit_compile must be True, False or 'auto', not 'yes'",
    "seed=-1": "seed must be a whole number at least 0 and at most 4294967295, not -1",
    "seed=4294967296": "seed must be a whole number at least 0 and at most 4294967295, not 4294967296",
    "evaluation_batch_size=0": "evaluation_batch_size must be a whole number at least 1, not 0",
    "profile_steps=(5,3)": r"profile_steps must be \(first, last\) with .* not \[5, 3\]",
    "profile_steps=5": r"profile_steps must be \(first, last\) with .* not 5",
    "keep=0": "keep must be a whole number at least 1, not 0",
    "log_every=0": "log_every must be a whole number at least 1, not 0",
    "checkpoint_epochs=0": "checkpoint_epochs must be a whole number at least 1, not 0",
    "checkpoint_minutes=0": "checkpoint_minutes must be a number above 0, not 0",
    "callbacks=(3,)": "a callback must be a name, .* not 3",
    # What does not fit each other
    "loss=mean_squared_error": r"loss 'mean_squared_error' cannot compare labels int32 \[\] with outputs \[10\]",
    "metrics=['mean_squared_error']": "metric 'mean_squared_error' cannot compare labels",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_that_cannot_be_used(refused, tmp_path, override):
    shorter = () if override.startswith("model") else (MLP,)
    refused(OVERRIDES[override], "train", DIGITS, *shorter, f"--config.{override}", f"--workdir={tmp_path / 'run'}")


FLAGS = {
    "--device=cpuu": "no device 'cpuu'; did you mean 'cpu'",
    "--replicas=0": "replicas must be a whole number at least 1, not 0",
    "--replicas=two": "--replicas=two",
    "--seed=-1": "seed must be .* not -1",
    "--seed=4294967296": "seed must be .* not 4294967296",
    "--wrkdir=x": "'wrkdir'. Did you mean: workdir",
    "--config.epochs": "Missing value for flag --config.epochs",
    "digits": "'digits' is no flag; a value is given as --flag=value",
    "--device=tpu": "no TPU on this machine .* --device=cpu",
    "--tpu=grpc://localhost:1": "the TPU 'grpc://localhost:1' does not answer: .* --device=cpu",
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_cannot_be_used(refused, tmp_path, flag):
    refused(FLAGS[flag], "train", *TINY, f"--workdir={tmp_path / 'run'}", flag)


def test_a_gpu_that_is_not_there(refused, tmp_path, monkeypatch):
    import tensorflow as tf

    there = tf.config.list_physical_devices
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [] if kind == "GPU" else there(kind))
    refused("no GPU .* --device=cpu", "train", *TINY, f"--workdir={tmp_path / 'run'}", "--device=gpu")


@pytest.mark.slow
def test_a_batch_that_the_replicas_do_not_divide(tmp_path):
    arguments = ["train", *TINY, "--replicas=2", "--config.batch_size=63", f"--workdir={tmp_path / 'run'}"]
    outcome = in_a_process(*arguments)
    assert_sentence(outcome, 2, "a batch of 63 cannot be split over 2 replicas; 6[24] can")
    assert not (tmp_path / "run").exists()


# Config files

CONFIGS = {
    "syntax": ("def get_config(:\n", "has a mistake in line 1"),
    "import": ("import nothere\n", "ModuleNotFoundError: No module named 'nothere'"),
    "raises": ("def get_config():\n    return 1 / 0\n", "ZeroDivisionError: division by zero"),
    "no function": ("epochs = 1\n", "has no function get_config"),
    "no config": ("def get_config():\n    pass\n", "must return a config, not None"),
    "unknown key": ("def get_config():\n    return {'epoch': 3}\n", "no config key 'epoch'; did you mean 'epochs'"),
    "missing key": ("def get_config():\n    return {'epochs': 3}\n", "the config does not say data"),
    "no rate": ("def get_config():\n    return dict(epochs=3, data='digits', model='mlp')\n", "not say learning_rate"),
    "too short": (
        "def get_config():\n"
        "    return dict(epochs=1e-3, data='digits', model='mlp', learning_rate=0.1, batch_size=64)\n",
        "epochs=0.001 is less than half a batch of 64: nothing would be trained",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_file_that_cannot_be_used(refused, tmp_path, name):
    text, pattern = CONFIGS[name]
    (tmp_path / "config.py").write_text(text)
    refused(pattern, "train", f"--config={tmp_path / 'config.py'}", f"--workdir={tmp_path / 'run'}")


@pytest.mark.parametrize(
    ("config", "pattern"),
    [
        ("configs/digitz.py", r"no config file 'configs/digitz\.py'; did you mean 'configs/digits\.py'"),
        ("nowhere/digits.py", r"there is no config file 'nowhere/digits\.py'"),
        ("configs/cifar10.py:gorw", "no variant 'gorw' of this config: say decay or grow"),
        ("configs/digits.py:grow", "has no variants, so 'grow' cannot be chosen"),
    ],
)
def test_a_config_that_does_not_exist(refused, tmp_path, config, pattern):
    refused(pattern, "train", f"--config={config}", f"--workdir={tmp_path / 'run'}")


def test_no_config(refused, tmp_path):
    refused("say what to train: --config=", "train", f"--workdir={tmp_path / 'run'}")


def test_an_override_before_its_config(refused, tmp_path):
    refused("Found --config.epochs=1 .* before", "train", "--config.epochs=1", DIGITS, f"--workdir={tmp_path / 'run'}")


def test_an_unknown_command(refused):
    refused("no command 'trian'; did you mean 'train'", "trian")


# Folders


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where the module's one finished run lies, once a test has needed it."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def workdir(finished, tf_tricks, tmp_path):
    """A copy of a finished run."""
    if not finished.exists():
        assert tf_tricks("train", *TINY, f"--workdir={finished}").status == 0
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def unfinished(workdir):
    """A run that was killed just before it wrote its model."""
    (workdir / "model.keras").unlink()
    return workdir


def test_no_workdir(refused):
    refused("say where to keep the run: --workdir=", "train", *TINY)


def test_a_workdir_that_is_a_file(refused, tmp_path):
    (tmp_path / "run").write_text("something")
    refused(r"the workdir \S+/run is a file: choose another", "train", *TINY, f"--workdir={tmp_path / 'run'}")


def test_a_workdir_below_a_file(refused, tmp_path):
    (tmp_path / "file").write_text("something")
    refused(r"cannot be made: \S+/file is a file", "train", *TINY, f"--workdir={tmp_path / 'file' / 'run'}")


def test_a_workdir_that_cannot_be_made(refused):
    refused("the workdir /proc/nowhere/run cannot be made", "train", *TINY, "--workdir=/proc/nowhere/run")


def test_a_workdir_that_holds_something_else(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("something")
    refused("holds something else than a run", "train", *TINY, f"--workdir={tmp_path}")


def test_a_workdir_of_another_config(refused, workdir):
    arguments = (*TINY, "--config.l2=0.5", f"--workdir={workdir}")
    refused("has another config: l2 was 0.0001 and is now 0.5", "train", *arguments)


def test_a_workdir_with_a_damaged_config(refused, unfinished):
    (unfinished / "config.json").write_text('{"config": ')
    refused("config.json is missing or damaged", "train", *TINY, f"--workdir={unfinished}")


def test_a_workdir_in_use(refused, unfinished):
    with open(unfinished / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused("another process trains in", "train", *TINY, f"--workdir={unfinished}")


def test_a_checkpoint_of_another_model(refused, unfinished):
    arrays, values = checkpoint.load_newest(unfinished / "checkpoints")
    arrays["model/0"] = np.zeros((3, 3), "float32")
    checkpoint.save(unfinished / "checkpoints", values["progress"]["step"], arrays, values)
    refused("is another one: the state saved for model/0 does not fit", "train", *TINY, f"--workdir={unfinished}")


# Data


def arrays(**changes):
    good = dict(x_train=np.zeros((40, 3), "float32"), y_train=np.arange(40) % 3)
    return {key: value for key, value in (good | changes).items() if value is not None}


ARRAYS = {
    "missing": (arrays(y_train=None), "lacks the array y_train; it holds x_train"),
    "misspelt": (arrays(x_tst=np.zeros(3)), "'x_tst'; did you mean 'x_test'"),
    "NaN": (arrays(x_train=np.full((40, 3), np.nan)), "the inputs must be finite"),
    "too few labels": (arrays(y_train=np.arange(5)), "a label for each input, not 5 for 40"),
    "labels out of range": (arrays(y_train=np.arange(40) - 1), "the labels must be from 0 to"),
    "a test label out of range": (arrays(x_test=np.zeros((2, 3)), y_test=np.array([0, 3])), "x_test.* from 0 to 2"),
    "objects": (arrays(x_train=np.array([None] * 40)), "cannot be read as a NumPy archive of numbers"),
}


@pytest.fixture
def refused_arrays(refused, tmp_path):
    def check(pattern):
        data = {"name": "arrays", "file": str(tmp_path / "data.npz")}
        refused(pattern, "train", *TINY, f"--config.data={data}", f"--workdir={tmp_path / 'run'}")

    return check


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_cannot_be_used(refused_arrays, tmp_path, name):
    content, pattern = ARRAYS[name]
    np.savez(tmp_path / "data.npz", **content)
    refused_arrays(pattern)


def test_no_file_of_arrays(refused_arrays):
    refused_arrays("there is no file of arrays '.*data.npz'")


def test_a_file_that_is_no_archive(refused_arrays, tmp_path):
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 and nothing else")
    refused_arrays("data.npz' cannot be read as a NumPy archive")


def test_a_data_set_that_is_not_there_without_a_network(refused, tmp_path, monkeypatch):
    def fail(*_):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    (tmp_path / "tfds").mkdir()
    data = {"name": "cifar10", "data_dir": str(tmp_path / "tfds")}
    pattern = r"'cifar10' is not in \S+ and cannot be prepared there \(no network"
    refused(pattern, "train", *TINY, f"--config.data={data}", f"--workdir={tmp_path / 'run'}")


# evaluate


def test_evaluate_without_a_workdir(refused):
    refused("say which run: --workdir=", "evaluate")


def test_evaluate_where_there_is_no_run(refused, tmp_path):
    refused("there is no readable run in", "evaluate", f"--workdir={tmp_path / 'run'}")


def test_evaluate_a_run_that_is_not_finished(refused, unfinished):
    refused(r"is not finished: it has no model\.keras yet", "evaluate", f"--workdir={unfinished}")


def test_evaluate_an_unknown_split(refused, workdir):
    refused("no split 'tets'; did you mean 'test'", "evaluate", f"--workdir={workdir}", "--split=tets")


def test_evaluate_a_split_that_the_data_lacks(refused, workdir):
    config = (workdir / "config.json").read_text()
    (workdir / "config.json").write_text(config.replace('"validation_fraction": 0.1', '"validation_fraction": 0'))
    refused("has no validation split", "evaluate", f"--workdir={workdir}", "--split=validation")


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_evaluate_a_damaged_model(refused, workdir, damage):
    content = (workdir / "model.keras").read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "text": b"something", "empty": b""}[damage]
    (workdir / "model.keras").write_bytes(damaged)
    refused(r"model\.keras cannot be read", "evaluate", f"--workdir={workdir}")


@pytest.mark.parametrize("content", ["", "[]", '{"config": 3}', '{"config": {"epochs": 1}}', "\x00\x80"])
def test_evaluate_with_a_damaged_config(refused, workdir, content):
    (workdir / "config.json").write_bytes(content.encode("latin1"))
    refused(
        r"there is no readable run in \S+/run: its config.json is missing or damaged",
        "evaluate",
        f"--workdir={workdir}",
    )


# Runs that fail after they have begun


@pytest.fixture
def started(workdir):
    """A run that has a config, and nothing else yet."""
    for entry in workdir.iterdir():
        if entry.name != "config.json":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return workdir


def test_a_full_disk_under_the_log(tf_tricks, started):
    (started / "metrics.jsonl").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={started}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


def test_a_full_disk_under_the_checkpoints(tf_tricks, started):
    (started / "checkpoints").mkdir()
    (started / "checkpoints" / ".0000000020.ckpt.partial").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={started}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


def test_a_full_disk_under_the_model(tf_tricks, unfinished):
    (unfinished / ".model.keras.partial").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={unfinished}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


DIVERGING = {"name": "concatenate", "schedules": [0.01, 1e6], "epochs": [1]}


def test_a_run_that_diverges(tf_tricks, tmp_path):
    run = (DIGITS, MLP, "--config.epochs=3", f"--config.learning_rate={DIVERGING}", f"--workdir={tmp_path / 'run'}")
    outcome = tf_tricks("train", *run)
    assert_sentence(outcome, 1, r"not finite at step \d+: the run has diverged. Try a learning rate ten times smaller")
    arrays, values = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert values["progress"]["step"] == 20
    assert all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


# In a process of its own: nothing else may reach standard error


Ended = collections.namedtuple("Ended", "status out err")


def in_a_process(*arguments):
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "tf_tricks.cli", *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["trian"], "no command 'trian'; did you mean 'train'"),
        (["train", DIGITS, "--config.model.name=convnt"], "no model 'convnt'; did you mean 'convnet'"),
    ],
)
def test_one_line_and_nothing_else(tmp_path, arguments, pattern):
    outcome = in_a_process(*arguments, f"--workdir={tmp_path / 'run'}")
    assert_sentence(outcome, 2, pattern)
    assert len(outcome.err.splitlines()) == 1
    assert outcome.out == ""
    assert not (tmp_path / "run").exists()
