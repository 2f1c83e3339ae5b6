"""Parallel coordinates: a line for each trial across the axes of all parameters, to its value."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.reports import figure
from tf_tricks.search import drawing
from tf_tricks.search.labels import choice_texts, tick_text
from tf_tricks.search.results import TrialResult, best
from tf_tricks.search.slices_picture import positions

_STEP, _HEIGHT = 1.15, 3.1  # inches between axes, and of them
_LABEL = 0.95  # inches of a text


def draw(results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str) -> Any:
    """Returns a figure with a line for each complete trial, the darker the better its value.

    Args:
        results: of all trials, of which at least one is complete with all parameters.
        space: dict of config path to Optuna's distribution, not empty.
        metric: that the trials are compared by.
        direction: "up" or "down".
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection

    there = [r for r in results if r.compared and space.keys() <= r.params.keys()]
    trials = sorted(there, key=lambda r: r.value or 0.0, reverse=direction == "down")  # the best lie above the others
    values = drawing.values_of(trials)
    number, stages = len(space), drawing.stages_of(trials)
    names = [drawing.path_lines(path, _STEP - 0.1, 8.5) for path in space]
    above = 0.4 + 0.16 * max(name.count("\n") + 1 for name in names)
    width, height = 1.0 + _STEP * number + 1.1, above + _HEIGHT + 0.25
    made = figure.new(width, height)
    axes = made.add_axes((0.9 / width, 0.2 / height, _STEP * number / width, _HEIGHT / height))
    axes.set(xlim=(0, number), ylim=(-0.03, 1.03))
    axes.set_axis_off()

    norm = _norm(values, direction)
    columns = [_heights(trials, path, distribution) for path, distribution in space.items()]
    columns.append([float(norm(value)) for value in values])
    colors = ScalarMappable(norm, "viridis_r" if direction == "up" else "viridis")
    segments = [list(enumerate(heights)) for heights in zip(*columns)]
    lines = LineCollection(
        segments,
        colors=colors.to_rgba(np.array(values)),
        linewidths=1.2 if len(trials) <= 100 else 0.7,
        linestyles=["solid" if r.stage == stages[-1] else (0, (4, 1.5)) for r in trials],
        alpha=0.8 if len(trials) <= 100 else 0.6,
    )
    axes.add_collection(lines)
    found = best(results, direction)
    if found in trials:
        axes.add_collection(
            LineCollection([segments[trials.index(found)]], colors=[drawing.BLACK], linewidths=[2.6], zorder=4)
        )
    for i, ((_, distribution), name) in enumerate(zip(space.items(), names)):
        _parameter_axis(axes, i, distribution)
        axes.text(i, 1.06, name, ha="center", va="bottom", fontsize=8.5, zorder=6)
    _value_axis(made, axes, colors, metric, width)
    dashes = {"coarse": "coarse: dashed", "fine": "fine: solid"}
    what = ", ".join([f"{len(trials)} complete trials", *([dashes[s] for s in stages] if len(stages) > 1 else [])])
    title = figure.shortened(f"{what}; black: the best", width - 0.2, 10)
    made.text(0.1 / width, 1 - 0.1 / height, title, fontsize=10, va="top")
    return made


def _heights(trials, path, distribution):
    """Where each trial crosses the axis of a parameter, from 0 to 1."""
    at = positions(trials, path, distribution)
    choices = getattr(distribution, "choices", None)
    if choices:
        return [(at[r.number] + 0.5) / len(choices) for r in trials]
    return [_part(at[r.number], distribution) for r in trials]


def _part(value, distribution):
    low, high = distribution.low, distribution.high
    if distribution.log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low) if high > low else 0.5


def _parameter_axis(axes, x, distribution):
    axes.plot([x, x], [0, 1], color=drawing.BLACK, linewidth=1, zorder=3, clip_on=False)
    choices = getattr(distribution, "choices", None)
    if choices:
        ticks = [((i + 0.5) / len(choices), text) for i, text in enumerate(choice_texts(choices))]
    else:
        ticks = [(_part(value, distribution), tick_text(value)) for value in _tick_values(distribution)]
    for y, label in ticks:
        axes.plot([x - 0.02, x + 0.02], [y, y], color=drawing.BLACK, linewidth=1, zorder=3, clip_on=False)
        text = figure.shortened(label, _LABEL, 8)
        box = dict(facecolor="white", edgecolor="none", alpha=0.75, pad=0.6)
        axes.text(x - 0.04, y, text, ha="right", va="center", fontsize=8, zorder=5, bbox=box)


def _tick_values(distribution):
    """The ends of a range and a few values between, round ones where it is logarithmic."""
    from matplotlib.ticker import MaxNLocator

    low, high = distribution.low, distribution.high
    if low == high:
        return [low]
    if distribution.log:
        powers = [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        between = [value for value in powers[:: math.ceil(len(powers) / 5) or 1]]
    else:
        whole = isinstance(low, int) and isinstance(high, int)
        between = MaxNLocator(4, integer=whole).tick_values(low, high).tolist()
    free = [value for value in between if 0.09 < _part(value, distribution) < 0.91]
    return [low, *dict.fromkeys(free), high]


def _norm(values, direction):
    from matplotlib.colors import LogNorm, Normalize

    low, high = min(values), max(values)
    if low == high:
        room = abs(low) * 0.05 or 1.0
        return Normalize(low - room, high + room)
    return LogNorm(low, high) if drawing.is_log(values, direction) else Normalize(low, high)


def _value_axis(made, axes, colors, metric, width):
    """The last axis is the colors' bar; it is as high as the parameters' axes."""
    box = axes.get_position()
    low, high = axes.get_ylim()
    scale = box.height / (high - low)
    place = made.add_axes((box.x1, box.y0 - low * scale, 0.14 / width, scale))
    bar = made.colorbar(colors, cax=place)
    bar.ax.tick_params(labelsize=8)
    if bar.norm.__class__.__name__ == "LogNorm":
        drawing.plain_ticks(bar.ax.yaxis, bar.norm.vmax / bar.norm.vmin)
    bar.outline.set_linewidth(0.8)
    label = "\n".join(figure.broken(metric, 1.0, 8.5)[:2])
    axes.text(axes.get_xlim()[1], 1.06, label, ha="left", va="bottom", fontsize=8.5)
