"""What the inputs are: their range, what is not finite or constant, and what of them reaches the first weights."""

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np

from tf_tricks.doctor import looks
from tf_tricks.doctor.constant_inputs import constant_inputs
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.first_weights import batch_norm_follows, inputs_of_first_weights
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.scales import Scale, finding_of_scales, scale_of

EXAMPLES = 2048
_AT_FIRST_WEIGHTS = 256


@dataclasses.dataclass(frozen=True)
class Values:
    """What was measured of the inputs.

    Attributes:
        raw: dict of input to its `Scale`, as the examples are stored.
        at_weights: dict of layer to the `Scale` of what reaches the first weights.
        histograms: dict of the names above to (counts, edges).
    """

    raw: Mapping[str, Scale]
    at_weights: Mapping[str, Scale]
    histograms: Mapping[str, tuple[np.ndarray, np.ndarray]]


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Looks at the values of up to `EXAMPLES` training examples, and at what a batch is at the first weights.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("looking at the values of the inputs")
    source = patient.stream.source
    inputs, _, _ = looks.fetched(source, looks.spread(source, EXAMPLES))
    named = _named(inputs)
    bad = _not_finite(named)
    if bad:
        return Checked([bad])
    findings = constant_inputs(named)
    raw = {name: scale_of(array) for name, array in named.items()}
    reached = _reached(patient)
    at_weights = {name: scale_of(array) for name, array in reached.items()}
    findings += _of_scales(patient, raw, at_weights)
    histograms = {name: _histogram(array) for name, array in {**named, **reached}.items()}
    return Checked(findings, Values(raw, at_weights, histograms))


def _named(inputs):
    """Dict of name to the arrays that hold numbers."""
    if isinstance(inputs, Mapping):
        named = {str(name): np.asarray(array) for name, array in inputs.items()}
    else:
        arrays = keras.tree.flatten(inputs)
        names = ["inputs"] if len(arrays) == 1 else [f"inputs {i}" for i in range(len(arrays))]
        named = {name: np.asarray(array) for name, array in zip(names, arrays)}
    return {name: array for name, array in named.items() if array.dtype.kind in "buif" and array.size}


def _not_finite(named):
    for name, array in named.items():
        bad = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(1, bool)
        if bad.any():
            rows = bad.reshape(len(bad), -1).any(axis=1)
            return Finding(
                "non_finite_inputs",
                f"{bad.sum():,} of {bad.size:,} values of {name} are NaN or infinite, in {rows.sum():,} of "
                f"{len(bad):,} examples",
                "One NaN makes the loss and with it every weight NaN in the first update that sees it.",
                "find where they come from (a division by 0, a missing value, a logarithm of 0); fill or drop those",
                1.0,
            )
    return None


def _reached(patient):
    """What reaches the first weights, as the train step sees the examples."""
    try:
        inputs, _, _ = patient.batch(_AT_FIRST_WEIGHTS, augmented=True)
        return inputs_of_first_weights(patient.trainer.model, inputs)
    except Exception:  # examples that the model cannot take are another finding
        return {}


def _of_scales(patient, raw, at_weights):
    for name, scale in at_weights.items():
        if not scale.finite:
            return [
                Finding(
                    "non_finite_inputs",
                    f"the inputs are finite, and what reaches the first weights, of the layer {name!r}, is not",
                    "What comes before the first weights makes NaN or infinity of some inputs: a division by a "
                    "variance of 0, or a logarithm of 0.",
                    "look at the layers before it; a constant feature cannot be standardised: drop it",
                    1.0,
                )
            ]
    layers = [layer for layer in patient.trainer.model._flatten_layers()]
    trained = any(
        isinstance(layer, keras.layers.BatchNormalization) and np.any(np.asarray(layer.moving_mean)) for layer in layers
    )
    if trained:  # weights of another run know the scale of their inputs
        return []
    found = finding_of_scales(raw, at_weights)
    if found is not None and batch_norm_follows(patient.trainer.model):
        found = found._replace(
            confidence=0.7 * found.confidence,
            why=f"{found.why} The batch norm after the first weights takes some of it away.",
        )
    return [] if found is None else [found]


def _histogram(array):
    values = array.reshape(-1)
    values = values[np.isfinite(values)] if array.dtype.kind == "f" else values
    return np.histogram(values.astype("float64"), bins=60) if values.size else (np.zeros(1), np.array([0.0, 1.0]))
