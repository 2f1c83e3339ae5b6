"""The trainer trains with every trick, resumes bit for bit, and gives on two replicas what it gives on one device."""

import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from support import examples, forked, tricks_on_replicas
from support.crash import KeepWorkdir

import tf_tricks as tt
from tf_tricks.data import Stream

GROUPS = [("layers", "losses", "initializers"), ("optimizers",), ("callbacks",)]


@dataclasses.dataclass(frozen=True)
class Run:
    """Two epochs that nothing has disturbed, and what a kill as the second begins would have left."""

    before: float
    after: float
    history: dict
    weights: list
    broken_off: Path


def trainer(package, name):
    model = examples.model(package, name)
    return tt.Trainer(
        model,
        optimizer=examples.optimizer(package, name),
        learning_rate=examples.learning_rate(package, name),
        batch_size=examples.BATCH,
        loss=examples.loss(package, name),
    )


def train(made, package, name, workdir, callback):
    chosen = [examples.make(package, name)] if package == "callbacks" else []
    stream = Stream(examples.data(), seed=3)
    return made.fit(stream, 2, callbacks=[*chosen, callback], workdir=workdir, verbose=0).history


def loss_of(model, package, name):
    images, labels = examples.data()
    return float(examples.loss(package, name)(labels, model(images)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A function of a trick's package and name that returns its `Run`, trained once."""

    @functools.cache
    def run(package, name):
        folder, made = tmp_path_factory.mktemp(f"{package}-{name}"), trainer(package, name)
        before = loss_of(made.model, package, name)
        keep = KeepWorkdir(folder / "whole", folder / "broken_off", epoch=1)
        history = train(made, package, name, folder / "whole", keep)
        return Run(before, loss_of(made.model, package, name), history, made.model.get_weights(), folder / "broken_off")

    return run


@pytest.mark.engines
@pytest.mark.parametrize(("package", "name"), examples.CASES, ids=examples.IDS)
def test_trains_and_resumes_bit_for_bit(package, name, whole):
    run = whole(package, name)
    if name == "learning_rate_finder":
        assert run.after == run.before  # it puts everything back, and ends the run
        return
    assert run.after < run.before
    resumed, epochs = trainer(package, name), []
    record = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    assert train(resumed, package, name, run.broken_off, record) == run.history
    assert epochs == [1]
    for found, wanted in zip(resumed.model.get_weights(), run.weights, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("packages", GROUPS, ids="+".join)
def test_two_replicas(packages, whole):
    """Where masks are random, those of two replicas are independent."""
    two = forked.call(tricks_on_replicas.train, packages)
    assert two
    wrong = {case: difference(whole(*case).weights, two[case]) for case in two}
    assert not any(wrong.values()), "\n".join(f"{case}: {problem}" for case, problem in wrong.items() if problem)


def difference(one, two):
    """Says in words what is wrong, or returns None.

    Args:
        one: the weights on one device.
        two: what `tricks_on_replicas.train` found on two.
    """
    if "error" in two:
        return str(two["error"])
    if "replicas" in two:
        first, second = two["replicas"]
        if np.array_equal(first, second):
            return "both replicas have the same masks"
        # The network behind the mask is not linear, but its outputs' mean over 1024 draws moves little.
        means = first.mean(axis=0), second.mean(axis=0)
        if np.abs(means[0] - means[1]).max() > 0.2 * first.std():
            return f"the means of two replicas differ: {means}"
        return None
    if len(two["weights"]) != len(one):
        return "the two have different weights"
    for i, (wanted, found) in enumerate(zip(one, two["weights"])):
        scale = max(np.abs(wanted).max(), 1e-3)
        if not np.abs(found - wanted).max() <= 1e-5 * scale:
            return f"weight {i} differs by {np.abs(found - wanted).max() / scale:.1e} of its size"
    return None
