"""The table of a model's parameters that a run begins with."""

import math
from typing import Any


def parameter_table(model: Any, most_rows: int = 24) -> str:
    """Returns a table of the layers that hold weights: name, type, output shape, parameters.

    Args:
        model: a built `keras.Model`.
        most_rows: in a longer table the middle is left out.
    """
    rows = [
        (layer.name, type(layer).__name__, str(_output_shape(layer)), f"{layer.count_params():,}")
        for layer in model._flatten_layers(include_self=False)
        if layer.weights and not getattr(layer, "layers", None)
    ]
    if len(rows) > most_rows:
        half = most_rows // 2
        left_out = f"… {len(rows) - 2 * half} more layers"
        rows = rows[:half] + [(left_out, "", "", "")] + rows[-half:]
    rows = [("layer", "type", "output", "parameters"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows]
    trainable = sum(math.prod(v.shape) for v in model.trainable_variables)
    return "\n".join([*lines, f"{model.count_params():,} parameters, {trainable:,} of them trained"])


def _output_shape(layer):
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):
        return ""
