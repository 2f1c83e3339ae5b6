"""The value of each trial against its number, and the best so far."""

from collections.abc import Sequence
from typing import Any

from tf_tricks.reports import figure
from tf_tricks.search import drawing
from tf_tricks.search.results import STAGES, TrialResult, ranked


def running_best(results: Sequence[TrialResult], stage: str, direction: str) -> list[tuple[int, float]]:
    """Returns the number of each complete trial of a stage with the best value up to it.

    Args:
        results: of all trials.
        stage: "coarse" or "fine".
        direction: "up" or "down".

    Example:
        >>> trials = [TrialResult(n, "coarse", "complete", value=value) for n, value in enumerate([0.5, 0.4, 0.7])]
        >>> running_best(trials, "coarse", "up")
        [(0, 0.5), (1, 0.5), (2, 0.7)]
    """
    better = {"up": max, "down": min}[direction]
    found: list[tuple[int, float]] = []
    for result in drawing.of_stage(results, stage):
        [value] = drawing.values_of([result])
        found.append((result.number, better(value, found[-1][1]) if found else value))
    return found


def draw(results: Sequence[TrialResult], metric: str, direction: str) -> Any:
    """Returns a figure with the trials' values by their number.

    Args:
        results: of all trials, of which at least one is complete.
        metric: that the trials are compared by.
        direction: "up" or "down".
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    made = figure.new(7.2, 3.7)
    axes = made.add_axes((0.11, 0.13, 0.86, 0.7))
    numbers = [result.number for result in results]
    drawing.metric_axis(axes, drawing.values_of(results), direction)
    for stage in drawing.stages_of(results):
        trials = drawing.of_stage(results, stage)
        drawing.points(axes, [r.number for r in trials], drawing.values_of(trials), stage, _size(len(results)))
        steps = running_best(results, stage, direction)
        steps.append((max(r.number for r in results if r.stage == stage), steps[-1][1]))
        axes.step(*zip(*steps), where="post", color=drawing.STAGE_STYLES[stage]["color"], linewidth=1.4)
    for number in _first_numbers(results)[1:]:
        axes.axvline(number - 0.5, color=figure.GRAY, linewidth=0.8, linestyle=":")
    for outcome in drawing.FAILURES:
        drawing.at_worse_edge(axes, [r.number for r in results if r.outcome == outcome], outcome, direction)
    found = ranked(results, direction)[0]
    drawing.star(axes, found.number, *drawing.values_of([found]))
    room = max(0.5, 0.03 * (max(numbers) - min(numbers)))
    axes.set_xlim(min(numbers) - room, max(numbers) + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.set_ylabel(figure.shortened(metric, 2.4, 9))
    line = Line2D([], [], color=drawing.BLACK, linewidth=1.4, label="best so far in its stage")
    made.legend(
        handles=[line, *drawing.handles(results)], loc="upper left", ncols=5, frameon=False, fontsize=8.5, borderpad=0.4
    )
    return made


def _first_numbers(results):
    """Where each stage begins."""
    firsts = [min((r.number for r in results if r.stage == stage), default=None) for stage in STAGES]
    return [number for number in firsts if number is not None]


def _size(number):
    return 5.0 if number <= 100 else 3.5
