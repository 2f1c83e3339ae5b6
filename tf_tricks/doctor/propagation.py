"""Does the signal arrive: activations, gradients, dead, saturated and equal units of every layer, before training."""

from collections.abc import Callable

import numpy as np

from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.measured_signal import measure
from tf_tricks.doctor.patient import Patient
from tf_tricks.errors import RequestError
from tf_tricks.initializers.walk import kernel_of, layers_in

_DEAD = 0.75  # share of a layer's units: half of them may be dead by chance in a deep network of ReLU
_FLAT = 0.6  # share of a layer's activations at the ends of a sigmoid or tanh
_HALF_FLAT, _LARGE_GAIN = 0.4, 3.0  # the same, where the weights are the reason
_CHANGE = 100.0  # of a standard deviation from one end of a network to the other
_LARGE_CHANGE = 1e4  # where layers are normalised, or skipped, a gain by layer says less
_START = 5.0  # times the loss of a constant answer
_GLOROT = "Glorot & Bengio 2010, section 4.2; He et al. 2015, arXiv:1502.01852, section 2.2; the lecture, section 1"


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Looks how the signal goes through the network at its first weights, and how the gradient comes back.

    Args:
        patient: `Patient`.
        progress: function of a line that says what is being done.
    """
    model = patient.trainer.model
    broken = [v.path for v in model.weights if _is_float(v) and not np.isfinite(np.asarray(v, "float64")).all()]
    if broken:
        return Checked([_non_finite(broken)])
    progress("signal: activations and gradients of each layer")
    try:
        signal = measure(patient)
    except RequestError:
        return Checked([])  # no layer that could be measured
    finally:
        patient.restore()
    normalised = _is_normalised(model) or signal.report.residual
    judged = (_dead(signal), _symmetric(model, signal), _saturated(signal), *_gains(signal, normalised))
    return Checked([finding for finding in judged if finding], signal)


def _is_float(variable):
    return "float" in str(variable.dtype)


def _is_normalised(model):
    kinds = [type(layer).__name__ for layer in layers_in(model).values()]
    return any(kind.endswith("Normalization") and kind != "Normalization" for kind in kinds)


def _non_finite(paths):
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return Finding(
        "non_finite_weights",
        f"NaN or infinity in {paths[0]}{others} before the first update",
        "A single one makes the outputs and then every gradient NaN.",
        "take other initial weights: config.init_from, or the initializer of that layer",
        0.99,
    )


def _dead(signal):
    dead = [s for s in signal.report.layers if s.rectifies and s.dead >= _DEAD]
    # The channels that a shortcut has padded with zeros are dead where a branch begins at 0, and both by intention.
    if not dead or (signal.report.residual and any(s.variance == 0 for s in signal.report.layers)):
        return None
    worst = max(dead, key=lambda s: s.dead)
    cut_off = worst.dead == 1 and not signal.report.residual
    return Finding(
        "dead_units",
        f"{worst.dead:.0%} of the units of {worst.name!r} are 0 on all of {signal.examples} examples",
        "Where ReLU gives 0 its gradient is 0, so that such a unit never learns again (Lu et al. 2019, "
        "arXiv:1903.06733).",
        f"let the biases of {worst.name!r} start at 0 and its weights by he_normal, or take leaky_relu",
        0.95 if cut_off else 0.7 if worst.dead > 0.9 else 0.45,
    )


def _symmetric(model, signal):
    alike = [s.name for s in _hidden(signal.report) if s.alike and s.variance > 0]
    alike += [] if signal.report.residual else _zeros(model)
    alike += _equal_columns(model)
    if not alike:
        return None
    return Finding(
        "symmetric_weights",
        f"all units of {alike[0]!r} have the same weights",
        "Units with the same weights get the same gradient and stay the same: the layer learns as one of a single unit "
        "(the lecture, section 1; Goodfellow et al. 2016, Deep Learning, section 8.4).",
        f"draw the weights of {alike[0]!r} at random: kernel_initializer='he_normal'",
        0.95,
    )


def _hidden(report):
    return [layer for layer in report.layers if layer.has_matrix][:-1]


def _hidden_kernels(model):
    kernels = [(name, kernel_of(layer)) for name, layer in layers_in(model).items()]
    return [(name, np.asarray(kernel)) for name, kernel in kernels if kernel is not None][:-1]


def _zeros(model):
    return [name for name, kernel in _hidden_kernels(model) if not kernel.any() and kernel.shape[-1] > 1]


def _equal_columns(model):
    """Layers whose kernels are the same for each unit, and not 0: branches may begin at 0 by intention."""
    kernels = [(name, kernel) for name, kernel in _hidden_kernels(model) if kernel.shape[-1] > 1 and kernel.any()]
    return [name for name, kernel in kernels if np.ptp(kernel.reshape(-1, kernel.shape[-1]), axis=1).max() == 0]


def _saturated(signal):
    shares = _inner_saturated(signal)
    name = max(shares, key=shares.__getitem__, default=None)
    if name is None or shares[name] < _FLAT:
        return None
    return Finding(
        "saturated_units",
        f"{shares[name]:.0%} of the activations of {name!r} are at the flat ends of the function",
        f"There the slope is almost 0, and so is the gradient that passes ({_GLOROT}).",
        f"begin with smaller weights in {name!r} (kernel_initializer='glorot_normal'), or normalise its inputs",
        0.6 if shares[name] < 0.8 else 0.75,
    )


def _inner_saturated(signal):
    """Of the layers before the last, whose activation belongs to the loss."""
    inner = {s.name.partition(" (")[0] for s in signal.report.layers[:-1]}
    return {name: share for name, share in signal.saturated.items() if name in inner}


def _gains(signal, normalised):
    """What grows and what shrinks: no more than one finding of each."""
    bound = _LARGE_CHANGE if normalised else _CHANGE
    report = signal.report
    if not _finite(report):
        return (_exploding(signal, "the activations or gradients are not finite", 0.95),)
    forward, backward = _changes(report)
    growth, shrink = max(forward, backward), min(forward, backward)
    return _exploded(signal, growth, forward, bound), _vanished(signal, shrink, forward, bound)


def _finite(report):
    return all(np.isfinite([s.mean, s.variance, s.gradient_variance]).all() for s in report.layers)


def _changes(report):
    """By how much the standard deviations of activations and gradients change through the hidden layers."""
    steps = len(_hidden(report)) - 1
    gains = (report.forward_gain, report.backward_gain)
    return [gain**steps if np.isfinite(gain) and steps > 0 else 1.0 for gain in gains]


def _exploded(signal, growth, forward, bound):
    grown = signal.output_scale / max(signal.input_scale, 1.0)
    if growth > bound:
        what = "activations" if forward == growth else "gradients"
        text = f"the {what} grow {growth:.3g} times from one end of the hidden layers to the other"
        return _exploding(signal, text, 0.9 if growth > 1e3 * bound else 0.7 if growth > 10 * bound else 0.5)
    if grown > 10 and signal.loss > _START * signal.constant:
        text = (
            f"the outputs begin {grown:.3g} times as large as the inputs, at a loss of {signal.loss:.3g} where a "
            f"constant answer has {signal.constant:.3g}"
        )
        return _exploding(signal, text, 0.8)
    for name, share in _inner_saturated(signal).items():
        gain = signal.weight_gains.get(name, 1.0)
        if share > _HALF_FLAT and gain > _LARGE_GAIN:
            text = (
                f"the weights of {name!r} multiply the signal by {gain:.3g}, so that {share:.0%} of its activations "
                "are at their flat ends"
            )
            return _exploding(signal, text, 0.8)
    return None


def _exploding(signal, text, confidence):
    return Finding(
        "exploding_signal",
        text,
        "With a gain above 1 a layer, the first updates are made by the largest weights alone, and soon overflow "
        f"({_GLOROT}).",
        f"{signal.report.advice}: config.model.kernel_initializer, or the layers' kernel_initializer",
        confidence,
    )


def _vanished(signal, shrink, forward, bound):
    report = signal.report
    dead = any(s.rectifies and s.dead == 1 for s in report.layers)
    silent = [s for s in _hidden(report) if s.gradient_variance == 0] if not report.residual else []
    if silent and not dead and not _all_alike(report):
        what, confidence = f"the gradient is exactly 0 at {silent[0].name!r}", 0.85
    elif shrink < 1 / bound:
        named = "activations" if forward == shrink else "gradients"
        what = f"the {named} shrink to {shrink:.2g} from one end of the hidden layers to the other"
        confidence = 0.9 if shrink < 1e-3 / bound else 0.7 if shrink < 0.1 / bound else 0.5
    else:
        return None
    return Finding(
        "vanishing_signal",
        f"{what} (a layer: activations ×{report.forward_gain:.3g}, gradients ×{report.backward_gain:.3g})",
        f"With a gain below 1 a layer, nothing of the inputs arrives, and the first layers do not learn ({_GLOROT}).",
        f"{report.advice}: config.model.kernel_initializer, or the layers' kernel_initializer",
        confidence,
    )


def _all_alike(report):
    return any(s.variance == 0 for s in _hidden(report))
