"""What a check finds, and the names that findings have."""

from typing import Any, NamedTuple

NAMES = {
    "non_finite_inputs": "some inputs are NaN or infinite, or too large for float32",
    "non_finite_weights": "some weights are NaN or infinite before the first update",
    "labels_out_of_range": "some labels are none of the classes that the model has outputs for",
    "labels_carry_no_signal": "nothing that is learned from the inputs predicts the labels better than chance",
    "loss_does_not_fit_outputs": "the loss takes the outputs or the labels for something else than they are",
    "nothing_trainable": "no weights are trained, or most are frozen as they were drawn",
    "inputs_not_normalised": "the inputs reach the first weights far from mean 0 and variance 1",
    "inputs_normalised_twice": "inputs that were scaled already are scaled once more, down to almost nothing",
    "targets_not_normalised": "the numbers to predict are far larger than what a model gives at first",
    "symmetric_weights": "units of a layer have the same weights, so that all of them learn the same",
    "dead_units": "most units of a layer give 0 for every example, and no gradient passes",
    "saturated_units": "most units of a layer are at the flat ends of their activation",
    "exploding_signal": "activations or gradients grow from layer to layer",
    "vanishing_signal": "activations or gradients shrink from layer to layer",
    "learning_rate_too_high": "at the given learning rate the loss does not fall, or diverges",
    "learning_rate_too_low": "at the given learning rate the loss falls far slower than it could",
    "duplicates_across_splits": "examples of the validation or test data are among the training examples",
    "tricks_in_conflict": "two parts of the set-up work against each other",
    "batch_too_small": "the gradient of a batch is mostly noise",
    "batch_too_large": "the batch is far above the noise scale, or leaves too few updates",
    "classes_unbalanced": "some classes have many times the examples of others",
    "constant_features": "some inputs have the same value in all examples",
    "duplicates_within_training": "many training examples are there more than once",
    "cannot_overfit_one_batch": "not even a single batch is learned by heart, and no check says why",
    "input_pipeline_bound": "the device waits for the examples",
    "slow_step": "the train step takes longer than it needs to",
}
"""Every name with a line of what it means; of findings that are equally sure, the first here comes first."""


_LIKELY = ((0.85, "almost surely"), (0.6, "likely"), (0.35, "perhaps"), (0.0, "possibly"))


class Finding(NamedTuple):
    """What is wrong, how that is known, and what to change.

    Attributes:
        name: one of `NAMES`.
        measured: what was measured, with figures, as a part of a sentence.
        why: why it matters, and where that is written.
        change: what to change: the line of a config, and of Python where that is another.
        confidence: how sure it is that this keeps the model from training well, from 0 to 1.
    """

    name: str
    measured: str
    why: str
    change: str
    confidence: float


class Checked(NamedTuple):
    """What a check returns.

    Attributes:
        findings: a list of `Finding`, empty where all is well.
        measured: what its picture draws, or None.
    """

    findings: list[Finding]
    measured: Any = None


def likely(confidence: float) -> str:
    """Returns a confidence in words.

    Example:
        >>> likely(0.7), likely(0.1)
        ('likely', 'possibly')
    """
    return next(word for least, word in _LIKELY if confidence >= least)
