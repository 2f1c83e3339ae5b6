"""A step, part by part."""

import math
from typing import Any

from tf_tricks.doctor.speed import StepTimes
from tf_tricks.reports import figure

TITLE = "A step, part by part"
READING = (
    "Milliseconds of each part, measured alone: where the input takes longer than the step, the device waits for it."
)

_PARTS = ("input", "step", "augmentation", "forward", "backward", "update", "waiting", "host")
_NAMES = {
    "input": "input pipeline alone",
    "step": "step in the loop",
    "waiting": "waiting, and the rest",
    "host": "a call from Python",
}


def draw(measured: StepTimes) -> Any:
    """Returns a figure with a bar for each part.

    Args:
        measured: `StepTimes`.
    """
    times = {name: 1000 * getattr(measured, name) for name in _PARTS}
    times = {name: value for name, value in times.items() if math.isfinite(value)}
    made = figure.new(6.4, 0.9 + 0.3 * len(times))
    axes = made.add_subplot()
    made.subplots_adjust(left=0.24, right=0.9, bottom=0.5 / (0.9 + 0.3 * len(times)), top=0.88)
    names = [_NAMES.get(name, name) for name in times]
    colors = [figure.ORANGE if name in ("input", "waiting") else figure.BLUE for name in times]
    bars = axes.barh(range(len(times)), list(times.values()), color=colors)
    axes.bar_label(bars, [f"{value:.3g}" for value in times.values()], padding=3, fontsize=8)
    axes.set_yticks(range(len(times)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(f"milliseconds an update of {measured.batch_size} examples")
    axes.set_title(f"A step on the {measured.device}, part by part")
    return made
