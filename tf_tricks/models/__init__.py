"""Models from raw inputs to logits.

Unless an argument asks for a layer of `tf_tricks.layers`, they are made of Keras's own layers: a saved one then loads
without this package.
"""

from typing import Any

import keras
import numpy as np

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError, reason_of, unknown
from tf_tricks.keras_names import plain
from tf_tricks.models import keras_applications, keras_hub
from tf_tricks.models.convnet import convnet
from tf_tricks.models.keras_applications import PREFIX, keras_application
from tf_tricks.models.keras_hub import keras_hub_backbone
from tf_tricks.models.mlp import mlp
from tf_tricks.models.pretrained import pretrained
from tf_tricks.models.resnet import resnet
from tf_tricks.models.wide_resnet import wide_resnet
from tf_tricks.named_parts import NamedParts

registry.discover(__name__)


def get(identifier: Named | keras.Model, load_weights: bool = True, **defaults: Any) -> keras.Model:
    """Returns the model that `identifier` stands for.

    Args:
        identifier: a name, a mapping such as `{"name": "resnet", "depth": 20}`, or a `keras.Model`, returned as it is.
            A name `"keras_applications/NAME"` is a network of Keras, `"keras_hub/NAME"` a backbone of KerasHub, and
            `"file:Name"` a function or class of one's own, which gets what it takes of the following.
        load_weights: False where weights of others need not be read or downloaded: those of a run take their place.
        **defaults: what the run knows: `input_shape`, `num_outputs`, `input_dtype`, `mean`, `variance` and
            `preprocessing`.

    Returns:
        a `keras.Model`, built.

    Raises:
        RequestError: there is no such model, an argument cannot be used, or the model takes no such inputs.

    Example:
        >>> get({"name": "mlp", "hidden": [8]}, input_shape=(4,), num_outputs=3).count_params()
        67
    """
    name = identifier.get("name") if hasattr(identifier, "get") else identifier
    others = _of_others(name, load_weights) if isinstance(name, str) else {}
    model = NamedParts("models", others).get(identifier, **defaults)
    if not isinstance(model, keras.Model):
        raise RequestError(f"a model must be a name, a dict with 'name', or a keras.Model, not {_shown(model, name)}")
    if not model.built and "input_shape" in defaults:
        _build(model, name, defaults["input_shape"], defaults.get("input_dtype", "float32"))
    return model


def _of_others(name, load_weights):
    """The models that Keras and KerasHub have, where the name is one of theirs."""
    if name == "pretrained":
        return {name: pretrained}
    if name.startswith(keras_hub.PREFIX):
        return {name: keras_hub.maker(name, load_weights)}
    networks = keras_applications.by_name(load_weights)
    short = name.removeprefix(PREFIX)
    meant = [network for network in networks if plain(network) == plain(short)]
    if name.startswith(PREFIX):
        if not meant:
            raise unknown("model of keras.applications called", short, networks)
        return {name: networks[meant[0]]}
    if meant and name not in registry.entries("models"):
        raise RequestError(f"there is no model {name!r} of this package; did you mean {PREFIX + meant[0]!r}?")
    return {}


def _shown(model, name):
    return repr(model) if model is name else f"the {model!r} that {name!r} returns"


def _build(model, name, input_shape, input_dtype):
    """Calls a model that has no weights yet, as one of a class of one's own, on what the data will give it."""
    try:
        model(np.zeros((2, *input_shape), input_dtype))
    except Exception as error:
        raise RequestError(
            f"the model {name!r} cannot be built for inputs of {input_dtype} {list(input_shape)}: {reason_of(error)}"
        ) from error


__all__ = ["convnet", "get", "keras_application", "keras_hub_backbone", "mlp", "pretrained", "resnet", "wide_resnet"]
