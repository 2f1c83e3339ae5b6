"""Weights that are not trained: none, or most of them while they are still as they were drawn."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from scipy.stats import ks_2samp

from tf_tricks.doctor.finding import Finding

_SHARE = 0.3
"""Of the weights, frozen as they were drawn, from which on it is a mistake; or all layers but one are."""

_ENOUGH = 32
"""Numbers in a kernel, from which on the distribution of its values can be told from another."""

_SAMPLE = 5000
_UNLIKELY = 1e-3
_WHY = (
    "Freezing keeps what a network has learned on more data (Yosinski et al. 2014, arXiv:1411.1792); weights that are "
    "as they were drawn hold nothing to keep, and the rest learns on top of a random projection."
)


def frozen(model: keras.Model) -> list[Finding]:
    """Returns what there is to say about weights that are not trained.

    Args:
        model: a built `keras.Model`.
    """
    total = sum(_size(variable) for layer in _leaves(model) for variable in layer._trainable_variables)
    if not model.trainable_variables:
        what = f"none of {total:,} weights is trained" if total else "the model has no weights to train"
        change = "set trainable = True on the layers that are to learn, before the trainer is made"
        return [Finding("nothing_trainable", what, "Without weights to change the loss stays as it is.", change, 1.0)]
    still = [layer for layer in _leaves(model) if not layer.trainable and _is_as_drawn(layer)]
    number = sum(_size(variable) for layer in still for variable in layer._trainable_variables)
    kernels = [layer for layer in _leaves(model) if any(len(v.shape) > 1 for v in layer._trainable_variables)]
    all_but_one = len(still) > 1 and len(still) >= len(kernels) - 1
    if number <= _SHARE * total and not all_but_one:
        return []
    names = ", ".join(layer.name for layer in still[:3]) + (", …" if len(still) > 3 else "")
    return [
        Finding(
            "nothing_trainable",
            f"{number / total:.0%} of {total:,} weights are frozen as they were drawn, those of {names}; "
            f"{total - number:,} are trained",
            _WHY,
            "set trainable = True on them; or load what they should keep before: config.init_from, weights='imagenet'",
            0.95,
        )
    ]


def _leaves(model) -> Iterator[Any]:
    for layer in model._flatten_layers():
        if layer._trainable_variables:
            yield layer


def _size(variable):
    return int(np.prod(variable.shape))


def _is_as_drawn(layer):
    """Whether kernels have the distribution of their initializer, and all else is at its first value."""
    kernels = 0
    for variable in layer._trainable_variables:
        values = np.asarray(variable)
        initializer = getattr(layer, f"{variable.name}_initializer", None)
        if values.std() == 0:
            continue  # zeros or ones: as biases and scales begin
        if initializer is None or values.size < _ENOUGH:
            return False
        if not _is_drawn_by(initializer, values):
            return False
        kernels += 1
    return kernels > 0


def _is_drawn_by(initializer, values):
    made = type(initializer).from_config(initializer.get_config() | _unseeded(initializer))
    others = np.asarray(made(values.shape, dtype="float32"))
    some = np.random.default_rng(0).choice(values.size, min(_SAMPLE, values.size), replace=False)
    return ks_2samp(values.reshape(-1)[some], others.reshape(-1)[some]).pvalue > _UNLIKELY


def _unseeded(initializer):
    """Drawn with another seed: equal values would be no test of the distribution."""
    return {"seed": 12345} if "seed" in initializer.get_config() else {}
