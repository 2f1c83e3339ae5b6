"""Trains models whose losses do not simply average over the parts of a batch, and writes what came of it.

Run by test_shares.py: the number of replicas, the micro-batch ("none" for the whole batch), and the file to write.
"""

import sys

import numpy as np
from test_keras_contract import BATCH, CASES, InOrder, made

import tf_tricks as tt
from tf_tricks.data import ArraySource

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
    import keras

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


def main(replicas, micro_batch, output):
    strategy = tt.strategy("cpu", replicas=int(replicas))
    size = None if micro_batch == "none" else int(micro_batch)
    found = {name: trained(name, strategy, size) for name in NAMES}
    np.savez(output, **{f"{name}/{key}": np.asarray(value) for name in found for key, value in found[name].items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
