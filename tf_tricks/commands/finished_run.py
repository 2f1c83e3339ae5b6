"""A finished run: its config, and its model in a trainer, as it was trained."""

from typing import Any

from tf_tricks.commands import parts, run_files
from tf_tricks.data import ArraySource, Source, Splits
from tf_tricks.data.sets import read_archive
from tf_tricks.errors import RequestError
from tf_tricks.training import saved_model, workdir
from tf_tricks.training.trainer import Trainer


def read_config(folder: Any) -> dict[str, Any] | None:
    """Returns the resolved config of the finished run in `folder`, or None of a run of `Trainer.fit`.

    Raises:
        RequestError: there is no run, or it has not left a model.
    """
    config = run_files.read_config(folder)
    if not workdir.finished_epochs(folder):
        raise RequestError(f"the run in {folder} is not finished: it has no model.keras yet; train it first")
    return config


def trainer_of_config(folder: Any, config: dict[str, Any], strategy: Any) -> tuple[Trainer, Splits]:
    """Returns the trainer of a run of `tf-tricks train`, and its data.

    Args:
        folder: the run's.
        config: dict from `read_config`.
        strategy: a `tf.distribute.Strategy`.
    """
    built = parts.build(config, strategy)
    with strategy.scope():
        model = saved_model.load(folder, compile=False)
    return Trainer(model, **built.trainer_arguments), built.splits


def trainer_of_python(folder: Any, strategy: Any) -> Trainer:
    """Returns a trainer of a run of `Trainer.fit`, with the loss and the metrics that its model was saved with.

    Args:
        folder: the run's.
        strategy: a `tf.distribute.Strategy`.

    Raises:
        RequestError: they are its program's own.
    """
    with strategy.scope():
        model = saved_model.load(folder, compile=True)
    if model.loss is None:
        raise RequestError(
            f"the model in {folder} was trained with a loss of its program's own, which is not saved with it: "
            "evaluate it there"
        )
    return Trainer(model, strategy=strategy)


def source_of(file: str) -> Source:
    """Returns the source of the arrays x, y and, if there are weights, w of an .npz."""
    found = read_archive(file, ("x", "y", "w"), needed=("x", "y"))
    return ArraySource(found["x"], found["y"], found.get("w"))
