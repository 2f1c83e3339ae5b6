"""Predicted over right numbers."""

from collections.abc import Sequence

import numpy as np

from tf_tricks.reports import figure

MOST_PLOTS = 9
"""Of several numbers the first ones, a plot each."""


def draw(labels: np.ndarray, values: np.ndarray, titles: Sequence[str], title: str) -> bytes:
    """Returns the bytes of a PNG file of points, with the line on which they would lie if all were right.

    Args:
        labels: the right numbers [m, d].
        values: the predicted ones [m, d].
        titles: a line above each of the d plots.
        title: a line above all.
    """
    with figure.style():
        return _draw(labels, values, titles, title)


def _draw(labels, values, titles, title):
    number = min(labels.shape[1], MOST_PLOTS)
    columns = int(np.ceil(np.sqrt(number)))
    rows = int(np.ceil(number / columns))
    side = 4.2 if number == 1 else 2.6
    width, height = columns * side + 0.4, rows * side + 0.8
    made = figure.new(width, height)
    made.set_layout_engine("constrained", rect=(0.02, 0.02, 0.96, 0.96 - 0.45 / height))
    plots = made.subplots(rows, columns, squeeze=False).ravel()
    for plot in plots[number:]:
        plot.set_visible(False)
    few = len(labels) <= 300
    for i, plot in enumerate(plots[:number]):
        true, predicted = labels[:, i], values[:, i]
        low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
        margin = 0.04 * (high - low) or 1.0
        plot.plot([low, high], [low, high], color="black", linewidth=1, linestyle="--", zorder=3)
        plot.plot(
            true,
            predicted,
            marker="o",
            linestyle="",
            markersize=4 if few else 2.5,
            markeredgewidth=0,
            color=figure.BLUE,
            alpha=0.7 if few else 0.35,
            rasterized=True,
        )
        plot.set_xlim(low - margin, high + margin)
        plot.set_ylim(low - margin, high + margin)
        plot.set_aspect("equal")
        plot.locator_params(nbins=5)
        plot.set_title(titles[i], fontsize=9)
        if i % columns == 0:
            plot.set_ylabel("predicted")
        if i + columns >= number:
            plot.set_xlabel("true")
    made.text(0.02, 0.985, "\n".join(figure.broken(title, columns * side, 10)[:2]), fontsize=10, va="top")
    return figure.png(made)
