"""The networks of `keras.applications`, from raw pixels to logits."""

import functools
import importlib
import inspect
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError, unknown
from tf_tricks.keras_names import snake_case
from tf_tricks.models.blocks import check_common, logits
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.pixels import PIXELS, pixel_input
from tf_tricks.registry import card
from tf_tricks.weights import LayerWeights, assign, in_order, layers_of, pair, read

PREFIX = "keras_applications/"

_OURS = ("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation", "name")
_OF_THE_TOP = ("dropout", "dropout_rate")

# ImageNet's, as the published EfficientNets have them in their first layer.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@card("models", "keras_applications")
def keras_application(
    network: Callable[..., keras.Model],
    input_shape: Sequence[int],
    num_outputs: int,
    weights: str | None = None,
    dropout: float | Named | keras.layers.Layer = 0.0,
    value_range: Sequence[float] = PIXELS,
    arguments: Mapping[str, Any] | None = None,
    *,
    input_dtype: str = "float32",
    mean: Sequence[float] | Tensor | None = None,
    variance: Sequence[float] | Tensor | None = None,
    preprocessing: keras.layers.Layer | None = None,
    load_weights: bool = True,
) -> keras.Model:
    """The networks of keras.applications with a head for the data's classes: `keras_applications/NAME`.

    `NAME` is that of Keras in snake case, such as `mobilenet_v3_small`, `efficientnet_b0`, `efficientnet_v2_s`,
    `resnet50_v2`, `convnext_tiny`. The last features are averaged over the image, dropped out and made into logits.

    What Keras's `preprocess_input` does is part of the model, in place of the standardization by the data's mean and
    variance: it takes raw pixels, red, green and blue, and a saved one loads with Keras alone. Gray images are repeated
    three times, whatever the weights: those of a network for colors then fit. Batch normalization is that over all
    replicas, and trains as usual.

    Use it when pictures are few: with weights that were trained on many, and a small learning rate.

    Avoid it when the images are small (below 32 × 32 pixels, 71 for `xception`, 75 for `inception_v3`): `resnet` and
    `wide_resnet` are made for these.

    Config:
        config.model = dict(name="keras_applications/mobilenet_v3_small", alpha=0.75, dropout=0.2)

    Args:
        network: the function of `keras.applications`; in a config `name` says it.
        input_shape: shape of one image, (height, width, channels), with 1 or 3 channels.
        num_outputs: number of classes, or of values to predict.
        weights: None for random ones; `"imagenet"`, which Keras downloads and keeps in ~/.keras; or the path of a file:
            one that Keras publishes (`.h5`, with its head or without), or a `.keras` or `.weights.h5` file of a model
            that has this network.
        dropout: share of the last features that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
        value_range: what black and white are in the raw images: (0, 255), or (0, 1) for floats that were scaled.
        arguments: others of the network, such as `alpha` and `minimalistic` of the MobileNets; in a config they stand
            beside the rest.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`.
        mean: of the raw inputs, one number for each channel, or None; looked at only to see whether the images have the
            value range.
        variance: likewise.
        preprocessing: None: the network has its own.
        load_weights: False leaves the weights random: others take their place anyway.

    Returns:
        a `keras.Model` from raw images to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: an argument cannot be used, the image is too small, or the weights are not there, cannot be
            downloaded or do not fit.

    Example:
        >>> import keras
        >>> model = keras_application(keras.applications.MobileNetV3Small, (32, 32, 1), num_outputs=10)
        >>> model.input_shape, model.output_shape
        ((None, 32, 32, 1), (None, 10))
    """
    name = PREFIX + name_of(network)
    check_common(num_outputs, dropout)
    if preprocessing is not None:
        raise RequestError(f"{name} has the preprocessing that it was made with, of raw pixels: leave the data's out")
    _check_weights(weights)
    inputs, x = pixel_input(name, input_shape, input_dtype, value_range, mean, variance)

    shape = (*input_shape[:2], 3)
    body = _made(network, preprocessed(x, network), shape, arguments)
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and keras.config.backend() == "tensorflow":
            layer.synchronized = True
    if weights is not None and load_weights:
        _load(body, name, weights, lambda: _made(network, None, shape, arguments, weights=weights))
    return keras.Model(inputs, logits(new_dropout(dropout)(body.output), num_outputs), name=body.name)


def by_name(load_weights: bool = True) -> dict[str, Callable[..., keras.Model]]:
    """Returns the function of each network by its name, which in a config comes after `keras_applications/`.

    Args:
        load_weights: what they do where a config names weights.

    Example:
        >>> by_name()["resnet50_v2"].__name__
        'ResNet50V2'
    """
    return {name: _named(network, load_weights) for name, network in networks().items()}


def networks() -> dict[str, Callable[..., keras.Model]]:
    """Returns Keras's own function of each network, by its name in snake case.

    Example:
        >>> networks()["vgg16"].__name__
        'VGG16'
    """
    functions = [value for value in vars(keras.applications).values() if inspect.isfunction(value)]
    return {name_of(network): network for network in functions}


def name_of(network: Callable[..., keras.Model]) -> str:
    """Returns the name of a network in snake case, with the words that the papers have: `convnext_tiny`, `resnet50`."""
    name = snake_case(network.__name__)
    for ours, theirs in (("_net", "net"), ("_ne_xt", "next"), ("_x_large", "_xlarge")):
        name = name.replace(ours, theirs)
    return name


def preprocessed(x: Tensor, network: Callable[..., keras.Model]) -> Tensor:
    """Returns what a network takes, by layers of Keras that do what its `preprocess_input` does.

    Args:
        x: images of red, green and blue pixels from 0 to 255, float32 [batch, height, width, 3].
        network: a function of `keras.applications`.

    Example:
        >>> import keras
        >>> from tf_tricks.models.keras_applications import preprocessed
        >>> float(preprocessed(keras.ops.full((1, 2, 2, 3), 255.0), keras.applications.MobileNetV2)[0, 0, 0, 0])
        1.0
    """
    preprocess = importlib.import_module(network.__module__).preprocess_input
    # It is the same for each pixel, and linear: a black one and those of one color show what it does.
    probe = np.zeros((4, 1, 1, 3), "float32")
    probe[1:, 0, 0] = 255.0 * np.eye(3)
    black, *colors = np.asarray(preprocess(probe.copy()), "float64").reshape(4, 3)
    matrix = (np.array(colors) - black) / 255.0
    if not matrix.diagonal().all():
        x, matrix = ops.flip(x, axis=-1), matrix[::-1]
    scale, offset = matrix.diagonal(), black
    if (scale == 1).all() and (offset == 0).all():
        return x
    return keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype="float32")(x)


def _made(network, x, shape, arguments, weights=None):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that weights are for 224 x 224 pixels
            given = dict(input_tensor=x, input_shape=shape, include_top=False, pooling="avg", weights=weights)
            return network(**given, **(arguments or {}))
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise RequestError(f"{PREFIX}{name_of(network)} cannot be made: {reason}") from error


def _named(network, load_weights):
    """The function that a config calls: Keras's arguments that describe the network stand among the others."""
    own = inspect.signature(keras_application).parameters
    theirs = [p for p in inspect.signature(network).parameters if p not in (*_OURS, *_OF_THE_TOP)]
    describing = [name for name in theirs if name != "include_preprocessing"]

    @functools.wraps(network)
    def make(**given):
        arguments = {name: given.pop(name) for name in describing if name in given}
        return keras_application(network, arguments=arguments, load_weights=load_weights, **given)

    parameters = [p for name, p in own.items() if name not in ("network", "arguments", "load_weights")]
    added = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(network).parameters.items()
        if name in describing
    ]
    vars(make)["__signature__"] = inspect.Signature([*parameters, *added])
    return make


def _check_weights(weights):
    if weights is None or weights == "imagenet":
        return
    if not isinstance(weights, (str, os.PathLike)):
        raise RequestError(f"weights must be None, 'imagenet' or the path of a file, not {weights!r}")
    if os.sep not in os.fspath(weights) and "." not in os.fspath(weights):
        raise unknown("weights of Keras called", weights, ["imagenet"])


def _load(body, name, weights, download):
    """Gives the network its weights; those of ImageNet are in a network that Keras makes."""
    found = layers_of(_downloaded(name, download)) if weights == "imagenet" else read(weights)
    ours, theirs = layers_of(body), [_as_used(layer) for layer in found]
    pairing = pair(ours, theirs)
    lacking = [problem for problem in pairing.problems if not problem.endswith("is only there")]
    pairs = None if lacking else pairing.pairs
    if lacking and (weights == "imagenet" or not os.fspath(weights).endswith((".keras", ".weights.h5"))):
        pairs = in_order(ours, theirs)  # some were published with other names: Keras goes by their order
    if pairs is None:
        raise RequestError(f"{weights} has no weights of {name}: {pairing._replace(problems=lacking).told()}")
    assign(body, {our.path: their.weights for our, their in pairs})


def _downloaded(name, download):
    try:
        return download()
    except RequestError:
        raise
    except Exception as error:  # Keras has no class of its own for it
        raise RequestError(
            f"the weights 'imagenet' of {name} cannot be downloaded: {' '.join(str(error).split())[:300]}; where there "
            "is no network, give weights=FILE"
        ) from error


def _as_used(layer: LayerWeights) -> LayerWeights:
    """The published EfficientNets divide by √deviation once more, in a layer that Keras adds for their weights only.

    Here the variance that comes with the weights says it, so that the layers are the same with any weights.
    """
    if [tuple(value.shape) for value in layer.weights.values()] != [(3,), (3,), ()]:
        return layer
    mean, variance, _ = (np.asarray(value, "float64") for value in layer.weights.values())
    if not np.allclose(mean, _MEAN, atol=1e-4) or not np.allclose(variance, _DEVIATION**2, atol=1e-4):
        return layer
    return layer._replace(weights=dict(layer.weights) | {"1": (variance * _DEVIATION).astype("float32")})
