"""Mean, variance and covariance of a data set in one pass, on the host: what layers that adapt to data need."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError
from tf_tricks.protocols import Source

_CHUNK = 1000


def batches_of(data: Tensor | Iterable[Any] | Source) -> Iterator[np.ndarray]:
    """Yields the inputs of `data` as float64 arrays [b, ...] with b ≥ 1.

    Args:
        data: an array [n, ...]; an iterable (a `tf.data.Dataset`, a stream, a list, a generator) of batches [b, ...] or
            of tuples (inputs, labels, …); or a source of `tf_tricks.data`. It must come to an end.

    Raises:
        RequestError: the data hold no examples, values that are not finite numbers, or batches of different shapes.

    Example:
        >>> import numpy as np
        >>> [batch.shape for batch in batches_of([(np.ones((3, 2)), np.ones(3)), (np.ones((1, 2)), np.ones(1))])]
        [(3, 2), (1, 2)]
    """
    shape = None
    for batch in map(_as_batch, _raw_batches(data)):
        if not len(batch):
            continue
        shape = shape or batch.shape[1:]
        if batch.shape[1:] != shape:
            raise RequestError(f"all examples to adapt to must have the same shape, not {shape} and {batch.shape[1:]}")
        yield batch
    if shape is None:
        raise RequestError("there must be at least one example to adapt to, not none")


def _raw_batches(data):
    if isinstance(data, Source):
        return _of_source(data)
    if isinstance(data, keras.utils.PyDataset):
        return (data[i] for i in range(len(data)))  # it has no end that Python's own iteration would find
    if hasattr(data, "shape"):
        return (data[i : i + _CHUNK] for i in range(0, max(1, len(data)), _CHUNK))
    if hasattr(data, "__iter__"):
        return iter(data)
    raise RequestError(f"data to adapt to must be an array or an iterable of batches, not {data!r}")


def _of_source(source):
    for i in range(0, source.num_examples, _CHUNK):
        indices = np.arange(i, min(i + _CHUNK, source.num_examples), dtype=np.int64)
        yield source.fetch(indices, indices)


def _as_batch(batch):
    if isinstance(batch, tuple) and batch:
        batch = batch[0]
    try:
        batch = np.asarray(batch).astype("float64")
    except (TypeError, ValueError) as error:
        raise RequestError(f"batches to adapt to must be arrays of numbers, not {type(batch).__name__}") from error
    if batch.ndim < 2:
        raise RequestError(f"batches to adapt to must have the shape [examples, ...], not {list(batch.shape)}")
    if not np.isfinite(batch).all():
        raise RequestError("the data to adapt to hold values that are NaN or infinite; remove or replace them first")
    return batch
