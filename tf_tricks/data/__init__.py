"""Data sets: sources of examples, split, with the statistics to standardize them."""

from tf_tricks.data.sets import get
from tf_tricks.data.sources import ArraySource, EncodedSource, as_source
from tf_tricks.data.splits import Splits, from_arrays
from tf_tricks.data.stream import Stream
from tf_tricks.protocols import Source

__all__ = ["ArraySource", "EncodedSource", "Source", "Splits", "Stream", "as_source", "from_arrays", "get"]
