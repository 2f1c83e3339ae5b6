"""How many examples each class has."""

from typing import Any

from tf_tricks.reports import figure

TITLE = "Examples of each class"
READING = "Of the training examples that were looked at; the dotted line is what each would have if all had the same."
_MOST = 40


def draw(measured: Any) -> Any:
    """Returns a figure with a bar for each class.

    Args:
        measured: `data_labels.Classes`.
    """
    counts = measured.counts
    made = figure.new(7.2, 2.6)
    axes = made.add_axes((0.09, 0.22, 0.89, 0.7))
    axes.bar(range(len(counts)), counts, color=figure.BLUE, width=0.8)
    axes.axhline(counts.mean(), color=figure.GRAY, linewidth=0.8, linestyle=":")
    if len(counts) <= _MOST:
        names = [figure.shortened(name, 0.9, 8) for name in measured.names]
        axes.set_xticks(range(len(counts)), names, rotation=0 if len(counts) <= 12 else 90, fontsize=8)
    axes.set_ylabel("examples")
    return made
