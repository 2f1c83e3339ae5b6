"""What a source can be made of."""

from tf_tricks.annotations import Structure
from tf_tricks.data import structure
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.elements import can_be_read
from tf_tricks.data.reader import read
from tf_tricks.errors import RequestError
from tf_tricks.protocols import Source


def as_source(data: Source | tuple[Structure, ...] | list[Structure]) -> Source:
    """Returns `data` if it is a source, or the source of what it is.

    Args:
        data: a source; arrays (inputs,), (inputs, labels) or (inputs, labels, weights), as `ArraySource` takes them; or
            what `tt.data.read` takes without being told more.

    Raises:
        RequestError: it is none of these.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (tuple, list)) and len(data) in (1, 2, 3):
        return ArraySource(*data)
    if can_be_read(data):
        return read(data)
    if hasattr(data, "shape") and hasattr(data, "dtype") and len(data.shape):
        return ArraySource(data)
    raise RequestError(
        "data must be a source of tf_tricks.data, arrays (inputs, labels) or (inputs, labels, weights), or a data set "
        "as tf_tricks.data.read takes it, "
        f"not {structure.described(data)}"
    )
