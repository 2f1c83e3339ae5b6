"""The values of the inputs: as they are stored, and as they reach the first weights."""

from typing import Any

import numpy as np

from tf_tricks.reports import figure

TITLE = "Values of the inputs"
READING = (
    "On the left as they are stored, on the right as they reach the first weights, which want mean 0 and variance 1 "
    "(between the dotted lines are −1 and 1)."
)
_MOST = 4


def draw(measured: Any) -> Any:
    """Returns a figure with a histogram of each input.

    Args:
        measured: `data_values.Values`.
    """
    columns = [list(measured.raw.items())[:_MOST], list(measured.at_weights.items())[:_MOST]]
    rows = max(1, *map(len, columns))
    made = figure.new(7.2, 0.3 + 1.9 * rows)
    for side, scales in enumerate(columns):
        for row, (name, scale) in enumerate(scales):
            axes = made.add_subplot(rows, 2, 2 * row + side + 1)
            counts, edges = measured.histograms[name]
            _histogram(axes, counts, edges, (figure.LIGHT_BLUE, figure.BLUE)[side])
            text = f"mean {scale.mean:.3g}, deviation {scale.deviation:.3g}"
            axes.set_title(f"{figure.shortened(name, 2.8, 9)}\n{text}", fontsize=9)
            if side and np.ptp(axes.get_xlim()) < 60:
                for end in (-1, 1):
                    axes.axvline(end, color=figure.GRAY, linewidth=0.8, linestyle=":")
    made.tight_layout()
    return made


def _histogram(axes, counts, edges, color):
    axes.stairs(counts, edges, fill=True, color=color)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    figure.plain_ticks(axes.yaxis)
