"""Data that a finished run has not seen, with labels, as its model takes them: arrays, pictures or a table."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tf_tricks.commands import finished_run, run_files
from tf_tricks.commands.finished_run import FinishedRun
from tf_tricks.data import Source, columns
from tf_tricks.data.columns import Columns
from tf_tricks.data.labeled_pictures import read_labeled
from tf_tricks.data.picture_form import form_of
from tf_tricks.data.table_roles import roles_of
from tf_tricks.errors import RequestError
from tf_tricks.storage import path_of
from tf_tricks.training import workdir
from tf_tricks.training.outputs import ONE_CLASS, TWO_CLASSES
from tf_tricks.training.signature import kept

_TABLES = ("csv", "parquet")


class LabeledData(NamedTuple):
    """Labeled data.

    Attributes:
        source: of the examples.
        said: lines for the user, on what was done to the inputs that nobody asked for.
    """

    source: Source
    said: Sequence[str] = ()


def check(path: str) -> None:
    """Raises a `RequestError` unless there is something at a path, and of a kind that `read` knows."""
    place = path_of(path)
    if not place.exists():
        raise RequestError(f"there is no file or folder {path!r} to evaluate on")
    if not place.is_dir() and place.suffix.lower() not in (".npz", *columns.SUFFIXES):
        kinds = ", ".join((".npz", *columns.SUFFIXES[:-1]))
        raise RequestError(
            f"{path!r} must be a folder of pictures, a sub-folder for each class, or a file {kinds} or "
            f"{columns.SUFFIXES[-1]}"
        )


def read(path: str, folder: Any, config: Mapping[str, Any] | None, run: FinishedRun) -> LabeledData:
    """Returns the `LabeledData` at a path.

    Args:
        path: an .npz with the arrays x and y and, if there are weights, w; a folder of pictures with a sub-folder for
            each class; or a table with the columns of the run's own.
        folder: the run's, an `etils.epath.Path`.
        config: its resolved config, or None of a run of `Trainer.fit`.
        run: the run.

    Raises:
        RequestError: the data cannot be read, or are not what the run was trained on.
    """
    place = path_of(path)
    if place.is_dir():
        return _pictures(place, folder, config, run)
    if place.suffix.lower() in columns.SUFFIXES:
        return LabeledData(_table(path, folder, config, run))
    return LabeledData(finished_run.source_of(path, run_files.class_names(folder)))


def _pictures(place, folder, config, run):
    spec, outputs = kept(workdir.read(folder))
    of_one_class = outputs is not None and len(outputs) == 1 and outputs[0].task in (ONE_CLASS, TWO_CLASSES)
    if not of_one_class or outputs[0].shape:
        raise RequestError(
            f"sub-folders say the class of each picture, and the run in {folder} keeps no names of classes: give the "
            "labels as numbers, in an .npz with the arrays x and y"
        )
    form = form_of(config, run.model, spec)
    return LabeledData(read_labeled(place, form, outputs[0].classes), form.said)


def _table(path, folder, config, run):
    data = {} if config is None or not hasattr(config["data"], "items") else config["data"]
    if data.get("name") not in _TABLES:
        raise RequestError(
            f"the run in {folder} was not trained on a table by its config, so what the columns of {path!r} are to it "
            "is not known: give arrays, in an .npz with x and y"
        )
    roles = roles_of(data, run.splits.train)
    return roles.source(*roles.examples(Columns(path, data.get("fill"))))
