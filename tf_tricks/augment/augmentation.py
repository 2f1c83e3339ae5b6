"""What all augmentations are: Keras layers over pure functions of (images, labels, masks) and of random draws."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Pair, Shape, Structure, Tensor
from tf_tricks.augment.arguments import check_channels, check_places, check_range, concrete
from tf_tricks.augment.functional.colour import on_colors
from tf_tricks.augment.randomness.draws import Draws, of_generator
from tf_tricks.errors import RequestError, check_number


class Batch(NamedTuple):
    """What an augmentation changes.

    Attributes:
        images: uint8 or floats [b, height, width, channels].
        labels: what comes with them [b, ...], or None.
        masks: integers [b, height, width] or [b, height, width, n], or None.
        operation: what a policy has drawn for each example, numbers [b, ...], on the way to what applies it; or None.
    """

    images: Any
    labels: Any = None
    masks: Any = None
    operation: Any = None


class Augmentation(keras.layers.Layer):
    """Base class: says how an augmentation is called; what it does is in `transform`.

    It can be called in three ways. In training with a known place in the stream, as `tt.Trainer` does, each example's
    randomness is a function of (seed, position), the same for any batch size, on any number of devices, and again after
    a resume:

        images, labels = augmentation(images, labels, seed=0, positions=np.arange(64))

    As a layer of a model, or in `tf.data.Dataset.map`, without positions, it draws from a Keras `SeedGenerator`; at
    inference (`training=False`, as in `predict`) it does nothing:

        images = augmentation(images, training=True)

    It gives back what it is given: images, or (images, labels), or (images, labels, masks).

    Args:
        value_range: the smallest and the largest value of images that are floats; uint8 images go from 0 to 255.
        seed: of the `SeedGenerator`, for calls without positions; an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`.
    """

    uses_value_range = False
    """Whether the result depends on the range of the values, so that values outside of it are a mistake."""

    mixes = False
    """Whether examples are mixed in pairs, so that a batch must have an even number."""

    moves = False
    """Whether pixels move, so that boxes and key points among the labels would be wrong."""

    def __init__(self, value_range: Pair = (0, 255), seed: int | None = None, **keywords):
        super().__init__(autocast=False, **keywords)
        self._allow_non_tensor_positional_args = True  # the trainer's call has the seed, an int, in its place
        self.value_range = check_range("value_range", value_range)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(
        self,
        images: Tensor,
        labels: Structure | None = None,
        seed: int | Tensor | None = None,
        positions: Tensor | tuple[Tensor, Tensor] | None = None,
        masks: Tensor | None = None,
        training: bool | None = True,
    ) -> Any:
        """Augments a batch.

        Args:
            images: uint8 or floats [b, height, width, channels].
            labels: [b, ...], or a dict of such; or None.
            seed: the run's seed, an integer from 0 to 2³² − 1; with `positions` only.
            positions: [b] integers, the place k of each example in the stream (or a pair of uint32 words, see
                `random.bits`); None draws from the layer's seed generator.
            masks: integers [b, height, width] or [b, height, width, n] that follow the images, or None.
            training: False does nothing.

        Raises:
            RequestError: these are no images, or not such as this augmentation can take, or there are boxes or key
                points among the labels of one that moves pixels.
        """
        if training is not False:
            self.check_images(images)
            self.check_labels(labels)
            draws = self._draws(images, seed, positions)
            batch = self.transform(Batch(images, labels, masks), draws)
            images, labels, masks = batch.images, batch.labels, batch.masks
        if masks is not None:
            return images, labels, masks
        return images if labels is None else (images, labels)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the augmented `Batch`; a pure function of the batch and of `draws`.

        Args:
            batch: `Batch`.
            draws: `Draws`; as many are taken whatever the values are.
        """
        raise NotImplementedError

    def check_images(self, images: Tensor) -> None:
        """Raises a `RequestError` if `images` are no images, or have values that cannot be meant."""
        name = type(self).__name__
        if not hasattr(images, "dtype"):
            raise RequestError(
                f"{name} takes a tensor of images, and labels and masks as arguments of their own, "
                f"not a {type(images).__name__}: call it with (images, labels, masks=masks)"
            )
        dtype = keras.backend.standardize_dtype(images.dtype)
        if len(images.shape) != 4:
            raise RequestError(f"{name} takes images [batch, height, width, channels], not {tuple(images.shape)}")
        if "int" in dtype:
            self._check_integers(name, dtype)
        elif self.uses_value_range:
            self._check_floats(name, images)

    def check_labels(self, labels: Structure | None) -> None:
        """Raises a `RequestError` if there are boxes or key points among `labels`, and pixels move."""
        if self.moves or self.mixes:
            check_places(type(self).__name__, labels)

    def _check_integers(self, name, dtype):
        if self.uses_value_range and dtype != "uint8":
            raise RequestError(f"{name} takes images of uint8 or floats, not {dtype}: cast them to float32")
        bounds, fill_value = np.iinfo(dtype), getattr(self, "fill_value", 0)
        if not isinstance(fill_value, str) and not bounds.min <= fill_value <= bounds.max:
            raise RequestError(
                f"the fill_value of {name} must be from {bounds.min} to {bounds.max} for images of {dtype}, "
                f"not {fill_value:g}"
            )

    def _check_floats(self, name, images):
        values = concrete(images)
        if values is not None and values.size:
            low, high = self.value_range
            least, most = values.min(), values.max()
            if least < low or most > high:
                raise RequestError(
                    f"{name} takes floats from {low:g} to {high:g} (value_range), not {least:g} to {most:g}"
                )
            if (low, high) == (0, 255) and most <= 1 and (values != np.round(values)).any():
                raise RequestError(
                    f"{name} takes floats from 0 to 255, and these look as if they were from 0 to 1: "
                    "give it value_range=(0, 1)"
                )

    def range_of(self, images: Tensor) -> tuple[float, float]:
        """Returns the smallest and the largest value that `images` can have, as floats."""
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            return 0.0, 255.0
        return self.value_range

    def compute_output_spec(self, images: Tensor, labels: Structure | None = None, **_) -> Any:
        """Returns what a call on symbols gives: images of the same dtype, and the labels."""
        images = keras.KerasTensor(self.compute_output_shape(images.shape), dtype=images.dtype)
        return images if labels is None else (images, labels)

    def compute_output_shape(self, images_shape: Shape) -> Shape:
        """Returns the shape of the images that come out."""
        return tuple(images_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"value_range": list(self.value_range), "seed": self.seed}

    def _draws(self, images, seed, positions):
        if positions is None:
            return of_generator(self.seed_generator, ops.shape(images)[0])
        size = images.shape[0]
        if size and getattr(positions, "shape", (size,))[0] is None:  # programs of known shape are fast, see `fused`
            positions = ops.reshape(positions, (size,))
        return Draws(0 if seed is None else seed, positions)


class GeometricAugmentation(Augmentation):
    """Base class of augmentations that move pixels: masks move along, with nearest interpolation.

    Args:
        fill_value: what comes in from outside of the image, in the images' unit.
        mask_fill_value: what comes in from outside of a mask.
        **keywords: arguments of `Augmentation`.
    """

    moves = True

    def __init__(self, fill_value: float = 0.0, mask_fill_value: int = 0, **keywords):
        super().__init__(**keywords)
        self.fill_value = float(check_number("fill_value", fill_value))
        self.mask_fill_value = int(check_number("mask_fill_value", mask_fill_value, integer=True))

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with images and masks moved alike."""
        parameters = self.draw(draws, *batch.images.shape[1:3])
        images = self.move(batch.images, parameters, "bilinear", self.fill_value)
        return batch._replace(images=images, masks=self.move_masks(batch.masks, parameters))

    def move_masks(self, masks: Tensor | None, parameters: Any) -> Tensor | None:
        """Returns masks, of which there may be none, moved as `parameters` say."""
        return on_masks(lambda planes: self.move(planes, parameters, "nearest", self.mask_fill_value), masks)

    def draw(self, draws: Draws, height: int, width: int) -> Any:
        """Returns the parameters of the motion, tensors [b, ...].

        Args:
            draws: `Draws`.
            height: of the images, pixels.
            width: of the images, pixels.
        """
        raise NotImplementedError

    def move(self, images: Tensor, parameters: Any, interpolation: str, fill_value: float) -> Tensor:
        """Returns `images` moved, in their dtype.

        Args:
            images: [b, height, width, channels] of any dtype.
            parameters: what `draw` has returned.
            interpolation: `"bilinear"` or `"nearest"`.
            fill_value: what comes in from outside.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"fill_value": self.fill_value, "mask_fill_value": self.mask_fill_value}


class ColorAugmentation(Augmentation):
    """Base class of augmentations that change colors and move nothing: alpha, labels and masks stay."""

    uses_value_range = True

    channels: tuple[int, ...] | None = None
    """The numbers of channels, alpha among them, of images that this takes; None for any."""

    def check_images(self, images: Tensor) -> None:
        """Raises a `RequestError` if this cannot take these images."""
        super().check_images(images)
        if self.channels is not None:
            check_channels(type(self).__name__, images, self.channels)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with images of other colors."""
        value_range = self.range_of(batch.images)
        images = on_colors(lambda colors: self.change_colors(colors, draws, *value_range), batch.images)
        return batch._replace(images=images)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images changed, in their dtype.

        Args:
            images: uint8 or floats [b, height, width, channels] in [low, high], without alpha.
            draws: `Draws`.
            low: the smallest value, a float.
            high: the largest value.
        """
        raise NotImplementedError


def on_masks(function: Callable[[Tensor], Tensor], masks: Tensor | None) -> Tensor | None:
    """Returns masks, of which there may be none, with a function of images [b, height, width, n] applied to them.

    Args:
        function: takes and returns a tensor of 4 axes.
        masks: [b, height, width] or [b, height, width, n], or None.
    """
    if masks is None or len(masks.shape) == 4:
        return masks if masks is None else function(masks)
    return function(masks[..., None])[..., 0]
