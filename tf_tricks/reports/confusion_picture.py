"""The picture of a confusion matrix, for 2 to hundreds of classes."""

from collections.abc import Sequence

import numpy as np

from tf_tricks.reports import figure

MOST_NUMBERS = 20
"""Rows up to which each cell has its number in it."""

_LONGEST = 14  # of a name, times the size of its letters


def draw(
    counts: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    row_label: str = "true class",
    column_label: str = "predicted class",
) -> bytes:
    """Returns the bytes of a PNG file of a matrix, each row shaded by its parts.

    Up to 20 rows have their numbers in the cells, up to 120 their names.

    Args:
        counts: array [rows, columns] of numbers at least 0.
        rows: their names.
        columns: their names.
        title: a line above.
        row_label: what the rows are.
        column_label: what the columns are.
    """
    with figure.style():
        return _draw(np.asarray(counts, "float64"), rows, columns, title, row_label, column_label)


def _draw(counts, rows, columns, title, row_label, column_label):
    from matplotlib.colors import PowerNorm

    number = max(counts.shape)
    cell = float(np.clip(6.5 / number, 0.1, 0.8)) if number <= 120 else 12 / number  # inches
    size = float(np.clip(60 * cell, 5.5, 9))  # of the letters, points
    step = 1 if number <= 120 else int(np.ceil(number / 50))
    names = [[figure.shortened(name, _LONGEST * size / 72, size) for name in of[::step]] for of in (rows, columns)]
    spaces = [max(figure.width_of(name, size) for name in of) for of in names]
    upright = spaces[1] > 0.9 * cell

    # Inches: the matrix, with its names to the left and below, the color bar to the right
    width, height = cell * counts.shape[1], cell * counts.shape[0]
    left, right, top = spaces[0] + 0.55, 1.0, 0.5
    bottom = (spaces[1] if upright else size / 72) + 0.55
    full_width = max(left + width + right, figure.width_of(title, 10) + 0.3)
    full_height = max(height, 1.2) + top + bottom
    made = figure.new(full_width, full_height)
    axes = made.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))

    sums = counts.sum(axis=1, keepdims=True)
    parts = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    norm = PowerNorm(0.5, vmin=0, vmax=1)  # a class that is taken for another once in a hundred times is seen
    image = axes.imshow(parts, cmap="Blues", norm=norm, aspect="auto", interpolation="nearest")
    for axis, length, of in ((axes.yaxis, counts.shape[0], names[0]), (axes.xaxis, counts.shape[1], names[1])):
        axis.set_ticks(range(0, length, step), of, fontsize=size)
        axis.set_tick_params(length=0, pad=3)
    axes.tick_params(axis="x", rotation=90 if upright else 0)
    axes.set_ylabel(row_label)
    axes.set_xlabel(column_label)
    made.text(0.1 / full_width, 1 - 0.3 / full_height, title, fontsize=10)
    _lines(axes, counts.shape, step)
    if number <= MOST_NUMBERS:
        _numbers(axes, counts, norm(parts), min(9, 22 * cell))
    place = left + width + 0.2, bottom, 0.13, min(height, 3.0)
    _bar(made, image, np.array(place) / [full_width, full_height, full_width, full_height])
    return figure.png(made)


def _lines(axes, shape, step):
    """Thin lines between the cells, which lead the eye to the names."""
    for axis, length in ((axes.yaxis, shape[0]), (axes.xaxis, shape[1])):
        axis.set_ticks(np.arange(-0.5, length, step), minor=True)
        axis.set_tick_params(which="minor", length=0)
    axes.grid(which="minor", color="#d0d0d0", linewidth=0.4)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _numbers(axes, counts, shades, size):
    for (i, j), count in np.ndenumerate(counts):
        if count > 0:
            text = f"{count:,.0f}" if count == round(count) else f"{count:.3g}"
            color = "white" if shades[i, j] > 0.6 else "black"
            axes.text(j, i, text, ha="center", va="center", color=color, fontsize=min(size, 9 * 5 / max(5, len(text))))


def _bar(made, image, place):
    ticks = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
    bar = made.colorbar(image, cax=made.add_axes(place), ticks=ticks)
    bar.ax.set_yticklabels([f"{tick:.0%}" for tick in ticks], fontsize=8)
    bar.outline.set_linewidth(0.4)
    bar.ax.set_title("of row", fontsize=8, loc="left")
