"""The signal by layer."""

from typing import Any

from tf_tricks.doctor.measured_signal import Signal
from tf_tricks.reports import figure

TITLE = "The signal, layer by layer"
READING = (
    "Standard deviations of activations (going forward) and gradients (coming back), and the share of dead units: "
    "straight level lines are what trains, and lines that rise or fall do not."
)


def draw(measured: Signal) -> Any:
    """Returns a figure of the standard deviations of activations and gradients, and of the dead units, by layer.

    Args:
        measured: `Signal`.
    """
    with figure.style():
        made = measured.report.plot()
    for axes in made.axes:
        if axes.get_yscale() == "log":
            figure.plain_ticks(axes.yaxis)
    return made
