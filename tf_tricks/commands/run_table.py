"""Runs as a table: what differs between them, how far they are, and their results; a row a run, or a row a group."""

import csv
import io
import itertools
import json
import math
import re
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf_tricks.commands.found_runs import FoundRun
from tf_tricks.errors import unknown


class Spread(NamedTuple):
    """A result over several runs.

    Attributes:
        mean: over the runs.
        deviation: the standard deviation over them, with n − 1; None of a single run.
    """

    mean: float
    deviation: float | None


class Table(NamedTuple):
    """Rows with named columns.

    Attributes:
        columns: their names, in order.
        rows: dicts of column to value; what a row lacks is left out.
    """

    columns: list[str]
    rows: list[dict[str, Any]]


def of_runs(runs: Sequence[FoundRun]) -> Table:
    """Returns a row for each run: its name, the settings that differ, how far it is, and its results."""
    settings = differing(runs)
    rows = []
    for run in runs:
        row = {"name": run.name} | {_column(key): run.settings[key] for key in settings if key in run.settings}
        rows.append(row | {"epochs_trained": run.epochs_trained, "finished": run.finished} | run.results)
    return Table(["name", *map(_column, settings), "epochs_trained", "finished", *_result_columns(runs)], rows)


def of_groups(runs: Sequence[FoundRun]) -> Table:
    """Returns a row for each group of runs that differ by their seed only, with the mean and spread of their results.

    They are those of its finished runs, of which there are n; a result that one of these lacks is left out.
    """
    groups: dict[str, list[FoundRun]] = {}
    for run in runs:
        rest = {key: value for key, value in run.settings.items() if key != "seed"}
        groups.setdefault(json.dumps([rest, run.is_of_config, run.others], sort_keys=True), []).append(run)
    settings = [key for key in differing(runs) if key != "seed"]
    results = _result_columns(runs)
    rows = []
    for group in groups.values():
        finished = [run for run in group if run.finished]
        row = {"name": _name_of(group)} | {_column(k): group[0].settings[k] for k in settings if k in group[0].settings}
        row |= {"n": len(finished), "unfinished": len(group) - len(finished)}
        for column in results:
            if finished and all(column in run.results for run in finished):
                row[column] = spread([run.results[column] for run in finished])
        rows.append(row)
    return Table(["name", *map(_column, settings), "n", "unfinished", *results], rows)


def differing(runs: Sequence[FoundRun]) -> list[str]:
    """Returns the settings that are not the same in all runs.

    What `Trainer.fit` keeps is not what a config has: a setting that only one of the two knows is compared among its
    own runs.
    """
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    return [key for key in keys if len({_comparable(value) for value in _values(runs, key)}) > 1]


def spread(values: Sequence[float]) -> Spread:
    """Returns the mean of values and their standard deviation, with n − 1.

    Example:
        >>> spread([1.0, 2.0, 3.0])
        Spread(mean=2.0, deviation=1.0)
    """
    if not all(map(math.isfinite, values)):
        return Spread(math.nan, None if len(values) == 1 else math.nan)
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def ordered(table: Table, by: str) -> Table:
    """Returns the table with its rows in the order of a column, numbers before texts, empty ones last.

    Args:
        table: `Table`.
        by: the column's name; with a minus before it, from the largest down.

    Raises:
        RequestError: there is no such column.
    """
    column = by.removeprefix("-")
    if column not in table.columns:
        raise unknown("column", column, table.columns)
    filled = [row for row in table.rows if not _is_empty(row.get(column))]
    empty = [row for row in table.rows if _is_empty(row.get(column))]
    filled.sort(key=lambda row: _order(row[column]), reverse=by.startswith("-"))
    return Table(table.columns, filled + empty)


def as_text(table: Table) -> str:
    """Returns the table as aligned text; results have four digits."""
    cells = [table.columns] + [[_shown(row.get(column), column) for column in table.columns] for row in table.rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(table.columns))]
    right = [all(_is_number(row.get(column)) for row in table.rows) for column in table.columns]
    lines = []
    for line in cells:
        padded = [cell.rjust(width) if r else cell.ljust(width) for cell, width, r in zip(line, widths, right)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def as_csv(table: Table) -> str:
    """Returns the table as CSV, numbers in full; the deviation of a result has a column of its own, `…_std`."""
    spreads = {c for c in table.columns if any(isinstance(row.get(c), Spread) for row in table.rows)}
    columns = [name for c in table.columns for name in ([c, f"{c}_std"] if c in spreads else [c])]
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        written: dict[str, Any] = {}
        for column, value in row.items():
            if isinstance(value, Spread):
                written |= {column: value.mean, f"{column}_std": value.deviation}
            else:
                written[column] = json.dumps(value) if isinstance(value, (list, dict)) else value
        writer.writerow(written)
    return file.getvalue()


def _values(runs, key):
    """The values that a setting has, None where a run does not say it, among the runs of the kinds that know it."""
    for kind in (True, False):
        same = [run for run in runs if run.is_of_config == kind]
        if any(key in run.settings for run in same):
            yield from (run.settings.get(key) for run in same)


def _comparable(value):
    return json.dumps(value) if isinstance(value, (list, dict, bool)) else value


def _column(key):
    """A setting's column; the others are `name`, `n`, those of the progress and those of the results."""
    own = ("name", "n", "unfinished", "epochs_trained", "finished")
    return f"settings.{key}" if key in own or _is_result(key) else key


def _is_result(column):
    return bool(re.match("(best_)?(val|test)_", column))


def _result_columns(runs):
    """`val_` and `best_val_` of each metric, then `test_`."""
    found = dict.fromkeys(column for run in runs for column in run.results)
    return sorted(found, key=lambda column: column.startswith("test_"))


def _name_of(group):
    """What the names of a group's runs share, with a star where they differ."""
    names = [run.name for run in group]
    if len(names) == 1:
        return names[0]
    start = _shared_start(names)
    end = _shared_start([name[len(start) :][::-1] for name in names])[::-1]
    return f"{start}*{end}" if start or end else f"{names[0]}, …"


def _shared_start(texts):
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*texts))
    return "".join(letters[0] for letters in same)


def _is_empty(value):
    if isinstance(value, Spread):
        value = value.mean
    return value is None or (isinstance(value, float) and math.isnan(value))


def _order(value) -> Any:
    if isinstance(value, Spread):
        value = value.mean
    if isinstance(value, (int, float)):
        return 0, float(value), []
    parts = re.split(r"(\d+)", value if isinstance(value, str) else json.dumps(value))
    return 1, 0.0, [(int(part) if part.isdigit() else -1, part) for part in parts]  # run2 before run10


def _is_number(value):
    return value is None or (isinstance(value, (int, float, Spread)) and not isinstance(value, bool))


def _shown(value, column):
    if isinstance(value, Spread):
        return f"{value.mean:.4g}" + ("" if value.deviation is None else f" ± {value.deviation:.2g}")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and (_is_result(column) or column == "epochs_trained"):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
