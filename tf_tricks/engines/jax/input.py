"""How examples come to the devices: kept there and gathered in the step, or read by the host, two batches ahead."""

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.data import Stream
from tf_tricks.data.memory import free
from tf_tricks.engines.jax.devices import DataParallel
from tf_tricks.engines.jax.order import Turn, indices_from
from tf_tricks.engines.places import places_from, words
from tf_tricks.errors import RequestError, RunError

AHEAD = 2
_SHARE_OF_MEMORY = 0.25
_INT32 = np.iinfo("int32")


class Resident:
    """The examples of a source that lies in the devices' memory, all of it on each.

    Args:
        strategy: `DataParallel`.
        stream: `Stream` of a source with `arrays`.
    """

    def __init__(self, strategy: DataParallel, stream: Stream):
        source: Any = stream.source
        self.num_examples, self.seed = source.num_examples, stream.seed
        arrays, rows = source.arrays
        kept = arrays if rows is None else (arrays, np.asarray(rows, "uint32"))
        self.arrays = strategy.replicate(jax.tree.map(narrowed, kept))
        self._has_rows = rows is not None
        self._split = strategy.split() if strategy.num_replicas_in_sync > 1 else None

    def take(self, arrays: Structure, turn: Turn, number: int) -> Structure:
        """Returns the `number` examples from `turn` on; to be traced.

        Args:
            arrays: the attribute of this name, as an argument of the compiled function.
            turn: of the first.
            number: of examples.
        """
        places = indices_from(turn, number, self.num_examples, self.seed)
        if self._has_rows:
            arrays, rows = arrays
            places = rows[places]
        if self._split is not None:
            places = jax.lax.with_sharding_constraint(places, self._split)
        return jax.tree.map(lambda array: array.at[places].get(mode="promise_in_bounds"), arrays)


def can_be_resident(strategy: DataParallel, stream: Stream) -> bool:
    """Returns whether the examples of a stream lie in arrays that fit into each device's memory beside the model."""
    found = getattr(stream.source, "arrays", None)
    if found is None or type(stream).fetch is not Stream.fetch or stream.step_augment is not stream.augment:
        return False
    arrays = jax.tree.leaves(found[0])
    if any(array.dtype == object or isinstance(array, np.memmap) for array in arrays):
        return False
    return sum(array.nbytes for array in arrays) <= _SHARE_OF_MEMORY * _memory(strategy)


def _memory(strategy):
    device = strategy.mesh.local_devices[0]
    limit = (device.memory_stats() or {}).get("bytes_limit") if device.platform != "cpu" else None
    return limit or free() / len(strategy.mesh.local_devices)


def read_ahead(
    strategy: DataParallel, stream: Stream, batch_size: int, at_once: int, examples_seen: int
) -> Iterator[Structure]:
    """Yields the batches from `examples_seen` on, arrays on the devices [micro-batches, at_once, ...].

    Each host reads its own part of each micro-batch.

    Args:
        strategy: `DataParallel`.
        stream: `Stream`.
        batch_size: examples an update.
        at_once: examples a micro-batch; each device gets an equal part of them.
        examples_seen: place of the first example.
    """
    augment = _host_augment(stream)
    plain = stream if augment is None else Stream(stream.source, seed=stream.seed)
    host, number = strategy.part
    of_batch = batch_size if number == 1 else at_once // number  # examples of an element; one host's follow each other

    def prepared(element):
        examples, start = element
        if augment is not None:
            examples = augment(examples, int(start))
        return jax.tree.map(lambda array: narrowed(array).reshape(-1, at_once // number, *array.shape[1:]), examples)

    def placed(elements):
        joined = elements[0] if len(elements) == 1 else jax.tree.map(lambda *arrays: np.concatenate(arrays), *elements)
        return strategy.share_out(joined, 1)

    elements = map(prepared, plain.dataset(of_batch, examples_seen, number, host).as_numpy_iterator())
    batches = map(placed, zip(*[elements] * (batch_size // (of_batch * number))))
    waiting = collections.deque(itertools.islice(batches, AHEAD))
    while waiting:
        yield waiting.popleft()
        waiting.extend(itertools.islice(batches, 1))


def examples_spec(stream: Stream, number: int) -> Structure:
    """Returns what `read_ahead` gives of `number` examples, `jax.ShapeDtypeStruct`s [number, ...]; it reads none.

    Raises:
        RequestError: they have no fixed shape.
    """
    augments = stream.augment is not None and stream.step_augment is None
    plain = Stream(stream.source, seed=stream.seed) if augments else stream
    specs = tf.nest.map_structure(_spec, plain.dataset(number).element_spec[0])
    if augments:
        place = jax.ShapeDtypeStruct((number,), "uint32")
        specs = jax.eval_shape(stream.augmented, specs, (place, place))
    return specs


def _spec(spec):
    if not spec.shape.is_fully_defined():
        raise RequestError(f"XLA needs fixed shapes, and those of the examples are {list(spec.shape)}")
    return jax.ShapeDtypeStruct(spec.shape, narrowed(np.empty(0, spec.dtype.as_numpy_dtype)).dtype)


def _host_augment(stream) -> Callable[..., Any] | None:
    """What augments a batch on the host's CPU, or None where the step does it or nobody."""
    if stream.augment is None or stream.step_augment is not None:
        return None
    cpu, compiled = jax.devices("cpu")[0], jax.jit(stream.augmented)

    def augment(examples, start):
        pair = places_from(words(start), len(jax.tree.leaves(examples)[0]))
        with jax.default_device(cpu):
            return jax.tree.map(np.asarray, compiled(examples, pair))

    return augment


def narrowed(array: np.ndarray) -> np.ndarray:
    """Returns an array whose integers have at most 32 bits, as JAX has by default.

    Raises:
        RunError: some do not fit.

    Example:
        >>> narrowed(np.array([3, -1])).dtype.name
        'int32'
    """
    array = np.asarray(array)
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or jax.config.jax_enable_x64:
        return array
    if array.size and not _INT32.min <= array.min() <= array.max() <= _INT32.max:
        raise RunError(f"JAX has integers of 32 bits, and the data go from {array.min()} to {array.max()}")
    return array.astype("int32")
