"""Keras's own classes, by names in snake case."""

import inspect
import re
from types import ModuleType


def classes_by_name(module: ModuleType, base: type) -> dict[str, type]:
    """Returns the subclasses of `base` in a module of Keras, keyed by their names in snake case.

    Example:
        >>> import keras
        >>> classes_by_name(keras.losses, keras.losses.Loss)["mean_squared_error"].__name__
        'MeanSquaredError'
    """
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    return {snake_case(name): value for name, value in found.items() if issubclass(value, base) and value is not base}


def plain(name: str) -> str:
    """Returns what all ways to write a name share: `"AdamW"` and `"adamw"`, as Keras has it, are `"adam_w"`."""
    return name.replace("_", "").lower()


def snake_case(name: str) -> str:
    """Returns the name of a class in snake case: `Conv2D` is `conv2d`, `AdamW` is `adam_w`."""
    if name.isupper():
        return name.lower()
    name = re.sub(r"(?<=[1-3])D", "d", name)  # as in Conv2D
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
