"""From pictures in files to a data set: decoded into memory where they fit, else when they are needed."""

import concurrent.futures
import os
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from etils import epath
from tqdm import tqdm

from tf_tricks.data import pictures
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.decode import decoders
from tf_tricks.data.encoded_source import EncodedSource
from tf_tricks.data.image_files import ImageFiles, leave_out
from tf_tricks.data.in_order import in_order
from tf_tricks.data.rows import aligned_empty
from tf_tricks.data.splits import SAMPLE, Splits, carve
from tf_tricks.data.standardize import mean_and_variance
from tf_tricks.errors import RequestError

_CHUNK = 64


class Look(NamedTuple):
    """How pictures come out.

    Attributes:
        height: in pixels.
        width: in pixels.
        resize: one of `RESIZES`.
        channels: 1 or 3.
        seed: of the random windows.
    """

    height: int
    width: int
    resize: str
    channels: int
    seed: int

    @property
    def bytes(self) -> int:
        """Of a picture, decoded."""
        return self.height * self.width * self.channels


class Pictures(NamedTuple):
    """Pictures in files and their classes.

    Attributes:
        folder: local or remote.
        paths: relative to it.
        classes: integers, one for each.
    """

    folder: epath.Path
    paths: Sequence[str]
    classes: Sequence[int]

    def without(self, damaged: Container[str]) -> "Pictures":
        """Returns those that are not among the paths `damaged`."""
        kept = [(path, label) for path, label in zip(self.paths, self.classes) if path not in damaged]
        return Pictures(self.folder, [path for path, _ in kept], [label for _, label in kept])

    def files(self) -> ImageFiles:
        """Returns them as `EncodedSource` reads them."""
        return ImageFiles([os.path.join(os.fspath(self.folder), path) for path in self.paths], self.classes)

    def damage(self) -> dict[str, str]:
        """Returns those that cannot be decoded, by path, with the reason: decodes all."""
        whole = [os.path.join(os.fspath(self.folder), path) for path in self.paths]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            reasons = threads.map(pictures.damage, whole)
            return {path: reason for path, reason in zip(self.paths, reasons) if reason is not None}


def make_splits(
    name: str,
    parts: Mapping[str, Pictures],
    names: Sequence[str],
    damaged: dict[str, str],
    look: Look,
    validation_fraction: float | None,
    max_corrupt: int,
    memory_budget: float,
    seed: int,
) -> Splits:
    """Returns the `Splits` of pictures.

    Args:
        name: of the data set.
        parts: the pictures of `train` and, if there are any, of `validation` and `test`.
        names: of the classes.
        damaged: the damaged pictures that were left out of the parts, by path, with the reason.
        look: how they come out.
        validation_fraction: the part of the training pictures that is held out; None for 0.1, or 0 where there is a
            validation part.
        max_corrupt: how many damaged ones may be left out.
        memory_budget: bytes that decoded pictures may take.
        seed: determines which are held out.

    Raises:
        RequestError: too many pictures are damaged, or validation pictures are given twice.
    """
    if "validation" in parts and validation_fraction:
        raise RequestError(
            f"validation_fraction={validation_fraction} and a validation part of its own cannot both be given"
        )
    left_out = leave_out(damaged, max_corrupt)
    total = sum(len(part.paths) for part in parts.values()) * look.bytes
    in_memory = look.resize != "random_resized_crop" and total <= memory_budget
    if in_memory:
        found, sources = _decoded_parts(name, parts, look, names)
        if found:
            left_out = leave_out(damaged | found, max_corrupt)
            parts = {part: pictures.without(found) for part, pictures in parts.items()}
            sources = _decoded_parts(name, parts, look, names)[1]
    else:
        sources = {part: _encoded(pictures, look, names, part == "train") for part, pictures in parts.items()}
    where = f"decoded into {tqdm.format_sizeof(total, 'B')} of memory" if in_memory else "decoded as they are needed"
    number = sum(source.num_examples for source in sources.values())
    note = f"{name}: {number:,} pictures of {len(names)} classes, {where}" + (f"; {left_out}" if left_out else "")

    # Held out are pictures as evaluation sees them; of these are the statistics, too.
    fraction = validation_fraction if validation_fraction is not None else 0 if "validation" in parts else 0.1
    train = sources["train"]
    rows, validation_rows = carve(train.num_examples, fraction, seed, np.asarray(parts["train"].classes))
    seen = train if in_memory else _encoded(parts["train"], look, names, training=False)
    validation = sources.get("validation") if validation_rows is None else seen.subset(validation_rows)
    sample = rows if in_memory else rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype("int64")]
    moments = mean_and_variance(seen.subset(sample), chunk=_CHUNK)
    return Splits(train.subset(rows), validation, sources.get("test"), *moments, name, note=note)


def _decoded_parts(name, parts, look, names):
    """Returns (damaged pictures by path, with the reason; the sources of the parts if there are none)."""
    try:
        return {}, {part: _decoded(pictures, look, names) for part, pictures in parts.items()}
    except tf.errors.OpError as error:  # damaged in the middle, which shows only here
        found = {path: reason for pictures in parts.values() for path, reason in pictures.damage().items()}
        if not found:
            raise RequestError(f"the pictures in {name!r} cannot be decoded: {error.message}") from error
        return found, {}


def _encoded(pictures, look, names, training):
    size = look.height, look.width
    decode = decoders(look.resize, look.seed, size)[0 if training else 1]
    return EncodedSource(pictures.files(), decode, size, len(names), names, look.channels)


def _decoded(pictures, look, names):
    source = _encoded(pictures, look, names, training=False)
    images = aligned_empty((source.num_examples, *source.input_shape), "uint8")
    done = 0
    with tqdm(total=len(images), desc="decoding", unit=" pictures", disable=None, delay=2, leave=False) as progress:
        for some, _ in in_order(source, _CHUNK):
            images[done : done + len(some)] = some
            done += len(some)
            progress.update(len(some))
    return ArraySource(images, np.asarray(pictures.classes, "int32"), None, len(names), names)
