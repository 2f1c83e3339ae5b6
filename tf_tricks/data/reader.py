"""Data sets of other libraries, read once: kept in memory where they fit, else in the cache and read by index."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_tricks.annotations import Structure
from tf_tricks.data import cache, elements, memory
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.elements import batches_of, behind, number_of, picker
from tf_tricks.data.rows import aligned_empty
from tf_tricks.data.spool import Spool, key_of
from tf_tricks.data.text_labels import encode, is_text, names_of
from tf_tricks.errors import RequestError
from tf_tricks.protocols import Source


def read(
    data: Any,
    inputs: Structure | None = None,
    labels: Structure | None = None,
    weights: Structure | None = None,
    batched: bool | None = None,
    steps: int | None = None,
    num_classes: int | None = None,
    label_names: Sequence[str] | None = None,
    memory_budget: float | None = None,
    name: str | None = None,
    verbose: int = 1,
) -> Source:
    """Returns the source of a data set of another library, which is read once.

    What fits the memory is kept there. What does not is written to ArrayRecord files in the cache
    (`TF_TRICKS_CACHE`, by default ~/.cache/tf_tricks) and read by index from then on, so that the training resumes in
    mid-epoch and shuffles as everything does here. A reading that was killed goes on behind its last whole file, and
    the same data set is not written again.

    Args:
        data: a `tf.data.Dataset`; a `keras.utils.PyDataset`; a generator, or anything else that yields batches, such as
            PyTorch's DataLoader; anything with `__len__` and `__getitem__` that gives examples, such as a data set of
            Hugging Face or a data source of TFDS; a DataFrame.
        inputs: where examples are dicts: the name of the column that is the input, or a structure of names as the
            model takes it. None where they are (inputs, labels, weights), (inputs, labels) or inputs alone.
        labels: of the labels, likewise; None for none.
        weights: of what each example counts, likewise.
        batched: whether the elements of `data` are batches; None finds out, or asks.
        steps: how many elements to read, for what has no end; None for all.
        num_classes: classes, if there may be more than the labels show.
        label_names: their names, or None.
        memory_budget: bytes that the examples may take in memory; None is half of what is free.
        name: of the copy in the cache; None takes the data set for the one that began with the same 64 examples.
        verbose: 0 prints nothing.

    Raises:
        RequestError: the data set has no end, its examples differ in shape, or it cannot be told what they are.

    Example:
        >>> dataset = tf.data.Dataset.from_tensor_slices((np.zeros((10, 3)), np.arange(10) % 2)).batch(4)
        >>> read(dataset, verbose=0).num_examples
        10
    """
    limit = memory.budget(memory_budget)
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return _of_frame(data, inputs, labels, weights, num_classes, label_names)
    batches = batches_of(data, picker(inputs, labels, weights), batched, steps)
    with _progress(data, verbose) as progress:
        kept, size = _until(limit, batches, progress)
        if not kept:
            raise RequestError("a data set must hold at least one example, not none")
        if size <= limit:
            source, where = _in_memory(kept, num_classes, label_names), "memory"
        else:
            spool = Spool(cache.folder() / "examples" / (name or key_of(kept[0], number_of(data))))
            if not spool.complete:
                progress.reset()
                progress.update(spool.num_examples)
                for length in spool.write(behind(itertools.chain(kept, batches), spool.num_examples), num_classes):
                    progress.update(length)
            source, where, size = spool.source(label_names, num_classes), str(spool.folder), spool.bytes
    if verbose:
        print(f"{source.num_examples:,} examples, {tqdm.format_sizeof(size, 'B')} in {where}")
    return source


def _until(limit, batches, progress):
    """Returns batches up to so many bytes, and their bytes: all batches, or more bytes than the limit."""
    kept, size = [], 0
    for batch in batches:
        kept.append(batch)
        size += sum(_size(array) for array in tf.nest.flatten(batch))
        progress.update(_length(batch))
        if size > limit:
            break
    return kept, size


def _in_memory(kept, num_classes, label_names):
    """The source of batches, which are forgotten array by array as they are put together."""
    structure, columns = kept[0], [tf.nest.flatten(batch) for batch in kept]
    kept.clear()
    whole = []
    for place in range(len(columns[0])):
        parts = [column[place] for column in columns]
        for column in columns:
            column[place] = None
        whole.append(_together(parts))
    parts = tf.nest.pack_sequence_as(structure, whole)
    if len(parts) > 1 and is_text(parts[1]):
        label_names = names_of(parts[1]) if label_names is None else label_names
        parts = (parts[0], encode("y_train", parts[1], label_names), *parts[2:])
        num_classes = len(label_names)
    return ArraySource(
        parts[0],
        *(parts[1:] or (None,)),
        **({"num_classes": num_classes} if num_classes else {}),
        label_names=label_names,
    )


def _together(parts):
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise RequestError(f"the examples differ in shape: {sorted(shapes)}; bring them to one")
    if parts[0].dtype == object:
        return np.concatenate(parts)
    array = aligned_empty((sum(map(len, parts)), *parts[0].shape[1:]), np.result_type(*parts))
    done = 0
    for part in parts:
        array[done : done + len(part)] = part
        done += len(part)
    return array


def _of_frame(frame, inputs, labels, weights, num_classes, label_names):
    """The source of a DataFrame: the named columns, numbers as they are."""

    def column(name):
        elements.names_in(list(frame.columns), name)
        return np.asarray(frame[name])

    if inputs is None:
        raise RequestError("say which columns of the DataFrame are inputs: inputs=['age', 'height'], labels='kind'")
    names = [inputs, *(part for part in (labels, weights) if part is not None)]
    parts = [_columns(column, part) for part in names]
    return _in_memory([tuple(parts)], num_classes, label_names)


def _columns(column, names):
    """A dict of names is a dict of columns; a list of names is a matrix."""
    if hasattr(names, "items"):
        return {key: _columns(column, name) for key, name in names.items()}
    if isinstance(names, (list, tuple)):
        return np.stack([column(name).astype("float32") for name in names], axis=1)
    values = column(names)
    return values.astype(object) if values.dtype.kind in "US" else values


def _progress(data, verbose):
    total = number_of(data)
    known = total if total is not None and total > 0 and elements.counts_examples(data) else None
    return tqdm(total=known, desc="reading", unit=" examples", disable=None if verbose else True, delay=2, leave=False)


def _size(array):
    return array.nbytes if array.dtype != object else sum(len(text) + 16 for text in array.flat)


def _length(batch):
    return len(tf.nest.flatten(batch)[0])
