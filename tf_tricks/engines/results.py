"""The results of a compiled model's metrics."""

from typing import Any

import keras
import numpy as np


def results(model: keras.Model) -> dict[str, Any]:
    """Returns a dict of each metric of a compiled model, with Keras's names: floats, or arrays where Keras has such."""
    found = {"loss": 0.0}
    for name, value in model.get_metrics_result().items():
        array = np.asarray(value)
        found[name] = array.item() if array.ndim == 0 else array  # type: ignore[assignment]
    return found
