"""What a look at a network's signal found: numbers, a sentence, a table, a figure."""

import dataclasses
import os
from typing import Any

import numpy as np

# The network is called fine while the standard deviations at its two ends differ by less than this factor.
LARGEST_CHANGE = 20.0
# With so many of the units of a layer dead they are named; half of them may be by chance in a deep ReLU network.
DEAD_SHARE = 0.75


@dataclasses.dataclass(frozen=True)
class LayerSignal:
    """What was measured at the output of one layer, over the examples of a batch and the layer's units.

    Attributes:
        name: the layer's name; a layer that is called twice has a number after it the second time.
        mean: of the activations.
        variance: of the activations.
        gradient_variance: of the gradient of each example's loss with respect to the activations.
        dead: share of the units (channels of an image) whose output is 0 on the whole batch.
        has_matrix: whether the layer holds a weight matrix or a convolution's kernel and counts for the gain, as
            recurrent layers and embeddings do not.
        rectifies: whether its activation is ReLU and its weights are not all 0.
        alike: whether all its units have the same activations and the same gradients, so that they learn the same.
    """

    name: str
    mean: float
    variance: float
    gradient_variance: float
    dead: float
    has_matrix: bool
    rectifies: bool = False
    alike: bool = False


@dataclasses.dataclass(frozen=True)
class SignalReport:
    """What `signal_propagation` returns.

    Attributes:
        layers: a `LayerSignal` for each layer, in the order of computation.
        forward_gain: by how much a layer multiplies the standard deviation of the activations, see `fitted_gain`.
        backward_gain: by how much a layer multiplies the standard deviation of the gradient, on its way back.
        advice: what to do if the signal does not arrive: "use he_normal".
        residual: whether the network has skip connections.
        finite_inputs: whether the batch holds neither NaN nor infinity.
    """

    layers: tuple
    forward_gain: float
    backward_gain: float
    advice: str
    residual: bool = False
    finite_inputs: bool = True

    @property
    def diagnosis(self) -> str:
        """A sentence: what is wrong with the signal and what to do, or that it is fine."""
        if not self.finite_inputs:
            return "the inputs are not finite: remove the examples with NaN or infinity, or repair them"
        for layer in self.layers:
            if not np.isfinite([layer.mean, layer.variance]).all():
                return f"the activations are not finite from {layer.name!r} on: {self.advice}"
        for layer in reversed(self.layers):
            if not np.isfinite(layer.gradient_variance):
                return f"the gradient is not finite from {layer.name!r} back: {self.advice}"
        return self._not_moving() or self._zero_gradient() or self._alike() or self._wrong_gain() or self._fine()

    def table(self) -> str:
        """Returns the measurements as a table of plain text, one line for each layer."""
        head = ("layer", "mean", "variance", "gradient variance", "dead")
        rows = [
            (s.name, f"{s.mean:.3g}", f"{s.variance:.3g}", f"{s.gradient_variance:.3g}", f"{s.dead:.0%}")
            for s in self.layers
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
            for row in (head, *rows)
        ]
        return "\n".join(lines)

    def __str__(self):
        gains = f"gain per layer: activations {self.forward_gain:.3g}, gradient {self.backward_gain:.3g}"
        return f"{self.table()}\n{gains}\n{self.diagnosis}"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the standard deviations and the dead units by layer.

        Args:
            path: of a PNG file to write, or None.

        Returns:
            a `matplotlib.figure.Figure`.
        """
        from matplotlib.figure import Figure

        places = np.arange(len(self.layers))
        names = [layer.name for layer in self.layers]
        width = min(16.0, max(6.4, 2.0 + 0.3 * len(names)))
        figure = Figure(figsize=(width, 5.6), layout="constrained")
        signal, dead = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))

        signal.set_yscale("log")
        for label, attribute, marker in (("activations", "variance", "o"), ("gradient", "gradient_variance", "s")):
            deviations = np.sqrt([getattr(layer, attribute) for layer in self.layers])
            # A logarithmic axis has no place for 0: such layers have no point.
            shown = np.where(np.isfinite(deviations) & (deviations > 0), deviations, np.nan)
            signal.plot(places, shown, marker=marker, markersize=4, label=label)
        signal.set_ylabel("standard deviation")
        signal.legend()
        signal.grid(alpha=0.3)
        signal.set_title(self.diagnosis, fontsize=10, wrap=True)

        dead.bar(places, [100 * layer.dead for layer in self.layers], color="tab:gray")
        dead.set_ylim(0, 100)
        dead.set_ylabel("dead units (%)")
        every = -(-len(names) // 48)
        dead.set_xticks(places[::every], names[::every], rotation=90 if len(names) > 6 else 0, fontsize=8)
        if path is not None:
            figure.savefig(path, format="png", dpi=120)
        return figure

    def _hidden(self):
        return [layer for layer in self.layers if layer.has_matrix][:-1]

    def _not_moving(self):
        """The first layer, in the order of computation, whose outputs are 0 or always the same."""
        hidden = self._hidden()
        for layer in self.layers:
            # The branches of a residual network may begin at 0 by intention; the skip connections carry the signal.
            if self.residual and layer.variance == 0:
                continue
            if layer.rectifies and layer.dead >= DEAD_SHARE:
                share = "all" if layer.dead == 1 else f"{layer.dead:.0%} of the"
                return (
                    f"{share} units of {layer.name!r} are dead (0 on the whole batch): "
                    "use a smaller learning rate, leaky_relu, or biases that start at 0"
                )
            if layer.variance == 0 and layer in hidden:
                return f"every unit of {layer.name!r} gives the same on every example: {self.advice}"
        return None

    def _zero_gradient(self):
        for layer in reversed([] if self.residual else self._hidden()):
            if layer.gradient_variance == 0:
                return f"the gradient is 0 from {layer.name!r} back: {self.advice}"
        return None

    def _alike(self):
        for layer in self._hidden():
            if layer.alike and layer.variance > 0:
                return (
                    f"the units of {layer.name!r} are all alike and learn the same: "
                    "draw the weights at random, as glorot_uniform does"
                )
        return None

    def _wrong_gain(self):
        steps = len(self._hidden()) - 1
        wrong = []
        for what, gain in (("the activations", self.forward_gain), ("the gradient", self.backward_gain)):
            if np.isfinite(gain) and steps * abs(np.log(gain)) > np.log(LARGEST_CHANGE):
                plural = "s" if what == "the gradient" else ""
                verb = "shrink" if gain < 1 else "grow"
                wrong.append(f"{what} {verb}{plural} {max(gain, 1 / gain):.3g}x per layer")
        return f"{' and '.join(wrong)}: {self.advice}" if wrong else None

    def _fine(self):
        if not np.isfinite(self.forward_gain):
            return "the signal is finite and moves; there are too few layers to tell a gain"
        return (
            f"the signal is fine: activations x{self.forward_gain:.3g} and gradient x{self.backward_gain:.3g} per layer"
        )


def fitted_gain(variances: Any, backward: bool = False) -> float:
    """Returns the factor g by which a layer multiplies the standard deviation, fitted to the variances of all.

    The straight line log √variance = a + s·l through the layers l = 1, 2, … by least squares; g = exp(s), or exp(−s)
    for the gradient, which goes from the last layer to the first. Layers whose variance is 0 or not finite are left
    out.

    Args:
        variances: one for each layer.
        backward: whether the signal goes from the last layer to the first.

    Returns:
        g, or NaN for fewer than two layers.

    Example:
        >>> round(fitted_gain([1.0, 0.25, 0.0625]), 6), round(fitted_gain([1.0, 0.25, 0.0625], backward=True), 6)
        (0.5, 2.0)
    """
    variances = np.asarray(variances, np.float64)
    usable = np.isfinite(variances) & (variances > 0)
    if usable.sum() < 2:
        return float("nan")
    slope = np.polyfit(np.flatnonzero(usable), 0.5 * np.log(variances[usable]), 1)[0]
    return float(np.exp(-slope if backward else slope))
