"""The loss against the learning rate, with the given one marked."""

from typing import Any

import numpy as np

from tf_tricks.doctor.learning_rate import LearningRates
from tf_tricks.reports import figure

TITLE = "Loss against learning rate"
READING = (
    "The line is the range test, in which the rate grows with each update; the points are short runs at rates "
    "that stay, and the given rate is marked."
)


def draw(measured: LearningRates) -> Any:
    """Returns a figure of the range test and of the short runs at constant rates.

    Args:
        measured: `LearningRates`.
    """
    made = figure.new(6.4, 3.6)
    axes = made.add_subplot()
    made.subplots_adjust(left=0.1, right=0.97, bottom=0.14, top=0.9)
    finite = np.isfinite(measured.levels)
    top = 2 * measured.reference
    axes.plot(
        measured.range_rates,
        np.minimum(measured.range_losses, top),
        color=figure.LIGHT_BLUE,
        linewidth=1.2,
        label=f"range test, {len(measured.range_rates)} updates",
    )
    axes.plot(
        measured.rates[finite],
        np.minimum(measured.levels[finite], top),
        "o-",
        color=figure.BLUE,
        markersize=5,
        label=f"{measured.updates} updates at one rate",
    )
    if not finite.all():
        lost = measured.rates[~finite]
        axes.plot(lost, np.full(len(lost), top), "x", color=figure.BLUE, label="diverged")
    axes.axhline(measured.reference, color=figure.GRAY, linewidth=0.8, linestyle=":", label="nothing learned")
    axes.axvline(measured.given, color=figure.ORANGE, linestyle="--", label=f"given: {measured.given:.3g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(None, 1.05 * top))
    figure.plain_ticks(axes.xaxis)
    axes.legend(fontsize=8)
    axes.set_title("Loss by learning rate")
    return made
