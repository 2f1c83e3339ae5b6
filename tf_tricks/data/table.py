"""The data sets `csv` and `parquet`: the rows of a table, its columns the inputs by their names."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.data.columns import Columns, listed
from tf_tricks.data.splits import Splits, carve, check_fraction
from tf_tricks.data.table_roles import Roles
from tf_tricks.data.text_labels import names_of
from tf_tricks.errors import RequestError, unknown
from tf_tricks.registry import register

TASKS = ("classification", "regression")


@register("data", "csv")
@register("data", "parquet")
def table(
    path: str | os.PathLike[str],
    target: str | Sequence[str],
    inputs: Sequence[str] | None = None,
    categories: Sequence[str] = (),
    weight: str | None = None,
    task: str | None = None,
    fill: Mapping[str, Any] | None = None,
    validation: str | os.PathLike[str] | None = None,
    test: str | os.PathLike[str] | None = None,
    validation_fraction: float | None = None,
    seed: int = 0,
) -> Splits:
    """Returns the rows of a CSV or Parquet file: each column is an input by its name.

    Numbers are float32 [n, 1]; mean and variance of the training rows come with them, so that a model standardizes
    them. Texts, and the columns that `categories` names, are texts [n, 1], with the vocabulary of the training rows; a
    model looks them up, what is not in the vocabulary as unknown. `tt.models.mlp` does both, and so takes raw rows.

    Args:
        path: a .csv or .tsv with a line of names, or a .parquet; local or remote.
        target: the column to learn: texts are classes, real numbers values; of integers `task` must say which. Several
            columns of numbers are values, [n, d].
        inputs: the columns that are inputs; by default all others.
        categories: which of them are categories though they are numbers.
        weight: the column of what each example counts, or None.
        task: `"classification"` or `"regression"`; None for what the target shows.
        fill: dict of column to what stands in for its missing values; without it a missing value is named.
        validation: a file of validation rows, or None.
        test: a file of test rows, or None.
        validation_fraction: the part of the training rows that is held out, from 0 (none) to below 1; by default 0.1,
            or 0 where there is a validation file.
        seed: determines which.

    Raises:
        RequestError: a file or a column is missing, a value is missing or no number, or what the target is cannot be
            told.
    """
    if validation is not None and validation_fraction:
        raise RequestError(f"validation_fraction={validation_fraction} and a validation file cannot both be given")
    fraction = validation_fraction if validation_fraction is not None else 0.1 if validation is None else 0
    check_fraction(fraction)
    columns = Columns(path, fill)
    targets = listed(target)
    kept_out = {*targets, *listed(weight)}
    names = [name for name in columns.names if name not in kept_out] if inputs is None else listed(inputs)
    for name in [*names, *categories, *kept_out]:
        columns.check(name)
    if not names:
        raise RequestError(f"{os.fspath(path)!r} has no column beside {', '.join(sorted(kept_out))} to be an input")
    both = sorted(kept_out.intersection(names))
    if both:
        raise RequestError(f"the column {both[0]!r} cannot be an input and the target or weight at the same time")
    texts = [name for name in names if columns.is_text(name) or name in categories]
    roles = Roles(names, texts, targets, weight, _classes(columns, targets, task))
    found, labels, weights = roles.examples(columns)
    train = roles.source(found, labels, weights)
    others = {"validation": validation, "test": test}
    parts = {part: file and roles.source(*roles.examples(Columns(file, fill))) for part, file in others.items()}
    rows, validation_rows = carve(train.num_examples, fraction, seed, None if roles.classes is None else labels)
    if validation_rows is not None:
        train, parts["validation"] = train.subset(rows), train.subset(validation_rows)
    numbers = {name: found[name][rows].astype("float64") for name in names if name not in texts}
    return Splits(
        train,
        parts["validation"],
        parts["test"],
        mean={name: [values.mean()] for name, values in numbers.items()},
        variance={name: [values.var()] for name, values in numbers.items()},
        vocabulary={name: sorted(set(found[name][rows, 0])) for name in texts},
        name=os.path.basename(os.fspath(path)),
        note=f"{os.fspath(path)}: {columns.num_rows:,} rows, {len(names)} inputs, {len(texts)} of them categories",
    )


def _classes(columns, targets, task):
    """The names of the classes, None for regression."""
    if task is not None and task not in TASKS:
        raise unknown("task", task, TASKS)
    if len(targets) > 1:
        if task == "classification":
            raise RequestError("several targets are values: leave task='classification' out, or name one target")
        return None
    (target,) = targets
    if columns.is_integer(target) and task is None:
        raise RequestError(
            f"the target {target!r} is of integers, which may be classes or values: say task='classification' or "
            "task='regression'"
        )
    if columns.is_text(target):
        if task == "regression":
            raise RequestError(f"the target {target!r} is of texts, which are classes, not values to regress")
        return names_of(columns.texts(target))
    if task != "classification":
        return None
    if columns.is_integer(target):
        return [str(value) for value in sorted({int(value) for value in columns.texts(target)})]
    return names_of(columns.texts(target))
