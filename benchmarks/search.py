"""Searches measured: against KerasTuner, by their overhead, with Hyperband, coarse-to-fine against one stage.

    python benchmarks/search.py [--only=overhead,tuner,hyperband,stages]

`overhead`: 64 trials of 3 epochs of the config `digits` in the space `sgd`, as the command runs them, start and all;
and what 16 trials of one shape take beside their steps. `tuner`: the same 18 trials by this search and by KerasTuner's
random search (`pip install keras-tuner`), in turn; the first two warm up. `hyperband`: 27 trials of 27 epochs, with and
without, for three seeds. `stages`: coarse-to-fine against one stage of as many epochs, for five.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from etils import epath

import tf_tricks as tt
from tf_tricks.config import config_file, parts
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.search import choice, log_uniform
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.ledger import Ledger, Plan
from tf_tricks.search.outputs import collected
from tf_tricks.search.points import points
from tf_tricks.search.results import best
from tf_tricks.search.searcher import search
from tf_tricks.search.space import with_values
from tf_tricks.search.stages import stages
from tf_tricks.search.storage import open_storage
from tf_tricks.search.trial import run_trial
from tf_tricks.training.trainer import Trainer

RATE = "learning_rate.schedule.initial"
ONE_SHAPE = {RATE: log_uniform(1e-3, 1.0), "l2": log_uniform(1e-6, 1e-2)}
MLP = {"name": "mlp", "hidden": [64]}


def digits(**changes):
    """The packaged config."""
    return parts.resolve(parts.plain(config_file.load("digits")) | changes)


def searched(config, plan, trainers):
    """Returns the results of a search in a folder that is gone then."""
    with tempfile.TemporaryDirectory() as folder:
        folder = epath.Path(folder)
        ledger = Ledger(open_storage(None, folder), folder, plan)
        search(ledger, config, trainers, 1, "val_accuracy", lambda *_: None)
        return collected(ledger)


class Timed:
    """A context in which the calls of a method are timed."""

    def __init__(self, owner, name):
        self._owner, self._name, self.seconds = owner, name, 0.0

    def __enter__(self):
        method = self._method = getattr(self._owner, self._name)

        def timed(*arguments, **keywords):
            began = time.perf_counter()
            try:
                return method(*arguments, **keywords)
            finally:
                self.seconds += time.perf_counter() - began

        setattr(self._owner, self._name, timed)
        return self

    def __exit__(self, *exception):
        setattr(self._owner, self._name, self._method)


def overhead():
    """64 trials by the command; what trials take beside their steps."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "tf_tricks.cli", "search", "--config=digits", "--space=sgd", "--trials=64"]
        began = time.perf_counter()
        subprocess.run([*program, "--fine_epochs=3", f"--workdir={folder}/search"], check=True, capture_output=True)
        print(f"64 trials of 3 epochs, start and outputs included: {time.perf_counter() - began:.0f} s")
    for epochs in (3.0, 30.0):
        trainers = KeptTrainers(tt.strategy("cpu"))
        searched(digits(), Plan("first", ONE_SHAPE, stages(1, 1, epochs, epochs), "random", "none", 1, "up"), trainers)
        number = 16 if epochs == 3.0 else 4
        plan = Plan("all", ONE_SHAPE, stages(number, 1, epochs, epochs), "random", "none", 0, "up")
        with Timed(Trainer, "fit") as fit, Timed(Trainer, "evaluate") as evaluate, Timed(Loop, "run") as steps:
            began = time.perf_counter()
            searched(digits(), plan, trainers)
            seconds = time.perf_counter() - began
        print(
            f"trials of {epochs:g} epochs and one shape, after the first: {seconds / number:.2f} s each; over their "
            f"calls of fit {seconds / fit.seconds - 1:+.1%}; over their steps and validations "
            f"{seconds / (steps.seconds + evaluate.seconds) - 1:+.1%}; over their steps alone "
            f"{seconds / steps.seconds - 1:+.1%}"
        )


def tuner():
    """The same trials by KerasTuner."""
    import keras_tuner

    config = digits(augment=None, epochs=3.0, learning_rate=0.1, l2=0.0)
    space = {"learning_rate": log_uniform(1e-3, 1.0), "batch_size": choice(32, 64, 128)}
    drawn = points("random", space, 18, seed=0)
    built = parts.build(config, tt.strategy("cpu"))
    arrays = [_arrays(source) for source in (built.splits.train, built.splits.validation)]

    class Model(keras_tuner.HyperModel):
        """The same network, at a point."""

        def __init__(self, point):
            super().__init__()
            self.point = point

        def build(self, hp):
            hp.Float("learning_rate", 1e-3, 1.0, sampling="log")
            model = parts.build(config, tt.strategy("cpu"), splits=built.splits).model
            optimizer = keras.optimizers.SGD(self.point["learning_rate"], momentum=0.9, nesterov=True)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(optimizer, loss, metrics=["accuracy"])
            return model

        def fit(self, hp, model, *arguments, **keywords):
            return model.fit(*arguments, batch_size=self.point["batch_size"], **keywords)

    with tempfile.TemporaryDirectory() as folder:
        trainers, ours, theirs = KeptTrainers(tt.strategy("cpu")), [], []
        for i, point in enumerate(drawn):
            began = time.perf_counter()
            run_trial(
                trainers, parts.resolve(with_values(config, point)), epath.Path(folder) / str(i), 1, "val_accuracy"
            )
            between = time.perf_counter()
            peer = keras_tuner.RandomSearch(
                Model(point), objective="val_accuracy", max_trials=1, seed=i, directory=folder, project_name=f"peer{i}"
            )
            (x, y), validation = arrays
            peer.search(x, y, epochs=3, validation_data=validation, verbose=0)
            ours.append(between - began)
            theirs.append(time.perf_counter() - between)
    ratio = sum(ours[2:]) / sum(theirs[2:])
    print(f"16 trials after two: {sum(ours[2:]):.1f} s, KerasTuner {sum(theirs[2:]):.1f} s, ratio {ratio:.2f}")
    print(f"all 18 trials, compilations and all: ratio {sum(ours) / sum(theirs):.2f}")


def _arrays(source):
    indices = tf.range(source.num_examples, dtype=tf.int64)
    return tuple(np.asarray(part) for part in source.fetch(indices, indices))


def hyperband():
    """What Hyperband finds, and in how many epochs."""
    config = digits(augment=None, model=MLP, epochs=27.0, checkpoint_epochs=27)
    differences, shares = [], []
    for seed in range(3):
        found = {}
        for pruner in ("none", "hyperband"):
            plan = Plan("all", ONE_SHAPE, stages(27, 1, 27, 27), "random", pruner, seed, "up")
            results = searched(config, plan, KeptTrainers(tt.strategy("cpu")))
            found[pruner] = best(results, "up").value, sum(result.epochs for result in results)
        differences.append(found["none"][0] - found["hyperband"][0])
        shares.append(found["hyperband"][1] / found["none"][1])
    shown = ", ".join(f"{100 * d:.2f} pp in {share:.2f}" for d, share in zip(differences, shares))
    print(f"hyperband, below the best of all in which share of the epochs: {shown}")
    print(f"mean: {100 * statistics.mean(differences):.2f} pp in {statistics.mean(shares):.2f}")


def two_stages():
    """Coarse-to-fine against one stage, with as many epochs."""
    config = digits(augment=None, model=MLP)
    found = []
    for seed in range(5):
        trainers = KeptTrainers(tt.strategy("cpu"))
        fine = Plan("two", ONE_SHAPE, stages(32, 0.75, 3, 9), "random", "none", seed, "up")
        one = Plan("one", ONE_SHAPE, stages(16, 1, 9, 9), "random", "none", seed, "up")
        found.append([best(searched(config, plan, trainers), "up").value for plan in (fine, one)])
    differences = [100 * (two - one) for two, one in found]
    half = 2.776 * statistics.stdev(differences) / math.sqrt(5)
    print(f"24 trials of 3 epochs and 8 of 9, against 16 of 9: {found}")
    print(f"difference {statistics.mean(differences):+.2f} ± {half:.2f} pp (95 %, Student's t of 5)")


SECTIONS = {"overhead": overhead, "tuner": tuner, "hyperband": hyperband, "stages": two_stages}


def main():
    """Runs the sections that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS))
    tf.config.experimental.enable_op_determinism()
    for name in parser.parse_args().only.split(","):
        SECTIONS[name]()


if __name__ == "__main__":
    main()
