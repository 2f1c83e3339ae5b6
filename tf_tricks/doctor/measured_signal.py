"""What is measured of the signal: activations and gradients of every layer, and the scales at both ends."""

import dataclasses
import math

import keras
import numpy as np

from tf_tricks.doctor import reference_losses
from tf_tricks.doctor.patient import Patient
from tf_tricks.errors import RequestError
from tf_tricks.gradients import as_tensors, one_loss
from tf_tricks.initializers import signal_propagation
from tf_tricks.initializers.advice import activation_name
from tf_tricks.initializers.report import SignalReport
from tf_tricks.initializers.walk import calls_replaced, kernel_of, layers_in

_EXAMPLES, _FEW = 128, 32  # all activations are held at once: of large inputs fewer
_LARGE_INPUT = 512
_ENDS = {"sigmoid": (0.01, 0.99), "hard_sigmoid": (0.0, 1.0), "tanh": (-0.98, 0.98), "softsign": (-0.98, 0.98)}


@dataclasses.dataclass(frozen=True)
class Signal:
    """What the check has measured.

    Attributes:
        examples: how many were looked at.
        report: a `SignalReport`, with a `LayerSignal` for each layer.
        saturated: dict of a layer's name to the share of its activations at the flat ends.
        weight_gains: dict of such a layer's name to √(n Var w), by which the weights just before it multiply
            uncorrelated inputs; layers that no weights come before are not in it.
        input_scale: root mean square of what reaches the first layer with a weight matrix.
        output_scale: likewise of the model's outputs; NaN where they are several.
        loss: at the start; NaN where it is not known.
        constant: the loss of the best constant answer; infinite where it is not known.
    """

    examples: int
    report: SignalReport
    saturated: dict[str, float]
    weight_gains: dict[str, float]
    input_scale: float
    output_scale: float
    loss: float
    constant: float


def measure(patient: Patient) -> Signal:
    """Returns the `Signal` of a patient on the first examples of its stream.

    Args:
        patient: `Patient`.
    """
    trainer = patient.trainer
    inputs, labels, _ = patient.batch(1, augmented=True)
    large = sum(np.size(one) for one in keras.tree.flatten(inputs)) > _LARGE_INPUT
    inputs, labels, _ = patient.batch(_FEW if large else _EXAMPLES, augmented=True)
    loss = _loss(trainer)
    labels_and_loss = (None, None) if loss is None or labels is None else (labels, loss)
    report = signal_propagation(trainer.model, inputs, *labels_and_loss)
    saturated, weight_gains, input_scale, outputs = _looked_at(trainer.model, inputs)
    start, constant, output_scale = math.nan, math.inf, math.nan
    if not isinstance(outputs, (dict, list, tuple)):
        outputs = np.asarray(outputs, "float32")
        output_scale = _scale(outputs)
        constant = reference_losses.constant_loss(trainer, labels, outputs)
        start = reference_losses.loss_of(trainer, labels, outputs)
    return Signal(
        examples=len(keras.tree.flatten(inputs)[0]),
        report=report,
        saturated=saturated,
        weight_gains=weight_gains,
        input_scale=input_scale,
        output_scale=output_scale,
        loss=start,
        constant=constant,
    )


def _loss(trainer):
    try:
        return one_loss("the check of the signal", None, trainer.model)
    except (RequestError, ValueError):
        return None  # several losses, or one of the model's own


def _looked_at(model, inputs):
    """The saturated activations and weight gains by layer, the scale of what reaches the first weights, the outputs."""
    names = {id(layer): name for name, layer in layers_in(model).items()}
    saturated, gains, first, kernels = {}, {}, [], []

    def look(layer, call):
        def looked(x, *args, **kwargs):
            if kernel_of(layer) is not None:
                kernels.append(kernel_of(layer))
            if kernels and not first:
                first.append(_scale(np.asarray(x, "float64")))
            output = call(x, *args, **kwargs)
            if activation_name(layer) in _ENDS and hasattr(output, "shape"):
                low, high = _ENDS[activation_name(layer)]
                values = np.asarray(output)
                saturated[names[id(layer)]] = float(np.mean((values <= low) | (values >= high)))
                if kernels:
                    gains[names[id(layer)]] = _weight_gain(kernels[-1])
            return output

        return looked

    with calls_replaced(layers_in(model).values(), look), keras.StatelessScope():
        outputs = model(as_tensors(inputs), training=True)
    return saturated, gains, first[0] if first else 1.0, outputs


def _weight_gain(kernel):
    """√(n Var w), n being the inputs of a unit."""
    values = np.asarray(kernel, "float64")
    return float(np.sqrt(values.size / values.shape[-1] * np.mean(values**2)))


def _scale(values):
    return float(np.sqrt(np.mean(np.square(values, dtype="float64"))))
