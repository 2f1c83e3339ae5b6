"""A run's settings: nested as a config has them, flat as tables and TensorBoard show them."""

import math
from collections.abc import Mapping
from typing import Any


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested settings as one dict: `{"optimizer": {"name": "sgd"}}` is `{"optimizer.name": "sgd"}`.

    What is None is left out.

    Example:
        >>> flattened({"l2": 0.0, "optimizer": {"name": "lars"}, "callbacks": [{"name": "monitor"}], "seed": None})
        {'l2': 0.0, 'optimizer.name': 'lars', 'callbacks.0.name': 'monitor'}
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, (list, tuple)) and any(hasattr(v, "items") for v in value):
            value = dict(enumerate(value))
        if hasattr(value, "items"):
            flat |= flattened(value, f"{prefix}{key}.")
        elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat
