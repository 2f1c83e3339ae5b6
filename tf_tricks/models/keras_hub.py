"""The backbones of KerasHub, from raw inputs to logits."""

import functools
import importlib
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.keras_names import plain
from tf_tricks.models.blocks import check_common, logits
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.pixels import PIXELS, pixel_input
from tf_tricks.models.stem import standardized_input
from tf_tricks.registry import card

PREFIX = "keras_hub/"

_OF_TEXT = ("token_ids", "segment_ids", "padding_mask")


@card("models", "keras_hub")
def keras_hub_backbone(
    backbone: str,
    input_shape: Sequence[int],
    num_outputs: int,
    dropout: float | Named | keras.layers.Layer = 0.0,
    value_range: Sequence[float] = PIXELS,
    padding_id: int = 0,
    *,
    input_dtype: str = "float32",
    mean: Sequence[float] | Tensor | None = None,
    variance: Sequence[float] | Tensor | None = None,
    preprocessing: keras.layers.Layer | None = None,
    load_weights: bool = True,
    **arguments,
) -> keras.Model:
    """The backbones of KerasHub with a head for the data's classes: `keras_hub/PRESET` or `keras_hub/CLASS`.

    A preset, such as `resnet_18_imagenet` or `bert_tiny_en_uncased`, brings its weights, which KerasHub downloads; it
    may also be a folder that `save_to_preset` has written (`keras_hub/./my_preset`). A class, such as `ViTBackbone`,
    has random weights and takes its arguments from the config. `pip install 'tf_tricks[hub]'` installs what it needs.

    Images: a preset gets raw pixels, scaled as its image converter does it, of the size that the data have; a class
    gets the data standardized. Texts: the inputs are token ids [tokens], filled up with `padding_id`. What the backbone
    gives for each place is averaged, that of padding left out; where it gives a pooled output, that is taken.

    Use it when KerasHub has a network that was trained on data like these.

    Avoid it when Keras has the network itself (`keras_applications`): a saved one then loads without KerasHub.

    Config:
        config.model = dict(name="keras_hub/resnet_18_imagenet", dropout=0.2)

    Args:
        backbone: preset or class; in a config `name` says it.
        input_shape: shape of one example: (height, width, channels), or (tokens,).
        num_outputs: number of classes, or of values to predict.
        dropout: share of the last features that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
        value_range: what black and white are in the raw images: (0, 255), or (0, 1) for floats that were scaled.
        padding_id: the token that fills up short texts.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`.
        mean: of the raw inputs, one number for each channel, or None.
        variance: likewise.
        preprocessing: a layer in place of the standardization, for a class that takes images; or None.
        load_weights: False leaves a preset's weights random: others take their place anyway.
        **arguments: of the class, or what is to be other than in the preset.

    Returns:
        a `keras.Model` to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: KerasHub is not installed, has no such preset or class, cannot download it, or it takes other
            inputs.

    Example:
        >>> keras_hub_backbone("resnet_18_imagenet", (32, 32, 3), 10)  # doctest: +SKIP
    """
    name = PREFIX + backbone
    check_common(num_outputs, dropout)
    hub = _installed(name)
    classes = {plain(key): value for key, value in vars(hub.models).items() if key.endswith("Backbone")}
    made_by = classes.get(plain(backbone))
    if made_by is None:
        make = functools.partial(hub.models.Backbone.from_preset, backbone, load_weights=load_weights)
        takes = "image_shape"
    else:
        make = made_by
        takes = next((p for p in ("image_shape", "input_shape") if p in inspect.signature(made_by).parameters), "")
    images = len(input_shape) == 3
    if images and takes:
        arguments = {takes: (*input_shape[:2], 3 if made_by is None else input_shape[2])} | arguments
    body = _made(hub, name, backbone, make, arguments)
    if images:
        _check_inputs(name, body, not isinstance(body.input, dict), "no images")
        if made_by is None:
            inputs, x = pixel_input(name, input_shape, input_dtype, value_range, mean, variance)
            x = _converted(hub, backbone, x)
        else:
            inputs, x = standardized_input(input_shape, input_dtype, mean, variance, preprocessing)
        features, mask = body(x), None
    else:
        taken = set(body.input) if isinstance(body.input, dict) else set()
        _check_inputs(name, body, "token_ids" in taken <= set(_OF_TEXT), f"no token ids of shape {tuple(input_shape)}")
        check_number("padding_id", padding_id, minimum=0, integer=True)
        inputs = keras.Input(input_shape, dtype=input_dtype)
        ids = ops.cast(inputs, "int32")
        mask = ops.not_equal(ids, padding_id)
        known = dict(zip(_OF_TEXT, (ids, ops.zeros_like(ids), ops.cast(mask, "int32"))))
        features = body({key: known[key] for key in body.input})
    return keras.Model(inputs, logits(new_dropout(dropout)(_pooled(name, features, mask)), num_outputs), name=body.name)


def maker(name: str, load_weights: bool = True) -> Callable[..., keras.Model]:
    """Returns the function that a config's name `keras_hub/BACKBONE` stands for."""
    return functools.partial(keras_hub_backbone, name.removeprefix(PREFIX), load_weights=load_weights)


def _installed(name) -> ModuleType:
    try:
        return importlib.import_module("keras_hub")
    except ImportError as error:
        raise RequestError(f"the model {name!r} needs KerasHub: pip install 'tf_tricks[hub]' ({error})") from error


def _made(hub, name, backbone, make, arguments):
    try:
        return make(**arguments)
    except Exception as error:  # whatever its downloads raise
        reason = " ".join(str(error).split())[:200]
        if "Unknown preset" in reason or "No such file" in reason:
            every = [key for key in vars(hub.models) if key.endswith("Backbone")]
            presets = [*hub.models.Backbone.presets, *every]
            raise _without_list(unknown("preset or class of KerasHub called", backbone, presets)) from error
        what = "its preset cannot be downloaded" if isinstance(make, functools.partial) else "it cannot be made"
        raise RequestError(f"the model {name!r}: {what}: {reason}") from error


def _without_list(error):
    """KerasHub has hundreds of presets: the nearest is enough."""
    return RequestError(str(error).split(" (there are: ")[0])


def _check_inputs(name, body, fits, what):
    if not fits:
        shown = sorted(body.input) if isinstance(body.input, dict) else list(body.input.shape)
        raise RequestError(f"the model {name!r} takes {what}, but {shown}")


def _converted(hub, preset, x):
    """The pixels as the preset's image converter scales them; as they are where it has none."""
    try:
        converter = hub.layers.ImageConverter.from_preset(preset)
    except (ValueError, FileNotFoundError):
        return x
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return keras.layers.Rescaling(scale, offset, dtype="float32")(x)


def _pooled(name: str, features: Any, mask: Tensor | None) -> Tensor:
    """One vector for each example."""
    if isinstance(features, dict):
        if "pooled_output" in features:
            return features["pooled_output"]
        features = features.get("sequence_output", features)
    rank = len(getattr(features, "shape", ()))
    if rank == 4:
        return keras.layers.GlobalAveragePooling2D()(features)
    if rank == 3:
        return keras.layers.GlobalAveragePooling1D()(features, mask=mask)
    if rank == 2:
        return features
    raise RequestError(f"the model {name!r} gives nothing to average: {features!r}")
