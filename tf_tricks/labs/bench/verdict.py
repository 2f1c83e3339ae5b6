"""What a lab says of its claim: reproduced or not, in which regime, and by which numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tf_tricks.labs.bench.quantity import Quantity

REPRODUCED, NOT_REPRODUCED, CONDITIONAL = "reproduced", "not reproduced", "conditional"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The verdict of a lab.

    Attributes:
        verdict: `"reproduced"`, `"not reproduced"`, or `"conditional: "` and where the claim holds.
        sentence: what was found, with its numbers.
        quantities: by name; those with a threshold have decided.
        control: what came of the negative control, in a sentence.
    """

    verdict: str
    sentence: str
    quantities: Mapping[str, Quantity]
    control: str

    @property
    def kind(self) -> str:
        """The verdict without the regime."""
        return self.verdict.partition(":")[0]

    def plain(self) -> dict[str, Any]:
        """Returns what verdict.json holds of it."""
        quantities = {name: quantity.plain() for name, quantity in self.quantities.items()}
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "quantities": quantities,
            "control": self.control,
        }


def decide(
    sentence: str,
    quantities: Mapping[str, Quantity],
    control: str,
    control_holds: bool,
    only: str = "",
    also: Mapping[str, Quantity] | None = None,
) -> Verdict:
    """Returns the verdict that the quantities and the control add up to.

    - Where the control does not behave as it must, nothing is shown: not reproduced.
    - Where every quantity that has a threshold holds, the claim is reproduced; or, with `only`, it holds in the regime
      that this names.
    - Where one does not hold, the claim is not reproduced.

    Args:
        sentence: what was found, with its numbers.
        quantities: by name, at least one of which has a threshold.
        control: what the negative control gave, in a sentence.
        control_holds: whether the claim failed there, as it must.
        only: in which regime the claim holds; empty where it holds in all that were measured.
        also: quantities that are reported and do not decide.

    Raises:
        ValueError: no quantity has a threshold.

    Example:
        >>> from tf_tricks.labs.bench.quantity import at_least
        >>> decide("It is 3.", {"number": at_least(3.0, 2.0)}, "Without it, 0.", True).verdict
        'reproduced'
        >>> decide("It is 3.", {"number": at_least(3.0, 2.0)}, "Without it, 3.", False).verdict
        'not reproduced'
    """
    decisive = [quantity for quantity in quantities.values() if quantity.holds is not None]
    if not decisive:
        raise ValueError("no quantity has a threshold, so there is nothing to decide by")
    holds = control_holds and all(quantity.holds for quantity in decisive)
    said = f"{CONDITIONAL}: {only}" if holds and only else REPRODUCED if holds else NOT_REPRODUCED
    if not control_holds:
        sentence = f"{sentence} The control did not come out as it must, so that this shows nothing."
    return Verdict(said, sentence, {**quantities, **(also or {})}, control)
