"""The columns of a table in a CSV or Parquet file, as NumPy arrays."""

from typing import Any

import numpy as np

from tf_tricks.errors import RequestError


def read_columns(path: Any) -> dict[str, np.ndarray]:
    """Returns a dict of each column's name to its numbers or texts, an array [n].

    Args:
        path: `etils.epath.Path` of a .csv or .parquet file.

    Raises:
        RequestError: it cannot be read, or a cell is empty.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    read = pyarrow.csv.read_csv if path.suffix.lower() == ".csv" else pyarrow.parquet.read_table
    try:
        with path.open("rb") as file:
            table = read(file)
    except (OSError, pa.ArrowException) as error:
        raise RequestError(f"{str(path)!r} cannot be read as a table: {str(error).splitlines()[0]}") from error
    for name in table.column_names:
        if table[name].null_count:
            raise RequestError(f"the column {name} of {str(path)!r} has {table[name].null_count} empty cells")
    return {name: _as_array(table[name]) for name in table.column_names}


def _as_array(column):
    values = column.to_numpy()
    return values.astype(str) if values.dtype.kind == "O" else values
