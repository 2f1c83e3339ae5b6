"""Is the batch of the right size: the noise scale of the gradient, measured after a short run.

McCandlish et al. 2018, arXiv:1812.06162: below the noise scale B_simple = tr(Σ)/|G|² the gradient of a batch is mostly
noise, far above it a larger batch only costs examples. B_simple rises while the loss falls.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.callbacks.noise_scale import noise_scale_estimate
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.short_runs import ShortRuns, largest_rate, level, number_of_updates, rates_of

_SMALL, _BATCHES, _LEAST_BATCHES = 32, 16, 4
_UPDATES, _SECONDS = 100, 6.0  # before the second measurement
_FEW_UPDATES = 200  # of a whole run: with more of them a large batch is a matter of cost
_SMALLER = 8  # times: the batch that the given one is compared with
_NOISY = 10.0  # times the batch is the noise scale
_TINY = 8  # examples: batches above it are not called small
_PAYS = 3.0  # times as many examples a second
_PAPER = "McCandlish et al. 2018, arXiv:1812.06162, section 2.2; the lecture, section 3"


@dataclasses.dataclass(frozen=True)
class Noise:
    """What the check has measured.

    Attributes:
        batch_size: examples of the first update.
        updates: of the whole run.
        num_examples: of the training data.
        trained: updates before the second measurement.
        at_start: the noise scale with the first weights, in examples; infinite where the noise hides the gradient.
        after: likewise after so many updates.
    """

    batch_size: int
    updates: int
    num_examples: int
    trained: int
    at_start: float
    after: float


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Measures the noise scale at the first weights and after a short run at the given rate.

    Args:
        patient: `Patient`; with several replicas nothing is measured.
        progress: function of a line that says what is being done.
    """
    if patient.trainer.num_replicas > 1:
        return Checked([])
    progress("batch: the noise scale of the gradient")
    try:
        measured = _measure(patient)
        if measured is None:
            return Checked([])
        finding = _too_small(patient, measured) or _too_large(patient, measured)
    finally:
        patient.restore()
    return Checked([finding] if finding else [], measured)


def _measure(patient):
    runs = ShortRuns(patient)
    number, size = patient.stream.source.num_examples, runs.batch_size
    small = max(1, min(_SMALL, size, number // _LEAST_BATCHES))
    batches = min(_BATCHES, number // small)
    if batches < _LEAST_BATCHES:
        return None
    updates = number_of_updates(patient)
    trained = min(updates, _UPDATES, max(10, int(_SECONDS / max(runs.warm_up(), 1e-9)) // 10 * 10))
    gradient = _gradient(runs.loop.passes)
    patient.restore()
    at_start = _noise_scale(patient.stream, gradient, small, batches)
    losses = runs.run(rates_of(patient, trained))
    finite = bool(np.isfinite(losses).all())
    after = _noise_scale(patient.stream, gradient, small, batches) if finite else math.nan
    return Noise(size, updates, number, trained, at_start, after)


def _gradient(passes: Any) -> Callable[[Any, tf.Tensor], tf.Tensor]:
    """Returns the function of examples and their position that gives the whole gradient, float32 [weights]."""

    @tf.function(autograph=False)
    def gradient(examples, position):
        gradients = passes(examples, position).gradients
        return tf.concat([tf.cast(tf.reshape(g, [-1]), tf.float32) for g in gradients], 0)

    return gradient


def _noise_scale(stream, gradient, small, batches):
    """B_simple from the gradients of small batches and that of all of them."""
    norms, total = [], 0.0
    for i in range(batches):
        positions = tf.range(i * small, (i + 1) * small, dtype=tf.int64)
        examples = stream.fetch(positions)
        if stream.step_augment is None:
            examples = stream.augmented(examples, positions)
        found = gradient(examples, positions[0]).numpy().astype("float64")
        norms.append(float(found @ found))
        total = total + found
    mean = total / batches
    squared, trace = noise_scale_estimate(norms, float(mean @ mean), small, small * batches)
    if trace <= 0:
        return 0.0
    return trace / squared if squared > 0 else math.inf


def _too_small(patient, measured):
    size = measured.batch_size
    noise = measured.at_start if math.isnan(measured.after) else measured.after
    if size > _TINY or noise < _NOISY * size or measured.num_examples < 50 * size:
        return None
    larger = _SMALLER * size
    faster = _SMALLER * ShortRuns(patient).warm_up() / ShortRuns(patient, batch_size=larger).warm_up()
    if faster < _PAYS:
        return None
    return Finding(
        "batch_too_small",
        f"a batch of {size} where the noise scale is {_examples(noise)} after {measured.trained} updates; a batch of "
        f"{larger} sees {faster:.1f} times as many examples a second",
        f"So far below the noise scale, twice the batch needs half of the updates ({_PAPER}).",
        f"config.batch_size = {max(larger, 32)}, with a rate as many times larger (Adam: the root of that)",
        0.7 if size <= 2 else 0.5 if size <= 4 else 0.25,
    )


def _too_large(patient, measured):
    size, noise = measured.batch_size, np.nanmax([measured.at_start, measured.after])
    smaller = size // _SMALLER
    if measured.updates > _FEW_UPDATES or noise * _SMALLER > size or smaller < 8:
        return None
    given, others, factor = _whole_runs(patient, measured.updates, smaller)
    start = float(given[0])
    learned, possible = start - level(given), start - level(others)
    if not math.isfinite(level(others)) or possible <= 0.1 * abs(start) or learned >= 0.6 * possible:
        return None
    return Finding(
        "batch_too_large",
        f"a batch of {size} of {measured.num_examples} examples leaves {measured.updates} updates, and the noise scale "
        f"is {_examples(noise)}; the loss comes to {level(given):.3g}, with a batch of {smaller} and the same examples "
        f"to {level(others):.3g}",
        f"Far above the noise scale a larger batch gives no better gradient, only fewer updates ({_PAPER}).",
        f"config.batch_size = {smaller}, config.learning_rate = {largest_rate(patient) * factor:.2g}, or more epochs",
        0.8 if learned < 0.35 * possible else 0.6,
    )


def _whole_runs(patient, updates, smaller):
    """The losses of the run as it is asked for, those of a smaller batch, and the factor on the rate of these."""
    given = ShortRuns(patient).run(rates_of(patient, updates))
    runs, number = ShortRuns(patient, batch_size=smaller), _SMALLER * updates
    best, factor = None, 1.0
    for tried in (1.0, 1 / _SMALLER):  # the rule for plain SGD is the second, and early in training the first may do
        losses = runs.run(tried * rates_of(patient, number))
        if best is None or level(losses) < level(best):
            best, factor = losses, tried
    return given, best, factor


def _examples(noise):
    return "too large to be told" if math.isinf(noise) else f"about {noise:.0f} examples"
