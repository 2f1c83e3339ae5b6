"""One of several transforms for each example."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import Batch, per_example
from tf_tricks.augment.fused import can_fuse, fused
from tf_tricks.augment.paths import has_host_kernels

_FEW = 3  # so many transforms of all examples take less time, on a CPU, than each of its own


def choose(batch, draws, choice, transforms):
    """Returns the batch with transform number `choice[k]` applied to example k.

    Where XLA compiles, shapes must not depend on values: each transform sees all examples, and the results of the
    others are thrown away. Where TensorFlow's kernels can run, that is done for a few transforms, too, since programs
    of known shape are fast; of many, each sees only the examples that are its own.

    Args:
        batch: `Batch`; images and masks keep their shapes, labels may get others if all transforms agree.
        draws: `Draws`. All transforms draw the same numbers, of which an example needs one transform's only.
        choice: int32 [b], each from 0 to len(transforms) − 1.
        transforms: functions (batch, draws) -> batch, pure, that treat each example by itself.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.draws import Draws
        >>> batch = Batch(np.ones((3, 1, 1, 1), "float32"))
        >>> times = [lambda b, d, n=n: b._replace(images=b.images * n) for n in (1, 10)]
        >>> chosen = choose(batch, Draws(0, np.arange(3)), np.array([1, 0, 1], "int32"), times)
        >>> np.asarray(chosen.images).ravel().tolist()
        [10.0, 1.0, 10.0]
    """
    if len(transforms) == 1:
        return transforms[0](batch, draws)
    few = len(transforms) <= _FEW and can_fuse(batch.images)
    choose_parts = _of_own_examples if has_host_kernels() and not few else _of_all_examples
    copies = [draws.copy() for _ in transforms]
    results = choose_parts(batch, copies, choice, transforms)
    draws.skip_to(max(copies, key=lambda copy: copy.used))
    return results


def _of_own_examples(batch, copies, choice, transforms):
    import tensorflow as tf

    rows = tf.dynamic_partition(tf.range(tf.shape(choice)[0]), choice, len(transforms))
    parts = []
    for own, transform, draws in zip(rows, transforms, copies):
        taken = Batch(*(None if field is None else tf.gather(field, own) for field in batch))
        draws.take(own)
        parts.append(transform(taken, draws))

    def together(*fields):
        if fields[0] is None:
            return None
        stitched = tf.dynamic_stitch(rows, fields)
        return tf.ensure_shape(stitched, [batch.images.shape[0], *fields[0].shape[1:]])

    return Batch(*map(together, *parts))


def _of_all_examples(batch, copies, choice, transforms):
    result = transforms[0](batch, copies[0])
    for number, (transform, draws) in enumerate(zip(transforms[1:], copies[1:]), start=1):
        own = ops.equal(choice, number)
        result = Batch(*(_where(own, new, old) for new, old in zip(transform(batch, draws), result)))
    return result


def _where(condition, new, old):
    if old is None or new is old:
        return old
    return fused(_select, ops.convert_to_tensor(new), old, condition)


def _select(new, old, condition):
    return ops.cast(ops.where(per_example(condition, new), new, old), keras.backend.standardize_dtype(new.dtype))
