"""The reliability diagram: how often a model is right where it says it is so and so sure."""

import numpy as np

from tf_tricks.reports import figure
from tf_tricks.reports.calibration import Calibration


def draw(calibration: Calibration, title: str, x_label: str, y_label: str) -> bytes:
    """Returns the bytes of a PNG file: accuracy over confidence, below how many predictions have this confidence.

    Args:
        calibration: the bins.
        title: a line above.
        x_label: what the confidence is of.
        y_label: what is compared with it.
    """
    with figure.style():
        return _draw(calibration, title, x_label, y_label)


def _draw(calibration, title, x_label, y_label):
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    made = figure.new(4.6, 5.4)
    upper, lower = made.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1), "hspace": 0.12})
    made.subplots_adjust(left=0.14, right=0.96, top=0.87, bottom=0.1)
    number = len(calibration.weights)
    edges, width = np.arange(number) / number, 1 / number
    there = calibration.weights > 0
    accuracies = np.where(there, calibration.accuracies, 0)
    gaps = np.where(there, calibration.confidences, 0) - accuracies

    upper.bar(edges, accuracies, width, align="edge", color=figure.LIGHT_BLUE, edgecolor="white", linewidth=0.6)
    upper.bar(  # the gap between what it says and what is so
        edges[there],
        gaps[there],
        width,
        bottom=accuracies[there],
        align="edge",
        facecolor="none",
        edgecolor=figure.ORANGE,
        hatch="////",
        linewidth=1.0,
    )
    upper.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--")
    upper.set_ylim(0, 1)
    upper.set_ylabel(y_label)
    made.text(0.14, 0.985, "\n".join(figure.broken(title, 3.8, 10)[:2]), fontsize=10, va="top")
    upper.legend(
        handles=[
            Patch(facecolor=figure.LIGHT_BLUE, label=y_label),
            Patch(facecolor="none", edgecolor=figure.ORANGE, hatch="////", label="gap to what it says"),
            Line2D([], [], color="black", linestyle="--", linewidth=1, label="as sure as right"),
        ],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        borderpad=0,
        fontsize=8,
        frameon=False,
    )
    parts = calibration.weights / calibration.weights.sum()
    lower.bar(edges, parts, width, align="edge", color=figure.GRAY, edgecolor="white", linewidth=0.6)
    lower.set_xlim(0, 1)
    lower.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    lower.set_ylabel("part of all")
    lower.set_xlabel(x_label)
    return figure.png(made)
