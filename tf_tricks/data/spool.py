"""Examples that are too many for the memory, written once to ArrayRecord files in the cache."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from etils import epath

from tf_tricks.annotations import Structure
from tf_tricks.data.label_scan import LabelScan
from tf_tricks.data.record_source import RecordSource, encode, spec_as_text, spec_of_text
from tf_tricks.errors import RequestError

_PART_BYTES = 2**26
"""After so many bytes of examples a file is closed: what a kill can cost."""


class Spool:
    """A folder of ArrayRecord files, and a file that says which of them are whole.

    Args:
        folder: local; made when the first file is whole.
    """

    def __init__(self, folder: epath.PathLike):
        self.folder = epath.Path(folder)
        self._about: dict[str, Any] = {"parts": [], "complete": False}
        with contextlib.suppress(OSError, ValueError):
            self._about |= json.loads((self.folder / "spool.json").read_text())
        if not all(self._is_whole(part) for part in self._about["parts"]):
            self._about = {"parts": [], "complete": False}  # cut short or taken away: begun anew

    @property
    def complete(self) -> bool:
        """Whether all examples are there."""
        return self._about["complete"]

    @property
    def num_examples(self) -> int:
        """Examples in the files that are whole."""
        return sum(part["examples"] for part in self._about["parts"])

    @property
    def bytes(self) -> int:
        """Of the files that are whole."""
        return sum(part["bytes"] for part in self._about["parts"])

    def write(self, batches: Iterable[tuple[Structure, ...]], num_classes: int | None = None) -> Iterator[int]:
        """Writes batches behind the examples that are there, and yields how many examples each was.

        Args:
            batches: from where the files end; structures of arrays [b, ...].
            num_classes: classes, if there may be more than the labels show.

        Raises:
            RequestError: the examples differ in shape or dtype, or their labels cannot be used.
        """
        from array_record.python import array_record_module

        scan = LabelScan(num_classes, self._about.get("labels"))
        waiting: list[Any] = []
        size = 0
        for batch in batches:
            self._check(batch)
            scan.add(batch)
            records = encode(tf.nest.flatten(batch))
            waiting += records
            size += sum(map(len, records))
            if size >= _PART_BYTES:
                self._close(array_record_module, waiting, scan)
                waiting, size = [], 0
            yield len(records)
        if waiting:
            self._close(array_record_module, waiting, scan)
        if not self.num_examples:
            raise RequestError("a data set must hold at least one example, not none")
        self._about["complete"] = True
        self._keep()

    def source(self, label_names: Any = None, num_classes: int | None = None) -> RecordSource:
        """Returns the source of the examples, once all are there."""
        spec = spec_of_text(self._about["spec"])
        labels = LabelScan(num_classes, self._about["labels"]).labels() if len(spec) > 1 else None
        files = [self.folder / part["file"] for part in self._about["parts"]]
        return RecordSource(files, spec, _structured(spec, labels), label_names)

    def _check(self, batch):
        spec = spec_as_text(tf.nest.map_structure(_spec, batch))
        known = self._about.setdefault("spec", spec)
        if spec != known:
            raise RequestError(f"the examples differ in shape or dtype: {spec} behind {known}; bring them to one")

    def _close(self, array_record_module, records, scan):
        self.folder.mkdir(parents=True, exist_ok=True)
        file = f"part-{len(self._about['parts']):05}.array_record"
        partial = self.folder / f"{file}.{os.getpid()}.part"
        writer = array_record_module.ArrayRecordWriter(os.fspath(partial), "group_size:1")
        for record in records:
            writer.write(record)
        writer.close()
        partial.replace(self.folder / file)
        size = (self.folder / file).stat().length
        self._about["parts"].append({"file": file, "examples": len(records), "bytes": size})
        self._about["labels"] = scan.state()
        self._keep()

    def _keep(self):
        partial = self.folder / f"spool.json.{os.getpid()}.part"
        partial.write_text(json.dumps(self._about))
        partial.replace(self.folder / "spool.json")

    def _is_whole(self, part):
        file = self.folder / part["file"]
        return file.exists() and file.stat().length == part["bytes"]


def key_of(first: tuple[Structure, ...], number: int | None) -> str:
    """Returns a text that tells data sets apart: a digest of the first batch, its structure and their number."""
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{number} {spec_as_text(tf.nest.map_structure(_spec, first))}".encode())
    for record in encode([array[:64] for array in tf.nest.flatten(first)]):
        digest.update(record)
    return digest.hexdigest()


def _spec(array):
    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    return tf.TensorSpec(np.shape(array)[1:], dtype)


def _structured(spec, labels):
    if labels is None:
        return None
    return labels[0] if not tf.nest.is_nested(spec[1]) else tf.nest.pack_sequence_as(spec[1], labels)
