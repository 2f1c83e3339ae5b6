"""The importances of the parameters, as bars."""

from typing import Any

from tf_tricks.reports import figure
from tf_tricks.search.importances import FORESTS, Importances


def draw(found: Importances, metric: str) -> Any:
    """Returns a figure with a bar for each parameter, and the standard deviation over the forests at its end.

    Args:
        found: with at least one parameter.
        metric: that the trials are compared by.
    """
    paths = list(found.of)
    label_width = max(figure.width_of(path, 9) for path in paths) + 0.2
    width, height = label_width + 4.2, 0.3 * len(paths) + 0.95
    made = figure.new(width, height)
    axes = made.add_axes((label_width / width, 0.55 / height, 3.8 / width, 0.3 * len(paths) / height))
    means = [found.of[path].mean() for path in paths]
    spreads = [found.of[path].std() for path in paths]
    axes.barh(
        range(len(paths)),
        means,
        height=0.6,
        color=figure.LIGHT_BLUE,
        edgecolor=figure.BLUE,
        xerr=spreads,
        error_kw=dict(ecolor="black", capsize=3, elinewidth=1),
    )
    for i, (mean, spread) in enumerate(zip(means, spreads)):
        axes.text(mean + spread + 0.02, i, f"{mean:.2f}", va="center", fontsize=8)
    axes.set_yticks(range(len(paths)), paths)
    axes.set_ylim(len(paths) - 0.5, -0.5)
    axes.set_xlim(0, max(1.0, max(m + s for m, s in zip(means, spreads)) + 0.12))
    axes.set_xlabel(f"part of the differences in {figure.shortened(metric, 2.0, 9)}")
    axes.tick_params(axis="y", length=0)
    title = f"{found.trials} {found.stage} trials; mean and standard deviation of {FORESTS} forests"
    made.text(0.1 / width, 1 - 0.1 / height, title, fontsize=10, va="top")
    return made
