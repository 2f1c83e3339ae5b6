"""Models from raw inputs to logits.

Unless an argument asks for a layer of `tf_tricks.layers`, they are made of Keras's own layers: a saved one then loads
without this package.
"""

from typing import Any

import keras

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError
from tf_tricks.models.convnet import convnet
from tf_tricks.models.mlp import mlp
from tf_tricks.models.resnet import resnet
from tf_tricks.models.wide_resnet import wide_resnet
from tf_tricks.named_parts import NamedParts

registry.discover(__name__)

_REGISTRY = NamedParts("models")


def get(identifier: Named | keras.Model, **defaults: Any) -> keras.Model:
    """Returns the model that `identifier` stands for.

    Args:
        identifier: a name, a mapping such as `{"name": "resnet", "depth": 20}`, or a `keras.Model`, returned as it is.
        **defaults: what the run knows: `input_shape`, `num_outputs`, `input_dtype`, `mean`, `variance`.

    Returns:
        a `keras.Model`.

    Raises:
        RequestError: there is no such model, or an argument cannot be used.

    Example:
        >>> get({"name": "mlp", "hidden": [8]}, input_shape=(4,), num_outputs=3).count_params()
        67
    """
    model = _REGISTRY.get(identifier, **defaults)
    if not isinstance(model, keras.Model):
        raise RequestError(f"a model must be a name, a dict with 'name', or a keras.Model, not {identifier!r}")
    return model


__all__ = ["convnet", "get", "mlp", "resnet", "wide_resnet"]
