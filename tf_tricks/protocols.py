"""What examples come from, written down: anything that has these attributes and methods will do."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Source(Protocol):
    """One split of a data set, its examples reached by their index.

    `tt.data.Stream` and `tt.Trainer.evaluate` take one; what builds a model or chooses a loss reads further attributes,
    those of `tt.data.ArraySource`.

    Attributes:
        num_examples: n.
    """

    num_examples: int

    def fetch(self, indices: Any, positions: Any = None) -> tuple:
        """Returns (inputs [b, ...], labels [b, ...]) or (inputs, labels, weights) in a function of `tf.data`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: int64 tensor [b], the places in the stream, for a source that draws random numbers.
        """


@runtime_checkable
class Stream(Protocol):
    """Training examples in an endless order, a function of the place in it.

    Attributes:
        source: a `Source`.
        batch_size: examples a batch.
        examples_seen: the place of the next example.
    """

    source: Source
    batch_size: int
    examples_seen: int

    def fetch(self, positions: Any) -> tuple:
        """Returns what the source's `fetch` gives for the examples at `positions`, an int64 tensor [b]."""

    def __getitem__(self, index: int) -> tuple:
        """Returns batch `index` after `examples_seen`, as NumPy arrays."""
