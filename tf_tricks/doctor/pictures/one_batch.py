"""The loss on one batch that is seen again and again."""

from typing import Any

import numpy as np

from tf_tricks.doctor.one_batch import OneBatch
from tf_tricks.reports import figure

TITLE = "One batch"
READING = (
    "The loss while a single batch is trained on again and again: it should come near the loss of the right answers."
)


def draw(measured: OneBatch) -> Any:
    """Returns a figure of the losses at each rate that was tried.

    Args:
        measured: `OneBatch`.
    """
    made = figure.new(6.4, 3.2)
    axes = made.add_subplot()
    made.subplots_adjust(left=0.1, right=0.97, bottom=0.16, top=0.89)
    colors = [figure.BLUE, figure.ORANGE, figure.GRAY, figure.LIGHT_BLUE, "black"]
    top = 2 * measured.constant - measured.right
    for rate, curve, color in zip(measured.rates, measured.curves, colors):
        shown = np.minimum(np.nan_to_num(curve, nan=top, posinf=top), top)
        axes.plot(np.arange(1, len(curve) + 1), shown, color=color, label=f"rate {rate:.2g}")
    axes.axhline(measured.constant, color=figure.GRAY, linewidth=0.8, linestyle=":", label="a constant answer")
    axes.axhline(measured.right, color=figure.GRAY, linewidth=0.8, linestyle="--", label="the right answers")
    axes.set(xlabel="update", ylabel="loss")
    axes.legend(fontsize=8)
    axes.set_title(f"One batch of {measured.examples} examples, always the same")
    return made
