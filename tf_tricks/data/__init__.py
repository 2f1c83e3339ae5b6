"""Data sets: sources of examples, split, with the statistics to standardize them."""

from tf_tricks import registry
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.encoded_source import EncodedSource
from tf_tricks.data.indexed_source import IndexedSource
from tf_tricks.data.reader import read
from tf_tricks.data.sets import get
from tf_tricks.data.sources import as_source
from tf_tricks.data.splits import Splits, from_arrays
from tf_tricks.data.stream import Stream
from tf_tricks.protocols import Source

registry.discover(__name__)

__all__ = [
    "ArraySource",
    "EncodedSource",
    "IndexedSource",
    "Source",
    "Splits",
    "Stream",
    "as_source",
    "from_arrays",
    "get",
    "read",
]
