"""What the pictures of a search have in common: how stages, failures and the metric are drawn."""

from collections.abc import Iterable, Sequence
from typing import Any

from tf_tricks.reports import figure
from tf_tricks.search.labels import tick_text
from tf_tricks.search.results import STAGES, TrialResult

BLACK = "#000000"
_STAR: dict[str, Any] = dict(marker="*", color="#f0e442", markeredgecolor=BLACK, linestyle="none")
STAGE_STYLES: dict[str, dict[str, Any]] = {
    "coarse": dict(color=figure.BLUE, marker="o", markerfacecolor="none"),
    "fine": dict(color=figure.ORANGE, marker="D", markerfacecolor=figure.ORANGE),
}
FAILURES: dict[str, dict[str, Any]] = {
    "diverged": dict(marker="|", color=figure.ORANGE),
    "out of memory": dict(marker="x", color=BLACK),
    "failed": dict(marker="+", color=figure.BLUE),
    "refused": dict(marker="2", color=figure.GRAY),
    "pruned": dict(marker=".", color=figure.GRAY),
}
_LOG_FROM = 10  # how many times the smallest value the largest is, from which a logarithmic axis reads better


def of_stage(results: Iterable[TrialResult], stage: str) -> list[TrialResult]:
    """Returns the complete trials of a stage, by number.

    Example:
        >>> of_stage([TrialResult(0, "fine", "failed")], "fine")
        []
    """
    return sorted((r for r in results if r.compared and r.stage == stage), key=lambda r: r.number)


def values_of(results: Iterable[TrialResult]) -> list[float]:
    """Returns the values of those trials that are complete.

    Example:
        >>> values_of([TrialResult(0, "fine", "complete", value=0.5), TrialResult(1, "fine", "failed")])
        [0.5]
    """
    return [float(r.value) for r in results if r.compared and r.value is not None]


def stages_of(results: Iterable[TrialResult]) -> list[str]:
    """Returns the stages that have complete trials, in their order.

    Example:
        >>> stages_of([TrialResult(0, "fine", "complete", value=0.5)])
        ['fine']
    """
    there = {r.stage for r in results if r.compared}
    return [stage for stage in STAGES if stage in there]


def is_log(values: Sequence[float], direction: str) -> bool:
    """Returns whether values of a metric want a logarithmic axis: a loss, of which the small ones are to be told apart.

    Example:
        >>> is_log([0.01, 0.99], "up"), is_log([0.01, 30.0], "down")
        (False, True)
    """
    return direction == "down" and min(values) > 0 and max(values) / min(values) >= _LOG_FROM


def metric_axis(axes: Any, values: Sequence[float], direction: str) -> None:
    """Makes the y axis that of a metric, with room above and below its values."""
    low, high = min(values), max(values)
    if is_log(values, direction):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis, high / low)
        room = (high / low) ** 0.07
        axes.set_ylim(low / room, high * room**1.5)
        return
    room = (high - low) * 0.07 or abs(high) * 0.05 or 1.0
    below, above = (1.5, 1.0) if direction == "up" else (1.0, 1.5)  # there is room for what has no value
    axes.set_ylim(low - room * below, high + room * above)
    axes.ticklabel_format(axis="y", useOffset=False)


def plain_ticks(axis: Any, ratio: float) -> None:
    """Writes ticks of a logarithmic axis as plain numbers; `ratio` is that of its ends."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10, subs=(1.0,) if ratio >= 1000 else (1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(lambda value, _: tick_text(value))
    axis.set_minor_formatter(NullFormatter())


def points(axes: Any, x: Sequence[float], y: Sequence[float], stage: str, size: float = 5.0) -> None:
    """Draws complete trials of a stage."""
    axes.plot(x, y, linestyle="none", markersize=size, alpha=0.8, **STAGE_STYLES[stage])


def star(axes: Any, x: float, y: float) -> None:
    """Marks the best trial."""
    axes.plot([x], [y], markersize=15, zorder=5, clip_on=False, **_STAR)


def at_worse_edge(axes: Any, x: Sequence[float], outcome: str, direction: str) -> None:
    """Draws trials that have no value at the edge where values are bad: below if more is better, else above."""
    y = {"up": 0.025, "down": 0.975}[direction]
    axes.plot(
        x, [y] * len(x), transform=axes.get_xaxis_transform(), linestyle="none", markersize=7, **FAILURES[outcome]
    )


def handles(results: Sequence[TrialResult]) -> list[Any]:
    """Returns what a legend shows: the stages, the best, and each kind of failure that there is, with its number."""
    from matplotlib.lines import Line2D

    made = [Line2D([], [], linestyle="none", label=stage, **STAGE_STYLES[stage]) for stage in stages_of(results)]
    if made:
        made.append(Line2D([], [], markersize=11, label="best", **_STAR))
    for outcome, style in FAILURES.items():
        number = sum(r.outcome == outcome for r in results)
        if number:
            made.append(Line2D([], [], linestyle="none", markersize=7, label=f"{outcome}: {number}", **style))
    return made


def path_lines(path: str, width: float, size: float) -> str:
    """Returns a config path in lines of a width in inches, broken after its dots.

    Example:
        >>> path_lines("learning_rate.schedule.initial", 1.2, 9).splitlines()
        ['learning_rate.', 'schedule.initial']
    """
    parts = [f"{part}." for part in path.split(".")]
    parts[-1] = parts[-1].removesuffix(".")
    lines = [""]
    for part in parts:
        if lines[-1] and figure.width_of(lines[-1] + part, size) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(figure.shortened(line, width, size) for line in lines)
