"""Whether a metric is to rise or to fall, by its name."""

from collections.abc import Mapping


def direction_of(metric: str, known: Mapping[str, str]) -> str | None:
    """Returns whether a metric is to go "up" or "down", or None where nobody knows.

    Args:
        metric: as in the log: of several outputs, with its output's name before its own; of several classes, with the
            class's number behind it.
        known: what the run has kept of its metrics; earlier runs have kept nothing.

    Example:
        >>> [direction_of(name, {"f1": "up"}) for name in ("left_f1", "f1/3", "right_loss", "val_accuracy", "mine")]
        ['up', 'up', 'down', 'up', None]
    """
    name = metric.split("/")[0]
    known = {"loss": "down", "accuracy": "up"} | dict(known)
    fitting = [key for key in known if name == key or name.endswith(f"_{key}")]
    return known[max(fitting, key=len)] if fitting else None
