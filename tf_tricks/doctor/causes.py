"""Which findings follow from which: what is only a consequence comes after its cause."""

from collections.abc import Iterable

from tf_tricks.doctor.finding import NAMES, Finding

EXPLAINS = {
    "non_finite_inputs": tuple(name for name in NAMES if name != "non_finite_inputs"),
    "non_finite_weights": (
        "exploding_signal",
        "vanishing_signal",
        "dead_units",
        "saturated_units",
        "symmetric_weights",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "cannot_overfit_one_batch",
        "batch_too_small",
    ),
    "labels_out_of_range": ("loss_does_not_fit_outputs", "classes_unbalanced", "labels_carry_no_signal"),
    "constant_features": ("labels_carry_no_signal", "inputs_not_normalised", "duplicates_within_training"),
    "labels_carry_no_signal": ("batch_too_small", "learning_rate_too_high", "learning_rate_too_low"),
    "loss_does_not_fit_outputs": (
        "cannot_overfit_one_batch",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "vanishing_signal",
        "exploding_signal",
        "batch_too_small",
        "batch_too_large",
    ),
    "nothing_trainable": ("cannot_overfit_one_batch", "learning_rate_too_low", "batch_too_small", "batch_too_large"),
    "inputs_not_normalised": (
        "exploding_signal",
        "vanishing_signal",
        "dead_units",
        "saturated_units",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "cannot_overfit_one_batch",
        "batch_too_small",
        "batch_too_large",
    ),
    "inputs_normalised_twice": (
        "vanishing_signal",
        "learning_rate_too_low",
        "learning_rate_too_high",
        "cannot_overfit_one_batch",
        "batch_too_small",
        "batch_too_large",
    ),
    "symmetric_weights": (
        "dead_units",
        "cannot_overfit_one_batch",
        "vanishing_signal",
        "learning_rate_too_low",
        "batch_too_large",
    ),
    "dead_units": ("cannot_overfit_one_batch", "vanishing_signal", "learning_rate_too_low", "batch_too_large"),
    "saturated_units": ("cannot_overfit_one_batch", "vanishing_signal", "learning_rate_too_low"),
    "exploding_signal": (
        "learning_rate_too_high",
        "learning_rate_too_low",
        "cannot_overfit_one_batch",
        "saturated_units",
        "dead_units",
        "batch_too_small",
        "batch_too_large",
    ),
    "vanishing_signal": (
        "cannot_overfit_one_batch",
        "learning_rate_too_low",
        "learning_rate_too_high",
        "batch_too_small",
        "batch_too_large",
    ),
    "learning_rate_too_high": ("batch_too_small", "cannot_overfit_one_batch"),
    "learning_rate_too_low": ("batch_too_large", "cannot_overfit_one_batch"),
}
"""Dict of cause to its consequences: what is likely found as well where the cause is there."""

SURE = 0.5
"""A finding explains others from this confidence on."""

_LEFT = 0.4  # of a consequence's confidence


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings, the most likely cause first; the confidence of what another one explains is less.

    Example:
        >>> large = Finding("inputs_not_normalised", "mean 120", "", "", 0.9)
        >>> exploding = Finding("exploding_signal", "gain 4", "", "", 0.95)
        >>> [(finding.name, round(finding.confidence, 2)) for finding in ordered([exploding, large])]
        [('inputs_not_normalised', 0.9), ('exploding_signal', 0.38)]
    """
    found = list(findings)
    places = {name: place for place, name in enumerate(NAMES)}
    weighed = [_weighed(finding, found) for finding in found]
    return sorted(weighed, key=lambda finding: (-finding.confidence, places[finding.name]))


def _weighed(finding, findings):
    causes = [
        other
        for other in findings
        if other.confidence >= SURE and finding.name in EXPLAINS.get(other.name, ()) and other.name != finding.name
    ]
    if not causes:
        return finding
    names = " and ".join(dict.fromkeys(cause.name for cause in causes))
    why = f"{finding.why} It may come of {names}: look at that first.".strip()
    return finding._replace(confidence=finding.confidence * _LEFT, why=why)
