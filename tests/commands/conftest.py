"""Runs `tf-tricks` within the test's own process, since a new one takes seconds to import TensorFlow."""

import collections
import os
import sys
from pathlib import Path

import pytest
from absl import flags
from support.sentences import assert_sentence, contents
from tensorflow.python.framework import config

from tf_tricks import cli
from tf_tricks.commands import (  # noqa: F401  (they define their flags)
    ablate,
    doctor,
    evaluate,
    export,
    finetune,
    predict,
    preview,
    runs,
    search,
    tpu_check,
    train,
)

FLAGS = (
    "config",
    "workdir",
    "device",
    "tpu",
    "replicas",
    "seed",
    "split",
    "data",
    "checkpoint",
    "metrics",
    "weighted_metrics",
    "report",
    "input",
    "batch_size",
    "monte_carlo",
    "augment",
    "augment_times",
    "skip_damaged",
    "output",
    "rows",
    "variants",
    "topology",
    "find-batch",
    "group",
    "sort",
    "hparams",
    "format",
    "quantize",
    "calibration",
    "tricks",
    "space",
    "trials",
    "coarse_share",
    "coarse_epochs",
    "fine_epochs",
    "seeds",
    "sampler",
    "sampler_seed",
    "pruner",
    "metric",
    "direction",
    "storage",
    "study",
    "jobs",
    "html",
    "names",
    "budget",
    "auto_budget",
)
ROOT = Path(__file__).parents[2]


Outcome = collections.namedtuple("Outcome", "status out err")


@pytest.fixture
def tf_tricks(monkeypatch, capfd):
    """A function of the arguments of `tf-tricks` that returns its exit status, output and errors."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", list(sys.argv))  # the program sets it
    for name in ("TPU_NAME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        capfd.readouterr()
        try:
            status = cli.main([os.fspath(argument) for argument in arguments])
        finally:
            for name in [name for name in flags.FLAGS if name.startswith("config.")]:
                delattr(flags.FLAGS, name)
            for name in FLAGS:
                flags.FLAGS[name].unparse()
        return Outcome(status, *capfd.readouterr())

    yield call
    config.disable_op_determinism()


@pytest.fixture
def refused(tf_tricks, tmp_path):
    """Asserts that `tf-tricks` refuses a request with a sentence and leaves everything as it was."""

    def check(pattern, *arguments):
        before = contents(tmp_path)
        assert_sentence(tf_tricks(*arguments), 2, pattern)
        assert contents(tmp_path) == before

    return check
