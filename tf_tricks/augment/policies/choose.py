"""One of several transforms for each example."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import per_example
from tf_tricks.augment.randomness.draws import Draws

_FEW = 3  # so many transforms of all examples take less time, on a CPU, than each of its own examples


def choose(batch: Batch, draws: Draws, choice: Tensor, transforms: Sequence[Callable[[Batch, Draws], Batch]]) -> Batch:
    """Returns the batch with transform number `choice[k]` applied to example k.

    Where XLA compiles, shapes must not depend on values: each transform sees all examples, and the results of the
    others are thrown away. Where TensorFlow's kernels can run, that is done for a few transforms, too, and in eager
    mode; of many, each sees only the examples that are its own. They come in portions of one size, since programs of
    known shape are fast (see `fused`), the last one filled up with others.

    Args:
        batch: `Batch`; images and masks keep their shapes, labels may get others if all transforms agree.
        draws: `Draws`. All transforms draw the same numbers, of which an example needs one transform's only.
        choice: int32 [b], each from 0 to len(transforms) − 1.
        transforms: functions (batch, draws) -> batch, pure, that treat each example independently.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.randomness.draws import Draws
        >>> batch = Batch(np.ones((3, 1, 1, 1), "float32"))
        >>> times = [lambda b, d, n=n: b._replace(images=b.images * n) for n in (1, 10)]
        >>> chosen = choose(batch, Draws(0, np.arange(3)), np.array([1, 0, 1], "int32"), times)
        >>> np.asarray(chosen.images).ravel().tolist()
        [10.0, 1.0, 10.0]
    """
    if len(transforms) == 1:
        return transforms[0](batch, draws)
    copies = [draws.copy() for _ in transforms]
    if _parts_examples(batch, len(transforms)):
        results = _of_own_examples(batch, copies, choice, transforms)
    else:
        results = _of_all_examples(batch, copies, choice, transforms)
    draws.skip_to(max(copies, key=lambda copy: copy.used))
    return results


def _parts_examples(batch, number):
    """Returns whether each of so many transforms is to see its own examples only."""
    if not has_host_kernels():
        return False
    import tensorflow as tf

    return not (can_fuse(batch.images) and (number <= _FEW or tf.executing_eagerly()))


def _of_own_examples(batch, copies, choice, transforms):
    import tensorflow as tf

    rows = tf.dynamic_partition(tf.range(tf.shape(choice)[0]), choice, len(transforms))
    known = batch.images.shape[0]
    if known:
        size = portion_size(known, len(transforms))
        parts = [_in_portions(batch, *one, size) for one in zip(copies, rows, transforms)]
    else:
        parts = [_transformed(batch, *one) for one in zip(copies, rows, transforms)]

    def together(*fields):
        if fields[0] is None:
            return None
        stitched = tf.dynamic_stitch(rows, fields)
        return tf.ensure_shape(stitched, [known, *fields[0].shape[1:]])

    return Batch(*map(together, *parts))


def portion_size(batch_size: int, number: int) -> int:
    """Returns how many examples one of so many transforms sees at once: the power of two next to half its usual share.

    Example:
        >>> portion_size(1024, 14), portion_size(8, 14)
        (32, 1)
    """
    return 2 ** max(0, round(math.log2(batch_size / (2 * number))))


def _transformed(batch, draws, rows, transform):
    """Returns the `Batch` of the examples `rows`, int32 [n], transformed."""
    import tensorflow as tf

    draws.take(rows)
    return transform(Batch(*(None if field is None else tf.gather(field, rows) for field in batch)), draws)


def _in_portions(batch, draws, rows, transform, size):
    """Returns what `_transformed` does, by so many examples at once."""
    import tensorflow as tf

    start = draws.copy()

    def of_portion(rows):
        own_draws = start.copy()
        portion = _transformed(batch, own_draws, rows, transform)
        draws.skip_to(own_draws)  # as often as this is traced, to the same place
        return {name: field for name, field in portion._asdict().items() if field is not None}

    number = tf.size(rows)
    filled = tf.pad(rows, [[0, -number % size]])  # up to whole portions, with the first example
    traced = tf.function(of_portion, autograph=False).get_concrete_function(tf.TensorSpec([size], rows.dtype))
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, traced.structured_outputs)
    fields = tf.map_fn(traced, tf.reshape(filled, [-1, size]), fn_output_signature=specs)
    return Batch(**{name: tf.reshape(field, [-1, *field.shape[2:]])[:number] for name, field in fields.items()})


def _of_all_examples(batch, copies, choice, transforms):
    result = transforms[0](batch, copies[0])
    for number, (transform, draws) in enumerate(zip(transforms[1:], copies[1:]), start=1):
        own = ops.equal(choice, number)
        result = Batch(*(_where(own, new, old) for new, old in zip(transform(batch, draws), result)))
    return result


def _where(condition, new, old):
    if old is None or new is old:
        return old
    return _select(ops.convert_to_tensor(new), old, condition)


@fused
def _select(new, old, condition):
    return ops.cast(ops.where(per_example(condition, new), new, old), keras.backend.standardize_dtype(new.dtype))
