"""A model of an earlier run, or of a file, with a new head."""

import os
import re
import zipfile
from collections.abc import Sequence

import keras

from tf_tricks import users_code
from tf_tricks.annotations import Named
from tf_tricks.computation import steps_of
from tf_tricks.errors import RequestError, reason_of, unknown
from tf_tricks.keras_names import plain
from tf_tricks.models import keras_applications
from tf_tricks.models.blocks import check_common, logits
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.head import as_vector, head_of, without_head
from tf_tricks.registry import card
from tf_tricks.storage import StorageError, local_copy, path_of

_SIZES = re.compile(r"_[\d.]+_\d+$")
"""What Keras puts behind the names of MobileNets: `mobilenet_1.00_224`."""

PREPROCESSING = "preprocessing_of_"
"""How the name of a layer begins that does what a network's own preprocessing does."""


@card("models", "pretrained")
def pretrained(
    init_from: str | os.PathLike[str],
    input_shape: Sequence[int],
    num_outputs: int,
    dropout: float | Named | keras.layers.Layer = 0.0,
    preprocessing_of: str | None = "auto",
    *,
    input_dtype: str = "float32",
) -> keras.Model:
    """A pretrained model with a new head: all of it but its last layer, which is made anew for other classes.

    "If your data has sufficient similarity to a bigger data set, you're in luck: freeze all but the last few layers and
    retrain on your small data." What is frozen, `trained_blocks` says.

    Raw inputs go through what the model was trained with: a run's model standardizes them itself, by the mean and the
    variance of the data that it was trained on. A network of `keras.applications` that was saved alone, so that nothing
    comes before its first convolution, gets what its `preprocess_input` does.

    Use it when the examples are few, and a model of similar data is there.

    Avoid it when the inputs are of another kind than those that the model knows: other sensors, other units.

    Config:
        config.model = dict(name="pretrained", init_from="runs/base", dropout=0.2)

    Args:
        init_from: folder of a finished run, of which its model.keras is taken; or a `.keras` file. In a config it may
            stand beside the model, `config.init_from`.
        input_shape: shape of one example.
        num_outputs: number of classes, or of values to predict.
        dropout: share of the last features that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
        preprocessing_of: the network of `keras.applications` whose preprocessing the raw inputs need, in snake case;
            `"auto"` for that whose name the model has; None for none.
        input_dtype: what the raw inputs are.

    Returns:
        a `keras.Model` to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: there is no such model, it takes other inputs, or its head cannot be found.

    Example:
        >>> import os, tempfile, keras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(10, name="logits")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     base.save(os.path.join(folder, "base.keras"))
        ...     model = pretrained(os.path.join(folder, "base.keras"), (4,), num_outputs=3)
        >>> model.output_shape
        (None, 3)
    """
    check_common(num_outputs, dropout)
    path, base = _load(init_from)
    body = without_head(base)
    _check_inputs(path, body, input_shape, input_dtype)
    network = _network(body, preprocessing_of)
    inputs, features = body.inputs[0], body.output
    if network is not None:
        inputs = keras.Input(body.inputs[0].shape[1:], dtype=body.inputs[0].dtype)
        features = body(_preprocessed(inputs, network))
    taken = {layer.name for layer in body.layers}
    x = as_vector(base.name, features, _free("head_pooling", taken))
    if isinstance(dropout, (int, float)):
        x = keras.layers.Dropout(dropout, name=_free("head_dropout", taken))(x)
    else:
        x = new_dropout(dropout)(x)
    model = keras.Model(inputs, logits(x, num_outputs, name=_free("logits", taken)), name=base.name)
    for layer in model._flatten_layers(include_self=False):
        layer.trainable = True  # what an earlier run has frozen is another matter
    return model


def size_of_inputs(init_from: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Returns the height and width of the images that a pretrained model takes; None where it takes any, or no images.

    Args:
        init_from: as of `pretrained`.
    """
    shape = _load(init_from)[1].inputs[0].shape[1:]
    return None if len(shape) != 3 or None in shape[:2] else (int(shape[0]), int(shape[1]))


def _load(init_from):
    if not isinstance(init_from, (str, os.PathLike)):
        raise RequestError(
            f"init_from must be a run's folder or a .keras file, not {init_from!r}: say --config.init_from=runs/NAME, "
            "or another --config.model.name, as keras_applications/mobilenet_v3_small"
        )
    path = path_of(init_from)
    if path.is_dir():
        path = path / "model.keras"
        if not path.exists():
            raise RequestError(f"the run in {path.parent} is not finished: it has no model.keras yet; train it first")
    if not path.exists():
        raise RequestError(f"there is no model to start from: {path} does not exist")
    if path.suffix != ".keras":
        raise RequestError(
            f"{path} holds weights, and no model: a model is a run's folder or a .keras file; say which network they "
            "are of, as in model=dict(name='keras_applications/resnet50', weights=FILE)"
        )
    try:
        with local_copy(path) as file:
            if not zipfile.is_zipfile(file):
                raise RequestError(f"{path} is damaged: it is no archive, or was cut short")
            return path, keras.models.load_model(file, users_code.classes(), compile=False)
    except (RequestError, StorageError):
        raise
    except Exception as error:  # of a class of somebody's own
        raise RequestError(f"{path} cannot be read: {reason_of(error)}") from error


def _check_inputs(path, body, input_shape, input_dtype):
    if len(body.inputs) != 1:
        raise RequestError(f"the model in {path} has {len(body.inputs)} inputs, and the data have one")
    (taken,) = body.inputs
    shape = tuple(input_shape) if all(isinstance(size, int) for size in input_shape) else input_shape
    fits = len(taken.shape) == len(shape) + 1 and all(a in (None, b) for a, b in zip(taken.shape[1:], shape))
    if not fits:
        sizes = "; --config.data.image_size says to what size pictures are brought" if len(shape) == 3 else ""
        raise RequestError(f"the model in {path} takes inputs {list(taken.shape[1:])}, not {list(shape)}{sizes}")
    if "int" in taken.dtype and "int" not in input_dtype:
        raise RequestError(
            f"the model in {path} takes raw inputs of {taken.dtype}, and those of the data are {input_dtype}"
        )


def _network(body, preprocessing_of):
    """The function of keras.applications whose preprocessing the model lacks, or None."""
    if preprocessing_of is None:
        return None
    networks = keras_applications.networks()
    if preprocessing_of != "auto":
        if preprocessing_of not in networks:
            raise unknown("network of keras.applications called", preprocessing_of, networks)
        return networks[preprocessing_of]
    models = [body, *(layer for layer in body.layers if isinstance(layer, keras.Model))]
    names = [plain(_SIZES.sub("", model.name)) for model in models]
    found = [network for name, network in networks.items() if plain(name) in names]
    if not found or body.inputs[0].shape[-1] != 3 or _is_scaled(body):
        return None
    probe = keras.Input((None, None, 3))
    return None if keras_applications.preprocessed(probe, found[0]) is probe else found[0]


def _is_scaled(body):
    """Whether anything but padding comes before the first kernel: then the model does what it needs itself."""
    for step in steps_of(body):
        operation = step.operation
        if any(len(weight.shape) >= 2 for weight in getattr(operation, "weights", ())):
            return False
        if not isinstance(operation, (keras.layers.InputLayer, keras.layers.ZeroPadding2D)):
            return True
    return False


def _free(name, taken):
    """The name, with a number where a layer of the model has it already."""
    number = 1
    while (found := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return found


def described(model: keras.Model) -> str:
    """Returns what the head of a pretrained model stands on, and what the raw inputs go through, for a sentence.

    Args:
        model: from `pretrained`.
    """
    head = head_of(model)
    node = head._inbound_nodes[0]  # type: ignore[union-attr]
    while node.operation is head or node.operation.name.startswith("head_"):
        node = node.parent_nodes[0]
    text = f"its new head stands on the {head.kernel.shape[0]} features of {node.operation.name!r}"  # type: ignore[union-attr]
    before = [layer.name for layer in model.layers if layer.name.startswith(PREPROCESSING)]
    return text + (
        f", and raw pixels go through the preprocessing of {before[0][len(PREPROCESSING) :]}" if before else ""
    )


def _preprocessed(inputs, network):
    x = keras.layers.Rescaling(1.0, dtype="float32", name=PREPROCESSING + keras_applications.name_of(network))(inputs)
    return keras_applications.preprocessed(x, network)
