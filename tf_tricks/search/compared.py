"""By which result of the validation runs are compared, and whether it is to rise or to fall."""

from typing import Any

from tf_tricks.engines.results import results
from tf_tricks.errors import RequestError, unknown
from tf_tricks.training.directions import direction_of
from tf_tricks.training.metrics import directions


def compared(trainer: Any, validation: Any, metric: str | None, direction: str | None) -> tuple[str, str]:
    """Returns a name of the history, `"val_accuracy"`, and `"up"` or `"down"`, where it is better.

    Args:
        trainer: a `Trainer`, of which the results are.
        validation: its source, or None.
        metric: the name given; None for the first of the trainer's metrics, or the loss where it has none.
        direction: the one given; None for what Keras knows of the metric.

    Raises:
        RequestError: there is no validation, no such metric, or nobody knows its direction.
    """
    if validation is None:
        raise RequestError(
            "runs are compared on validation data, and the config has none: say --config.data.validation_fraction=0.1"
        )
    names = [f"val_{name}" for name in results(trainer.model)]
    names += [] if "val_loss" in names else ["val_loss"]
    metrics = [] if trainer.model._compile_metrics is None else trainer.model._compile_metrics.metrics
    known = {name: direction_of(name, directions(metrics)) for name in names}
    if metric is None:
        metric = next((name for name in names if known[name] and name != "val_loss"), "val_loss")
    if metric not in names:
        raise unknown("metric of the validation called", metric, names)
    if direction is None:
        direction = known[metric]
    if direction is None:
        raise RequestError(
            f"nobody knows whether {metric} is to rise or to fall: say --direction=up or --direction=down"
        )
    if direction not in ("up", "down"):
        raise unknown("direction", direction, ("up", "down"))
    return metric, direction
