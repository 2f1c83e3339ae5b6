"""The model itself as a learner: trained for some updates, asked for the labels of examples that it has not seen."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tf_tricks.data import Stream
from tf_tricks.doctor import looks
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.probes import ENOUGH, Probe, deviations
from tf_tricks.training.prepared import new_loop

_UNSEEN = 0.25
_UPDATES = 400
_A_CALL = 10
_SECONDS = 8.0
_FACTORS = (1.0, 0.1, 10.0)  # on the given learning rate: it may be what is wrong
_BATCH = 128


def of_model(patient: Patient, rows: np.ndarray, targets: np.ndarray, say: Callable[[str], None]) -> Probe:
    """Returns the `Probe` of a patient's model, which is left as it was.

    Args:
        patient: `Patient` that can be trained, its source one that has subsets.
        rows: indices of the examples in its source.
        targets: float [n, K], the labels as `label_signal.targets_of` gives them.
        say: function of a line that says what is being done.
    """
    say("asking the model itself for the labels")
    order = np.random.default_rng(0).permutation(len(rows))
    number = round(_UNSEEN * len(rows))
    unseen, seen = order[:number], order[number:]
    stream = patient.stream
    source: Any = stream.source
    some = Stream(source.subset(rows[seen]), seed=stream.seed, augment=stream.augment, augment_on=stream.augment_on)
    loop = new_loop(patient.trainer, some, None)
    size = min(int(patient.trainer.batch_size(0.0)), len(seen) // 2 * 2)
    best = Probe("the model itself", 0.0)
    try:
        for factor in _FACTORS:
            patient.restore()
            loop.start(some, size, 0)
            _train(loop, factor * _largest_rate(patient))
            scores = _scores(patient.trainer.model, source, rows[unseen])
            best = max(
                best, best._replace(deviations=_deviations(scores, targets[unseen])), key=lambda one: one.deviations
            )
            if best.deviations > ENOUGH:
                break
    finally:
        patient.restore()
    return best


def _largest_rate(patient):
    rate = patient.trainer.learning_rate
    return max(float(rate(epoch)) for epoch in np.linspace(0, patient.epochs * 0.999, 50))


def _train(loop, rate):
    end = time.monotonic() + _SECONDS
    for _ in range(_UPDATES // _A_CALL):
        losses, _ = loop.run([rate] * _A_CALL)
        if not np.isfinite(losses).all() or time.monotonic() > end:
            return


def _scores(model: keras.Model, source: Any, rows: np.ndarray) -> np.ndarray:
    """Outputs [n, d]; as in training, since the moving statistics of so short a run are not those of the data."""
    found = []
    for start in range(0, len(rows), _BATCH):
        inputs, _, _ = looks.fetched(source, rows[start : start + _BATCH])
        with keras.StatelessScope():
            outputs = model(inputs, training=True) if model._call_has_training_arg else model(inputs)
        first = keras.tree.flatten(outputs)[0]
        found.append(np.asarray(keras.ops.convert_to_numpy(first), "float64").reshape(first.shape[0], -1))
    return np.nan_to_num(np.concatenate(found), posinf=0.0, neginf=0.0)


def _deviations(scores, targets):
    if scores.shape[1] == 1 and targets.shape[1] == 2:
        scores = np.concatenate([-scores, scores], axis=1)
    if scores.shape[1] < targets.shape[1]:
        return 0.0
    # Of classes that are not there the outputs say nothing; of many numbers some are compared.
    return deviations(scores[:, : targets.shape[1]], targets)
