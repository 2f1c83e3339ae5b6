"""What a run's model takes and gives, as config.json keeps it: prediction needs neither data nor loss then."""

from collections.abc import Mapping
from typing import Any

import keras

from tf_tricks.data.input_spec import InputSpec, spec_of
from tf_tricks.training.outputs import Output, outputs_of


def signature(model: keras.Model, source: Any) -> dict[str, Any]:
    """Returns `inputs` and `outputs` for config.json.

    Args:
        model: whose losses are built.
        source: of the training examples.
    """
    spec = spec_of(source)
    return {
        "inputs": None if spec is None else spec._asdict(),
        "outputs": [output._asdict() for output in outputs_of(model, source)],
    }


def kept(content: Mapping[str, Any]) -> tuple[InputSpec | None, list[Output] | None]:
    """Returns what a run's config.json holds of it; None where it holds nothing, as those of earlier releases.

    Args:
        content: from `workdir.read`.
    """
    inputs, outputs = content.get("inputs"), content.get("outputs")
    return inputs and InputSpec(**inputs), outputs and [Output(**output) for output in outputs]
