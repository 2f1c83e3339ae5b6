"""Which picture is of which class and in which part: said by the folders, or by a table."""

import csv
import os
from collections.abc import Sequence

from etils import epath

from tf_tricks.errors import RequestError, unknown

_PARTS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}

Parts = dict[str, tuple[list[str], list[int]]]
"""For each part of the data the paths of its pictures, relative to the folder, and their classes."""


def of_folders(folder: epath.Path, paths: Sequence[str]) -> tuple[Parts, list[str]]:
    """Returns the parts and the names of the classes: `CLASS/…/picture`, or `PART/CLASS/…/picture`.

    Args:
        folder: for the sentences.
        paths: of all pictures, relative to the folder, sorted.

    Raises:
        RequestError: a picture is in no folder of a class, or there is a class that training has not.

    Example:
        >>> of_folders("pets", ["cat/1.jpg", "dog/a/2.jpg"])
        ({'train': (['cat/1.jpg', 'dog/a/2.jpg'], [0, 1])}, ['cat', 'dog'])
    """
    tops = {path.split("/")[0] for path in paths}
    in_parts = "train" in tops and tops <= _PARTS.keys()
    labeled: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        part, *rest = path.split("/") if in_parts else ["train", *path.split("/")]
        if len(rest) < 2:
            raise RequestError(
                f"{_is_loose(folder, path)}, or say the labels in a CSV file, labels='labels.csv' with the columns "
                "file and label"
            )
        labeled.setdefault(_PARTS[part], []).append((path, rest[0]))
    return _numbered(labeled)


def classes_of(folder: epath.Path, paths: Sequence[str], names: Sequence[str]) -> list[int]:
    """Returns the class of each picture, the place of its sub-folder's name among those of a run's classes.

    Args:
        folder: for the sentences.
        paths: of all pictures, relative to the folder.
        names: of the classes, in the order of their numbers.

    Raises:
        RequestError: a picture is in no folder of a class, or it is none of these classes.

    Example:
        >>> classes_of("pets", ["cow/1.jpg", "cat/a/2.jpg"], ["cat", "dog", "cow"])
        [2, 0]
    """
    number = {name: i for i, name in enumerate(names)}
    classes = []
    for path in paths:
        name, *rest = path.split("/")
        if not rest:
            raise RequestError(_is_loose(folder, path))
        if name not in number:
            raise unknown(f"class of the run for the sub-folder in {os.fspath(folder)!r} called", name, names)
        classes.append(number[name])
    return classes


def of_table(folder: epath.Path, table: str | os.PathLike[str], paths: Sequence[str]) -> tuple[Parts, list[str]]:
    """Returns the parts and the names of the classes as a CSV file says them.

    Args:
        folder: of the pictures.
        table: the file, relative to the folder; columns `file`, `label` and, if it says so, `split`.
        paths: of all pictures, relative to the folder.

    Raises:
        RequestError: the file or a column is missing, or it names a picture that is not there.
    """
    file = folder / os.path.expanduser(os.fspath(table))
    if not file.exists():
        raise RequestError(f"there is no table of labels {os.fspath(file)!r}")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    columns = list(rows[0]) if rows else []
    for column in ("file", "label"):
        if column not in columns:
            raise RequestError(f"{os.fspath(file)!r} has no column {column}; it has {', '.join(columns) or 'no rows'}")
    there = set(paths)
    labeled: dict[str, list[tuple[str, str]]] = {}
    for number, row in enumerate(rows, start=2):
        for column in ("file", "label"):
            if not row[column]:
                raise RequestError(f"{os.fspath(file)!r} has no {column} in line {number}")
        path = os.path.normpath(row["file"])
        if path not in there:
            raise RequestError(f"{os.fspath(file)!r}, line {number}: there is no picture {row['file']!r} in the folder")
        part = row.get("split") or "train"
        if part not in _PARTS:
            raise unknown(f"split in line {number} of {os.fspath(file)!r} called", part, _PARTS)
        labeled.setdefault(_PARTS[part], []).append((path, row["label"].strip()))
    if "train" not in labeled:
        raise RequestError(f"{os.fspath(file)!r} has no pictures to train on")
    return _numbered(labeled)


def _is_loose(folder, path):
    return f"the picture {path} in {os.fspath(folder)!r} is in no sub-folder of a class: make one for each class"


def _numbered(labeled):
    names = sorted({label for _, label in labeled["train"]}, key=lambda label: (_as_number(label), label))
    if [_as_number(name) for name in names] != list(range(len(names))):
        names = sorted(names)  # as Keras does
    number = {name: i for i, name in enumerate(names)}
    parts = {}
    for part, examples in labeled.items():
        for path, label in examples:
            if label not in number:
                raise unknown(f"class among the training pictures for {path}", label, names)
        parts[part] = [path for path, _ in examples], [number[label] for _, label in examples]
    return parts, names


def _as_number(label):
    """0, 1, 2, … are themselves, wherever they are as texts in the alphabet."""
    return int(label) if label.isdecimal() and str(int(label)) == label else -1
