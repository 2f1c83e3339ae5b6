"""Columns of CSV and Parquet files as arrays, with what is missing named by its column and row."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.errors import RequestError, unknown
from tf_tricks.storage import StorageError, path_of

SUFFIXES = (".csv", ".tsv", ".parquet")
"""What the names of tables end with."""


class Columns:
    """The columns of a file, each an array when it is asked for.

    Args:
        file: a .csv or .tsv with a line of names, or a .parquet; local or remote.
        fill: dict of column to what stands in for its missing values.

    Raises:
        RequestError: there is no such file, or it cannot be read.
    """

    def __init__(self, file: str | os.PathLike[str], fill: Mapping[str, Any] | None = None):
        self.file, self._fill = os.fspath(file), dict(fill or {})
        self._table = _read(path_of(file))
        self.names: list[str] = self._table.column_names
        self.num_rows: int = self._table.num_rows
        for name in self._fill:
            self.check(name)

    def check(self, name: str) -> None:
        """Raises a `RequestError` if there is no column of this name."""
        if name not in self.names:
            raise unknown(f"column in {self.file!r} called", name, self.names)

    def is_text(self, name: str) -> bool:
        """Returns whether a column holds texts."""
        import pyarrow

        self.check(name)
        kind = self._table.column(name).type
        kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
        return pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)

    def is_integer(self, name: str) -> bool:
        """Returns whether a column holds integers."""
        import pyarrow

        self.check(name)
        return pyarrow.types.is_integer(self._table.column(name).type)

    def numbers(self, name: str) -> np.ndarray:
        """Returns a column as float32 [n].

        Raises:
            RequestError: it holds no numbers, or lacks some.
        """
        import pyarrow

        column = self._whole(name)
        kind = column.type
        known = pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_boolean(kind)
        if not known:
            example = f", such as {str(column[0].as_py())!r}" if len(column) else ""
            raise RequestError(f"the column {name!r} of {self.file!r} holds {kind}, no numbers{example}")
        values = column.to_numpy().astype("float32")
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise RequestError(f"the column {name!r} of {self.file!r} is not finite {self._place(wrong[0])}")
        return values

    def texts(self, name: str) -> np.ndarray:
        """Returns a column as texts, objects [n]: numbers as they are written.

        Raises:
            RequestError: it lacks some.
        """
        import pyarrow

        column = self._whole(name)
        if pyarrow.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return np.array([str(value) for value in column.to_pylist()], object)

    def _whole(self, name):
        """A column without missing values."""
        import pyarrow
        import pyarrow.compute

        self.check(name)
        column = self._table.column(name)
        if pyarrow.types.is_floating(column.type):
            column = pyarrow.compute.if_else(pyarrow.compute.is_nan(column), None, column)
        if column.null_count and name in self._fill:
            value = self._fill[name]
            if pyarrow.types.is_integer(column.type) and isinstance(value, float) and value != int(value):
                column = column.cast(pyarrow.float64())
            try:
                column = column.fill_null(pyarrow.scalar(value, column.type))
            except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
                raise RequestError(f"fill has {value!r} for the column {name!r}, which holds {column.type}") from error
        if column.null_count:
            first = int(np.flatnonzero(column.is_null().to_numpy())[0])
            more = f", and {column.null_count - 1} more" if column.null_count > 1 else ""
            raise RequestError(
                f"the column {name!r} of {self.file!r} has no value {self._place(first)}{more}: say what stands in for "
                f"missing values, fill={{{name!r}: …}}, or leave the column out of the inputs"
            )
        return column

    def _place(self, row):
        """A row in words: in a text file the line, which an editor shows."""
        return f"in row {row + 1}" if self.file.endswith(".parquet") else f"in row {row + 1} (line {row + 2})"


def _read(path):
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"a table must be a .csv, .tsv or .parquet file, not {os.fspath(path)!r}")
    if not path.is_file():
        raise RequestError(f"there is no table {os.fspath(path)!r}")
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".parquet":
                table = pyarrow.parquet.read_table(pyarrow.BufferReader(file.read()))
            else:
                parse = pyarrow.csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
                convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
                table = pyarrow.csv.read_csv(file, parse_options=parse, convert_options=convert)
    except StorageError:
        raise
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{os.fspath(path)!r} cannot be read as a table: {str(error).splitlines()[0]}") from error
    twice = [name for name in table.column_names if table.column_names.count(name) > 1]
    if twice:
        raise RequestError(f"{os.fspath(path)!r} has two columns called {twice[0]!r}")
    if not table.num_rows:
        raise RequestError(f"{os.fspath(path)!r} has no rows")
    return table


def listed(names: str | Sequence[str] | None) -> list[str]:
    """Returns one name, several or none as a list."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)
