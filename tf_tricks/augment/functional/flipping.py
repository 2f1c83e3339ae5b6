"""Mirror images of some of the examples."""

from collections.abc import Callable, Sequence

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import per_example


def flip(images: Tensor, horizontal: Tensor | None = None, vertical: Tensor | None = None) -> Tensor:
    """Returns images, some of them mirrored.

    Args:
        images: [b, height, width, channels] of any dtype.
        horizontal: bool [b], which are mirrored left to right; None for no example.
        vertical: bool [b], which are mirrored top to bottom; None for no example.

    Example:
        >>> import numpy as np
        >>> images = np.arange(4).reshape(2, 1, 2, 1)
        >>> np.asarray(flip(images, np.array([False, True]))).ravel().tolist()
        [0, 1, 3, 2]
    """
    images = ops.convert_to_tensor(images)
    for flipped, axis in ((horizontal, 2), (vertical, 1)):
        if flipped is None:
            continue
        if can_fuse(images):
            images = _flip_some(images, flipped, axis)
        elif has_host_kernels():
            changes = [lambda own: own, lambda own, axis=axis: ops.flip(own, axis=axis)]  # type: ignore[misc]
            images = in_classes(images, ops.cast(flipped, "int32"), changes)
        else:
            images = _flip_some(images, flipped, axis)
    return images


@fused
def _flip_some(images, flipped, axis):
    return ops.where(per_example(flipped, images), ops.flip(images, axis=axis), images)


def in_classes(images: Tensor, choice: Tensor, changes: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Returns the images, changes[n] applied to those with `choice` n. For TensorFlow without XLA.

    Each image is copied once more or twice, which on a CPU takes less time than to compute all changes of all images.

    Args:
        images: [b, ...].
        choice: int32 [b], from 0 to len(changes) − 1.
        changes: functions of images [n, ...], n from 0, that keep their shapes.
    """
    import tensorflow as tf

    rows = tf.dynamic_partition(tf.range(tf.shape(choice)[0]), choice, len(changes))
    parts = [change(tf.gather(images, own)) for change, own in zip(changes, rows)]
    return tf.ensure_shape(tf.dynamic_stitch(rows, parts), images.shape)
