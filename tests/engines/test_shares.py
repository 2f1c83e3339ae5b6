"""Losses with masks, weights, sums and several outputs: replicas and micro-batches give what one device gives."""

import keras
import numpy as np
import pytest
from support import forked
from support.contract import BATCH, CASES, InOrder, made

import tf_tricks as tt
from tf_tricks.data import ArraySource

# Losses that do not simply average over the parts of a batch.
NAMES = (
    "sum",
    "mean with weights",
    "weights, sum",
    "weights of outputs",
    "class weights",
    "ignore_class",
    "tagger",
    "tagger, weights",
    "tagger, sum",
    "recurrent",
    "penalties",
    "outputs, loss weights",
    "listed outputs",
    "AUC",
)


def trained(name, strategy, micro_batch):
    """Returns a dict of the weights, the history and the evaluation of one case."""
    build, data, loss, arguments = CASES[name]
    arguments = dict(arguments)
    rate, class_weight = arguments.pop("rate", 0.1), arguments.pop("class_weight", None)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = build()
        compiled = {key: made(value) for key, value in (arguments | {"loss": loss}).items()}
        optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    trainer = tt.Trainer(
        model,
        optimizer,
        batch_size=BATCH,
        micro_batch=micro_batch,
        evaluation_batch_size=BATCH,
        strategy=strategy,
        **compiled,
    )
    rows = ArraySource(*keras.tree.map_structure(lambda a: a[:23], data))
    history = trainer.fit(InOrder(ArraySource(*data)), 2, validation=rows, class_weight=class_weight, verbose=0)
    values = history.history | {f"evaluated/{key}": value for key, value in trainer.evaluate(rows).items()}
    return values | {f"weight{i}": weight for i, weight in enumerate(model.get_weights())}


def train(replicas, micro_batch):
    """Returns an array for each "case/name"."""
    strategy = tt.strategy("cpu", replicas=replicas)
    found = {name: trained(name, strategy, micro_batch) for name in NAMES}
    return {f"{name}/{key}": np.asarray(value) for name in found for key, value in found[name].items()}


@pytest.fixture(scope="module")
def whole():
    return forked.call(train, 1, None)


@pytest.mark.slow
@pytest.mark.parametrize(("replicas", "micro_batch"), [(1, 4), (4, None), (2, 8)])
def test_parts_add_up_to_the_whole(whole, replicas, micro_batch):
    assert len(whole) > 100
    parts = forked.call(train, replicas, micro_batch)
    assert parts.keys() == whole.keys()
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
