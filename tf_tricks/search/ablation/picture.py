"""The picture of an ablation: the two effects of each trick with their intervals, as a forest plot."""

from collections.abc import Sequence
from typing import Any

from tf_tricks.reports import figure
from tf_tricks.search.ablation.findings import Finding, unit_of

_SIZE = 9.0  # of letters, in points
_ROW = 0.42  # inches
_STYLES: dict[str, dict[str, Any]] = {
    "beside the others": dict(color=figure.BLUE, marker="o", markerfacecolor=figure.BLUE),
    "alone": dict(color=figure.ORANGE, marker="D", markerfacecolor="white"),
}


def forest_plot(findings: Sequence[Finding], metric: str) -> Any:
    """Returns a `matplotlib.figure.Figure`; called within `figure.style`.

    Args:
        findings: of each trick, from the top down.
        metric: by which runs are compared.
    """
    labels = [figure.shortened(finding.name, 2.2, _SIZE) for finding in findings]
    left = max(figure.width_of(label, _SIZE) for label in labels) + 0.3
    width, above, below = 7.5, 0.55, 0.6
    height = above + below + _ROW * len(findings)
    made = figure.new(width, height)
    axes = made.add_axes((left / width, below / height, 1 - (left + 0.2) / width, 1 - (above + below) / height))
    unit, factor = unit_of(metric)
    axes.axvline(0.0, color=figure.GRAY, linewidth=1)
    for row, finding in enumerate(findings):
        for shift, (label, effect) in zip((-0.15, 0.15), _effects(finding).items()):
            if effect.mean is None:
                place = dict(transform=axes.get_yaxis_transform(), va="center", fontsize=_SIZE - 2, color=figure.GRAY)
                axes.text(0.01, row + shift, f"{label}: no pair of runs", **place)
                continue
            low, high = _span(effect)
            errors = [[factor * (effect.mean - low)], [factor * (high - effect.mean)]]
            axes.errorbar(
                [factor * effect.mean], [row + shift], xerr=errors, capsize=3, markersize=5.5, **_STYLES[label]
            )
    axes.set_yticks(range(len(findings)), labels)
    axes.set_ylim(len(findings) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    if not any(end for finding in findings for effect in _effects(finding).values() for end in _span(effect)):
        axes.set_xlim(-1.0, 1.0)  # there is nothing to see but the line at 0
    what = f"{metric}, percentage points" if unit else metric
    axes.set_xlabel(f"difference in {what}: right of 0 the trick pays")
    handles = [axes.plot([], [], label=label, markersize=5.5, **style)[0] for label, style in _STYLES.items()]
    made.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=_SIZE)
    return made


def _effects(finding):
    return {"beside the others": finding.removed, "alone": finding.added}


def _span(effect):
    """The ends of its bar; no width where there is no interval, and none of what has no mean."""
    return effect.interval or (() if effect.mean is None else (effect.mean, effect.mean))
