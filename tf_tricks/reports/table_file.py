"""Files of predictions, written batch by batch and there only once they are whole: CSV, Parquet, NumPy's archives."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from etils import epath

from tf_tricks.errors import RequestError, RunError
from tf_tricks.reports.columns import TEXT
from tf_tricks.storage import atomic

SUFFIXES = (".csv", ".parquet", ".npz")

_AT_ONCE = 2**18  # cells of a table


class Writer(Protocol):
    """Takes one batch after the other."""

    def write(self, columns: Mapping[str, Any]) -> None:
        """Writes a batch: each column's or array's values by its name."""


@contextlib.contextmanager
def opened(path: epath.Path, columns: Mapping[str, str], constants: Mapping[str, Any]) -> Iterator[Writer]:
    """Opens a file of predictions; it has its name when this context ends well, else there is none.

    Args:
        path: with one of `SUFFIXES`; may be remote.
        columns: of a table, by name, what each holds, `TEXT` or a number; "key" may be integers.
        constants: arrays that are no batch's, of an .npz.

    Yields:
        What writes the batches.

    Raises:
        RequestError: there can be no such file.
        RunError: the disk refuses what is written.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(atomic(path))
        except OSError as error:
            raise RequestError(_refused(path, error)) from error
        try:
            with stack.pop_all():
                if path.suffix.lower() == ".npz":
                    arrays = _Arrays()
                    yield arrays
                    arrays.save(file, constants)
                else:
                    with _table(path, file, columns) as table:
                        yield table
        except OSError as error:
            raise RunError(_refused(path, error)) from error


def _refused(path, error):
    return f"the predictions cannot be written to {path}: {error.strerror or error}"


class _Arrays:
    """Gathers arrays: an archive is written at its end."""

    def __init__(self):
        self._parts: dict[str, list[np.ndarray]] = {}

    def write(self, columns):
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(np.asarray(values))

    def save(self, file, constants):
        arrays = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        np.savez(file, **arrays, **constants)


class _Table:
    """Writes batches by a writer of pyarrow, some at a time: each time makes a group of rows in a Parquet file."""

    def __init__(self, writer, schema):
        self._writer, self._schema = writer, schema
        self._waiting: list[Any] = []

    def write(self, columns):
        import pyarrow as pa

        arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in self._schema]
        self._waiting.append(pa.Table.from_arrays(arrays, schema=self._schema))
        if sum(table.num_rows for table in self._waiting) * len(self._schema) >= _AT_ONCE:
            self.flush()

    def flush(self):
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._waiting = []


@contextlib.contextmanager
def _table(path, file, columns):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    types = {TEXT: pa.string(), "integer": pa.int64()}
    schema = pa.schema([(name, types.get(what, pa.float32())) for name, what in columns.items()])
    make = pyarrow.csv.CSVWriter if path.suffix.lower() == ".csv" else pyarrow.parquet.ParquetWriter
    with make(file, schema) as writer:
        table = _Table(writer, schema)
        yield table
        table.flush()


def constants_of(outputs: Sequence[Any]) -> dict[str, np.ndarray]:
    """Returns the names of the classes of each output that has some, as arrays for an .npz."""
    return {
        f"{output.name}_classes" if output.name else "classes": np.array(output.classes)
        for output in outputs
        if output.classes
    }
