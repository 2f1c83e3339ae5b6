"""The trials' values against each parameter, a panel each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.reports import figure
from tf_tricks.search import drawing
from tf_tricks.search.labels import choice_texts, index_of, tick_text
from tf_tricks.search.results import TrialResult, ranked

_COLUMNS = 4
_WIDTH, _HEIGHT = 1.75, 1.6  # of a panel, inches
_LEFT, _GAP, _TOP = 0.75, 0.25, 0.75


def draw(results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str) -> Any:
    """Returns a figure with a panel for each parameter.

    Args:
        results: of all trials, of which at least one is complete.
        space: dict of config path to Optuna's distribution, not empty.
        metric: that the trials are compared by.
        direction: "up" or "down".
    """
    columns = min(_COLUMNS, len(space))
    rows = math.ceil(len(space) / columns)
    names = {path: drawing.path_lines(path, _WIDTH, 9) for path in space}
    labels = {path: _labels(distribution) for path, distribution in space.items()}
    of_rows = [list(space)[row * columns : (row + 1) * columns] for row in range(rows)]
    below = [max(_below(names[path], labels[path]) for path in paths) for paths in of_rows]
    width = max(_LEFT + columns * (_WIDTH + _GAP) + 0.1, 4.2)
    height = _TOP + sum(below) + rows * _HEIGHT
    made = figure.new(width, height)
    found, values = ranked(results, direction)[0], drawing.values_of(results)
    for i, (path, distribution) in enumerate(space.items()):
        row, column = divmod(i, columns)
        x, y = _LEFT + column * (_WIDTH + _GAP), height - _TOP - sum(below[:row]) - (row + 1) * _HEIGHT
        axes = made.add_axes((x / width, y / height, _WIDTH / width, _HEIGHT / height))
        drawing.metric_axis(axes, values, direction)
        _panel(axes, [r for r in results if path in r.params], path, distribution, direction, found)
        _parameter_axis(axes, distribution, labels[path])
        axes.set_xlabel(names[path])
        if column == 0:
            axes.set_ylabel(figure.shortened(metric, _HEIGHT, 9))
        else:
            axes.tick_params(axis="y", which="both", labelleft=False)
    made.legend(handles=drawing.handles(results), loc="upper left", ncols=3, frameon=False, fontsize=8, borderpad=0.3)
    return made


def _below(name, labels):
    """Inches that a panel wants below: for its ticks' labels, its name and some space."""
    return 0.5 + 0.15 * (name.count("\n") + 1) + (max(_widths(labels)) if _upright(labels) else 0.1)


def _widths(labels):
    return [figure.width_of(label, 8) for label in labels]


def _upright(labels):
    """Whether labels of choices would touch each other, were they written side by side."""
    return bool(labels) and max(_widths(labels)) + 0.08 > _WIDTH / len(labels)


def _panel(axes, results, path, distribution, direction, found):
    at = positions(results, path, distribution)
    for stage in drawing.stages_of(results):
        trials = drawing.of_stage(results, stage)
        size = 4.5 if len(results) <= 100 else 3.0
        drawing.points(axes, [at[r.number] for r in trials], [r.value for r in trials], stage, size)
    for outcome in drawing.FAILURES:
        drawing.at_worse_edge(axes, [at[r.number] for r in results if r.outcome == outcome], outcome, direction)
    if found.number in at:
        drawing.star(axes, at[found.number], found.value)


def positions(results: Sequence[TrialResult], path: str, distribution: Any) -> dict[int, float]:
    """Returns where on the axis of a parameter each trial lies, by its number.

    Trials of the same choice lie side by side, in their order.

    Args:
        results: of trials that have this parameter.
        path: the parameter's.
        distribution: Optuna's.

    Example:
        >>> from optuna.distributions import CategoricalDistribution
        >>> trials = [TrialResult(n, "fine", "complete", value=0.5, params={"batch_size": 64}) for n in range(2)]
        >>> positions(trials, "batch_size", CategoricalDistribution([32, 64]))
        {0: 0.75, 1: 1.25}
    """
    if not hasattr(distribution, "choices"):
        return {r.number: r.params[path] for r in results}
    of_choice: dict[int, list[int]] = {}
    for result in results:
        of_choice.setdefault(index_of(result.params[path], distribution.choices), []).append(result.number)
    at: dict[int, float] = {}
    for index, numbers in of_choice.items():
        offsets = np.linspace(-0.25, 0.25, len(numbers)) if len(numbers) > 1 else [0.0]
        at |= {number: float(index + offset) for number, offset in zip(numbers, offsets)}
    return at


def _labels(distribution):
    """What stands below the choices; of a range matplotlib writes it."""
    choices = getattr(distribution, "choices", [])
    return [figure.shortened(text, 1.2, 8) for text in choice_texts(choices)]


def _parameter_axis(axes, distribution, labels):
    if labels:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels, fontsize=8, rotation=90 if _upright(labels) else 0)
        for i in range(1, len(labels)):
            axes.axvline(i - 0.5, color="#dddddd", linewidth=0.8, zorder=0)
        return
    range_axis(axes.xaxis, axes.set_xlim, distribution, 4)
    axes.tick_params(axis="x", which="both", labelsize=8)


def range_axis(axis: Any, set_limits: Any, distribution: Any, number: int) -> None:
    """Makes an axis that of a range, logarithmic where it is searched so, with a few ticks.

    Args:
        axis: matplotlib's.
        set_limits: its method of the axes.
        distribution: of floats or integers.
        number: of ticks, about.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    low, high = distribution.low, distribution.high
    if distribution.log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        room = (high / low) ** 0.05 if high > low else 2.0
        set_limits(low / room, high * room)
        subs = (1.0,) if high / low >= 100 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(10, subs=subs, numticks=number + 1))
        axis.set_major_formatter(lambda value, _: tick_text(value))
        axis.set_minor_formatter(NullFormatter())
        return
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    set_limits(low - room, high + room)
    axis.set_major_locator(MaxNLocator(number, integer=isinstance(low, int) and isinstance(high, int)))
