"""Gradients of embeddings, which TensorFlow keeps as rows, as the tensors that norms and squares are taken of."""

from keras import ops

from tf_tricks.annotations import Tensor


def dense(gradient: Tensor, dtype: str) -> Tensor:
    """Returns a gradient as one tensor of a dtype.

    TensorFlow's gradient of an embedding is a list of rows, in which a token that the batch holds twice has two. The
    square of their sum is not the sum of their squares, so they are summed first.

    Args:
        gradient: a tensor, or TensorFlow's `IndexedSlices`.
        dtype: name of the dtype.

    Example:
        >>> import tensorflow as tf
        >>> rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([1, 1]), tf.constant([2, 1]))
        >>> dense(rows, "float32").numpy().tolist()
        [[0.0], [3.0]]
    """
    if hasattr(gradient, "dense_shape"):
        gradient = ops.add(gradient, ops.zeros(gradient.shape, gradient.dtype))
    return ops.cast(gradient, dtype)
