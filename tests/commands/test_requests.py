"""A config or a flag that cannot be used gets a sentence, the right exit status, and leaves everything as it was."""

import collections
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.sentences import DIGITS, MLP, TINY, assert_sentence

OVERRIDES = {
    # Keys and types
    "optimzer=adam": "no config key 'optimzer'; did you mean 'optimizer'",
    "model.nam=mlp": "no argument of the model 'convnet' called 'nam'",
    "seed.x=3": r"config\.seed\.x cannot be overridden: seed is 0",
    "epochs=many": "epochs=many: it must be a number",
    "batch_size=abc": "batch_size=abc: it must be an integer",
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
    "epochs=-1": "epochs must be a number above 0 .*, not -1",
    "batch_size=0": "batch_size must be a .*number at least 1, not 0",
    "batch_size=100000": "a batch of 100000 is larger than the training set of 1294 examples",
    "micro_batch=24": "a batch of 64 is not a multiple of micro_batch=24",
    "micro_batch=0": "micro_batch must be an integer at least 1, not 0",
    "micro_batch=many": "micro_batch must be an integer at least 1, not 'many'",
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
    "model={'name':'mlp','hidden':[0]}": "each of hidden must be an integer at least 1, not 0",
    "augment.pad=-1": "pad must be an integer at least 0, not -1",
    "precision=float8": "no precision 'float8'; did you mean 'float32'",
    "jit_compile=yes": "jit_compile must be True, False or 'auto', not 'yes'",
    "seed=-1": "seed must be an integer at least 0 and at most 4294967295, not -1",
    "seed=4294967296": "seed must be an integer at least 0 and at most 4294967295, not 4294967296",
    "evaluation_batch_size=0": "evaluation_batch_size must be an integer at least 1, not 0",
    "profile_steps=(5,3)": r"profile_steps must be \(first, last\) with .* not \[5, 3\]",
    "profile_steps=5": r"profile_steps must be \(first, last\) with .* not 5",
    "keep=0": "keep must be an integer at least 1, not 0",
    "log_every=0": "log_every must be an integer at least 1, not 0",
    "checkpoint_epochs=0": "checkpoint_epochs must be an integer at least 1, not 0",
    "checkpoint_minutes=0": "checkpoint_minutes must be a number above 0, not 0",
    "callbacks=(3,)": "a callback must be a name, .* not 3",
    # What does not fit each other
    "loss=mean_squared_error": r"cannot compare the labels .*, int32 \[2\], with the outputs float32 \[2, 10\]",
    "metrics=['mean_squared_error']": "the metrics cannot compare the labels of the training data",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_that_cannot_be_used(refused, tmp_path, override):
    shorter = () if override.startswith("model") else (MLP,)
    refused(OVERRIDES[override], "train", DIGITS, *shorter, f"--config.{override}", f"--workdir={tmp_path / 'run'}")


FLAGS = {
    "--device=cpuu": "no device 'cpuu'; did you mean 'cpu'",
    "--replicas=0": "replicas must be an integer at least 1 and at most 256, not 0",
    "--replicas=1000": "replicas must be an integer at least 1 and at most 256, not 1000",
    "--config=regression": "--config is given twice: leave one out",
    "--config.learning_rate=nan": "a schedule must be a finite number, such as 0.01, or a name, not 'nan'",
    "--config.learning_rate=0,01": "a schedule must be a finite number, such as 0.01, or a name, not '0,01'",
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
    "raises": ("def get_config():\n    return 1 / 0\n", "cannot be used, line 2: ZeroDivisionError: division by zero"),
    "no function": ("epochs = 1\n", "has no function get_config"),
    "no config": ("def get_config():\n    pass\n", "must return a config, not None"),
    "unknown key": ("def get_config():\n    return {'epoch': 3}\n", "no config key 'epoch'; did you mean 'epochs'"),
    "missing key": ("def get_config():\n    return {'epochs': 3}\n", "the config does not say data"),
    "no rate": ("def get_config():\n    return dict(epochs=3, data='digits', model='mlp')\n", "not say learning_rate"),
    "a Keras object": (
        "import keras\ndef get_config():\n    return dict(optimizer=keras.optimizers.Adam())\n",
        r"config\.optimizer must be a number, a text, a list or a dict, not <keras.*say the name",
    ),
    "a function": (
        "def get_config():\n    return dict(learning_rate=dict(name='warm_up', schedule=abs))\n",
        r"config\.learning_rate\.schedule must be .* not <built-in function abs>",
    ),
    "an array": (
        "import numpy\ndef get_config():\n    return dict(callbacks=(3, numpy.zeros(2)))\n",
        r"config\.callbacks\[1\] must be .* not array",
    ),
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
