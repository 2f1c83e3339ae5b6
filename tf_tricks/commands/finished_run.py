"""A finished run: its config, its model and what it was trained with."""

import dataclasses
from typing import Any

import keras

from tf_tricks.commands import run_files
from tf_tricks.config import parts
from tf_tricks.data import ArraySource, Source, Splits
from tf_tricks.data.archive import read_archive
from tf_tricks.errors import RequestError, unknown
from tf_tricks.training import saved_model
from tf_tricks.training.trainer import Trainer


@dataclasses.dataclass
class FinishedRun:
    """A finished run.

    Attributes:
        model: that it has left.
        arguments: dict of the trainer's other arguments.
        splits: its data; None of a run of `Trainer.fit`, whose data only its program knows.
    """

    model: keras.Model
    arguments: dict[str, Any]
    splits: Splits | None

    def trainer(self, **others: Any) -> Trainer:
        """Returns the trainer of the model, with other arguments where they are given."""
        return Trainer(self.model, **(self.arguments | others))


def read_config(folder: Any) -> dict[str, Any] | None:
    """Returns the resolved config of the finished run in `folder`, or None of a run of `Trainer.fit`.

    Raises:
        RequestError: there is no run, or it has not left a model.
    """
    config = run_files.read_config(folder)
    run_files.check_finished(folder)
    return config


def check_checkpoint(checkpoint: str) -> None:
    """Raises a `RequestError` unless this names one of the models that a run leaves."""
    if checkpoint not in saved_model.FILES:
        raise unknown("checkpoint", checkpoint, saved_model.FILES)


def load(folder: Any, config: dict[str, Any] | None, strategy: Any, checkpoint: str = "last") -> FinishedRun:
    """Returns the run in `folder`.

    Args:
        folder: the run's.
        config: from `read_config`; None of a run of `Trainer.fit`, whose model was saved with its loss and metrics.
        strategy: a `tf.distribute.Strategy`.
        checkpoint: `"last"` or `"best"`, which of the models that it has left.

    Raises:
        RequestError: there is no such model, or its loss is its program's own.
    """
    if config is not None:
        with strategy.scope():
            model = saved_model.load(folder, compile=False, checkpoint=checkpoint)
        built = parts.build(config, strategy, model=model)
        return FinishedRun(model, built.trainer_arguments, built.splits)
    with strategy.scope():
        model = saved_model.load(folder, compile=True, checkpoint=checkpoint)
    if model.loss is None:
        raise RequestError(
            f"the model in {folder} was trained with a loss of its program's own, which is not saved with it: "
            "evaluate it there"
        )
    return FinishedRun(model, {"strategy": strategy}, None)


def source_of(file: str, class_names: list[str] | None = None) -> Source:
    """Returns the source of the arrays x, y and, if there are weights, w of an .npz.

    Args:
        file: its path.
        class_names: names of the classes, or None.
    """
    found = read_archive(file, ("x", "y", "w"), needed=("x", "y"))
    return ArraySource(found["x"], found["y"], found.get("w"), label_names=class_names)
