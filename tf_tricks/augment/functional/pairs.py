"""Neighbouring examples exchanged and mixed."""

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import per_example, to_float


def partners(values: Tensor) -> Tensor:
    """Returns `values` [b, ...] with neighbours exchanged: 1, 0, 3, 2, …; b is even.

    Example:
        >>> import numpy as np
        >>> np.asarray(partners(np.arange(4))).tolist()
        [1, 0, 3, 2]
    """
    values = ops.convert_to_tensor(values)
    shape = tuple(values.shape)
    places = ops.arange(ops.shape(values)[0], dtype="int32")
    if has_host_kernels():
        return ops.take(values, ops.bitwise_xor(places, 1), axis=0)
    # On a TPU, where the batch is often the innermost axis, shifts and a choice are a tenth of a gather's traffic.
    rest = [(0, 0)] * (len(shape) - 1)
    following, preceding = ops.pad(values[1:], [(0, 1), *rest]), ops.pad(values[:-1], [(1, 0), *rest])
    return ops.where(per_example(ops.equal(places % 2, 0), values), following, preceding)


def mix_values(values: Tensor, weights: Tensor) -> Tensor:
    """Returns weights · own + (1 − weights) · partner's for `values` [b, ...], in their dtype, integers rounded.

    Args:
        values: numbers [b, ...].
        weights: float32 [b].
    """
    if can_fuse(values):
        return _mixed_pairs(values, weights)
    return _mixed(values, partners(values), weights)


@fused
def _mixed_pairs(values, weights):
    """Returns what `mix_values` does, for batches of known size: pairs are looked at as one axis, and turned round."""
    pairs = ops.reshape(values, (values.shape[0] // 2, 2, -1))
    others = ops.flip(pairs, axis=1)
    mixed = _mixed(*(ops.reshape(side, (values.shape[0], -1)) for side in (pairs, others)), weights)
    return ops.reshape(mixed, values.shape)


def _mixed(values, others, weights):
    own, others = to_float(values), to_float(others)
    mixed = own + per_example(1.0 - weights, own) * (others - own)  # exactly its own where the weight is 1
    if "int" in keras.backend.standardize_dtype(values.dtype):
        mixed = ops.round(mixed)  # what is between two values needs no clipping to the range
    return ops.cast(mixed, values.dtype)
