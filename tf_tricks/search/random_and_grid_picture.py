"""The grid that might have been tried beside the trials as they were, as figure 1 of Bergstra & Bengio (2012)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.reports import figure
from tf_tricks.search import drawing
from tf_tricks.search.random_and_grid import grid_of, smoothed
from tf_tricks.search.results import TrialResult
from tf_tricks.search.slices_picture import range_axis

_SIDE, _UPPER, _RUG = 2.5, 0.85, 0.16  # inches: of a panel, of what lies above it, of a margin with ticks


def draw(
    results: Sequence[TrialResult],
    space: Mapping[str, Any],
    paths: Sequence[str],
    stage: str,
    metric: str,
    direction: str,
) -> Any:
    """Returns a figure of two panels, the grid and the trials; the value over the important parameter is above them.

    Args:
        results: of all trials, of which at least one of the stage is complete with both parameters.
        space: dict of config path to Optuna's distribution.
        paths: of two ranges, the more important first.
        stage: whose trials are shown.
        metric: that the trials are compared by.
        direction: "up" or "down".
    """
    first, second = paths
    tried = [r for r in results if r.stage == stage and r.outcome != "running" and {first, second} <= r.params.keys()]
    complete = [r for r in tried if r.compared]
    grid = grid_of(len(tried), space[first], space[second])
    width, height = 0.95 + 2 * _SIDE + 0.75, 0.5 + _UPPER + 0.1 + _SIDE + 0.85
    made = figure.new(width, height)
    panels = [
        ("a grid", grid, [x for x, _ in grid]),
        ("the trials", [(r.params[first], r.params[second]) for r in tried], [r.params[first] for r in complete]),
    ]
    values = drawing.values_of(complete)
    is_log = drawing.is_log(values, direction)  # then the logarithms are smoothed
    curve_x, curve_y = _curve([r.params[first] for r in complete], np.log(values) if is_log else values, space[first])
    curve_y = np.exp(curve_y) if is_log else curve_y
    for i, (name, shown, above) in enumerate(panels):
        x = 0.95 + i * (_SIDE + 0.35)
        main = made.add_axes((x / width, 0.75 / height, _SIDE / width, _SIDE / height))
        upper = made.add_axes((x / width, (0.85 + _SIDE) / height, _SIDE / width, _UPPER / height))
        _points(main, shown, space[first], space[second])
        drawing.metric_axis(upper, values, direction)
        range_axis(upper.xaxis, upper.set_xlim, space[first], 5)
        upper.plot(curve_x, curve_y, color=figure.GRAY, linewidth=1.2)
        if i == 0:
            heights = np.interp(_scaled(above, space[first]), _scaled(curve_x, space[first]), curve_y)
            upper.plot(above, heights, "o", color=figure.ORANGE, markersize=4)
            main.set_ylabel(drawing.path_lines(second, _SIDE, 9))
            upper.set_ylabel("\n".join(figure.broken(metric, _UPPER + 0.2, 8)[:2]), fontsize=8)
        else:
            upper.plot(above, values, "o", color=figure.ORANGE, markersize=4, alpha=0.7)
        main.set_xlabel(drawing.path_lines(first, _SIDE, 9))
        upper.tick_params(axis="x", which="both", length=0, labelbottom=False)
        upper.tick_params(axis="y", which="both", labelsize=7.5, labelleft=i == 0)
        main.tick_params(axis="y", which="both", labelleft=i == 0)
        numbers = [len({point[axis] for point in shown}) for axis in (0, 1)]
        made.text(x / width, 1 - 0.12 / height, f"{name}: {len(shown)} points", fontsize=10, va="top")
        text = f"{numbers[0]} different values across, {numbers[1]} upwards"
        made.text(x / width, 1 - 0.3 / height, text, fontsize=8.5, va="top", color=figure.GRAY)
    return made


def _scaled(values, distribution):
    return [math.log(value) if distribution.log else float(value) for value in values]


def _curve(x, y, distribution):
    """The smoothed value over the range of the important parameter."""
    at = np.linspace(*_scaled([distribution.low, distribution.high], distribution), 200)
    heights = smoothed(_scaled(x, distribution), y, at)
    return (np.exp(at) if distribution.log else at), heights


def _points(axes, shown, first, second):
    """The points, and ticks on the inner margins for each value of either parameter."""
    x, y = [point[0] for point in shown], [point[1] for point in shown]
    axes.plot(x, y, "o", color=figure.BLUE, markersize=4.5 if len(shown) <= 100 else 3, gid="points")
    range_axis(axes.xaxis, axes.set_xlim, first, 4)
    range_axis(axes.yaxis, axes.set_ylim, second, 4)
    part = _RUG / _SIDE
    across, along = axes.get_xaxis_transform(), axes.get_yaxis_transform()
    axes.vlines(x, 1, 1 + part / 2, transform=across, color=figure.ORANGE, linewidth=0.8, clip_on=False)
    axes.hlines(y, 1, 1 + part / 2, transform=along, color=figure.BLUE, linewidth=0.8, clip_on=False)
