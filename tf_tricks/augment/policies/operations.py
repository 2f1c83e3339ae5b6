"""The operations of automatic policies: one of up to fourteen for each example, by number, sign and magnitude.

AutoAugment (Cubuk et al. 2018, arXiv:1805.09501) chose them, and RandAugment, TrivialAugment and AugMix draw from them.
A magnitude m from 0 to 1 is a place in an operation's range, and the ranges are a policy's `Space`:

    shear_x, shear_y          by ± m · shear, from the image's upper left corner
    translate_x, translate_y  by ± ⌊m · (part · width or height + pixels)⌋ whole pixels
    rotate                    by ± m · degrees, around the center
    brightness, color,        factor 1 ± m · enhance
    contrast, sharpness
    posterize                 keeps first − round(m · (first − last)) bits of eight
    solarize                  inverts what is at least low + (1 − m) · 256/255 · (high − low)
    autocontrast, equalize    have no magnitude
    identity                  does nothing

With m = 0 all but autocontrast and equalize, and posterize where the first is below eight bits, are the identity. Moved
pixels are interpolated bilinearly. Images of uint8 are rounded after each operation, as in Pillow, and floats of half
precision at the end of a policy. In floats, what counts in gray levels, posterize and equalize, takes the nearest of
256 levels of a value between them.

The five geometric operations are one affine map, so that where XLA compiles, and everything is computed for each
example, there is one resampling for the five.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch, on_masks
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.functional.colour import brightness, contrast, on_colors, saturation
from tf_tricks.augment.functional.filters import sharpness
from tf_tricks.augment.functional.histograms import autocontrast, equalize
from tf_tricks.augment.functional.levels import posterize, solarize
from tf_tricks.augment.functional.sampling import affine, around_center
from tf_tricks.augment.policies.choose import choose
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, unknown

GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
"""The operations that move pixels."""

ENHANCE = {"brightness": brightness, "color": saturation, "contrast": contrast, "sharpness": sharpness}
"""The operations that have a factor."""

WHOLE = {"autocontrast": autocontrast, "equalize": equalize}
"""The operations that have no magnitude."""

OPERATIONS = (*GEOMETRIC, *ENHANCE, "posterize", "solarize", *WHOLE, "identity")
"""All operations."""


class Space(NamedTuple):
    """How far the operations go at magnitude 1.

    Attributes:
        shear: slope.
        part: of a translation, as a part of the width or height.
        pixels: of a translation, what is added to this.
        degrees: of a rotation, at most 180.
        enhance: how far from 1 a factor goes, at most 1.
        bits: pair, what posterize keeps at magnitude 0 and at 1.
    """

    shear: float
    part: float
    pixels: float
    degrees: float
    enhance: float
    bits: tuple


class Choice(NamedTuple):
    """Which operation each example gets; all fields are tensors [b].

    Attributes:
        number: int32, the operation's place in the list of names.
        sign: float32, −1 or 1.
        magnitude: float32 from 0 to 1.
    """

    number: object
    sign: object
    magnitude: object


def check_names(names: Sequence[str] | None, default: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of operations in the order of `OPERATIONS`, or raises a `RequestError`.

    Args:
        names: a list of different names, or None for the default.
        default: tuple of names.
    """
    if names is None:
        return tuple(default)
    if not isinstance(names, (list, tuple)) or not names:
        raise RequestError(f"operations must be a list of one or more names, not {names!r}")
    for name in names:
        if name not in OPERATIONS:
            raise unknown("operation", name, OPERATIONS)
    if len(set(names)) < len(names):
        raise RequestError(f"operations must be different ones, not {list(names)!r}")
    return tuple(name for name in OPERATIONS if name in names)


def operate(
    batch: Batch,
    choice: Choice,
    names: Sequence[str],
    space: Space,
    value_range: tuple[float, float],
    fill_value: float = 0.0,
    mask_fill_value: int = 0,
) -> Batch:
    """Returns the batch with one operation applied to each example.

    Args:
        batch: `Batch`; masks follow the geometric operations.
        choice: `Choice`.
        names: tuple of names, in the order of `OPERATIONS`.
        space: `Space`.
        value_range: (low, high), the smallest and the largest value that images can have.
        fill_value: what comes in from outside of the image.
        mask_fill_value: what comes in from outside of a mask.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.augmentation import Batch
        >>> batch = Batch(np.full((2, 4, 4, 3), 100, "float32"))
        >>> choice = Choice(np.array([1, 0], "int32"), np.ones(2, "float32"), np.ones(2, "float32"))
        >>> made = operate(batch, choice, ("brightness", "identity"), RAND_AUGMENT, (0, 255))
        >>> np.asarray(made.images)[:, 0, 0, 0].round(3).tolist()
        [100.0, 190.0]
    """
    moving = [name for name in names if name in GEOMETRIC]
    groups = [_mover(moving, space, fill_value, mask_fill_value)] if moving else []
    groups += [_changer(name, space, value_range) for name in names if name not in GEOMETRIC]
    number = ops.cast(choice.number, "int32")
    group = ops.maximum(number - (len(moving) - 1), 0) if moving else number
    operation = ops.stack([ops.cast(number, "float32"), choice.sign, choice.magnitude], axis=1)
    done = choose(batch._replace(labels=None, operation=operation), Draws(0, number), group, groups)
    return batch._replace(images=done.images, masks=done.masks)


def geometric_maps(
    names: Sequence[str], space: Space, numbers: Tensor, signed: Tensor, height: int, width: int
) -> Tensor:
    """Returns the maps of geometric operations for `affine`, float32 [b, 6].

    Args:
        names: list of some of `GEOMETRIC`.
        space: `Space`.
        numbers: float32 [b], the operations' places in `names`.
        signed: float32 [b], sign · magnitude.
        height: of the images, pixels.
        width: of the images, pixels.
    """

    def amount(name, largest):
        if name not in names:
            return ops.zeros_like(signed)
        return ops.where(ops.equal(numbers, float(names.index(name))), signed * np.float32(largest), 0.0)

    def whole(x):  # a thousandth more, so that rounding makes no 15 of 16
        return ops.sign(x) * ops.floor(ops.abs(x) + 1e-3)

    angle = amount("rotate", math.radians(space.degrees))
    shear_x, shear_y = amount("shear_x", space.shear), amount("shear_y", space.shear)
    right = whole(amount("translate_x", space.part * width + space.pixels))
    down = whole(amount("translate_y", space.part * height + space.pixels))
    cos, sin = elementary.cos(angle), elementary.sin(angle)
    turned = around_center((cos, -sin, sin, cos), height, width)
    # Of these at most one is not 0, so that they can be added up. Halves: the corner of the first pixel is the origin.
    zero = ops.zeros_like(angle)
    return turned + ops.stack([zero, shear_x, shear_x / 2 - right, shear_y, zero, shear_y / 2 - down], axis=1)


def _mover(names, space, fill_value, mask_fill_value):
    degrees = space.degrees if "rotate" in names else 0.0
    shrink = math.cos(math.radians(min(degrees, 45.0)))

    def move(batch, draws):
        height, width = batch.images.shape[1:3]
        numbers, sign, magnitude = (batch.operation[:, n] for n in range(3))
        maps = geometric_maps(names, space, numbers, sign * magnitude, height, width)
        images = affine(batch.images, maps, fill_value=fill_value, shrink=shrink, turns=degrees > 45)
        masks = on_masks(lambda m: affine(m, maps, "nearest", mask_fill_value, shrink, degrees > 45), batch.masks)
        return batch._replace(images=images, masks=masks)

    return move


def _changer(name, space, value_range):
    if name == "identity":
        return lambda batch, draws: batch
    low, high = value_range

    def change_colors(images, sign, magnitude):
        if name in WHOLE:
            return WHOLE[name](images, low, high)
        if name in ENHANCE and (name != "color" or images.shape[-1] == 3):  # an image without colors has no more
            return ENHANCE[name](images, 1.0 + sign * magnitude * np.float32(space.enhance), low, high)
        if name == "posterize":
            first, last = space.bits
            return posterize(images, first - ops.round(magnitude * (first - last)), low, high)
        if name == "solarize":
            threshold = low + (1.0 - magnitude) * np.float32((high - low) * 256 / 255)
            return solarize(images, threshold, low, high)
        return images

    def change(batch, draws):
        _, sign, magnitude = (batch.operation[:, n] for n in range(3))
        return batch._replace(images=on_colors(lambda colors: change_colors(colors, sign, magnitude), batch.images))

    return change


RAND_AUGMENT = Space(shear=0.3, part=150 / 331, pixels=0, degrees=30, enhance=0.9, bits=(8, 4))
"""RandAugment's ranges: of 150 pixels of 331, the size of AutoAugment's images, the part is kept."""

TRIVIAL_AUGMENT = Space(shear=0.99, part=0, pixels=32, degrees=135, enhance=0.99, bits=(8, 2))
"""TrivialAugment's wide ranges; 32 pixels whatever the size of the images."""

AUG_MIX = Space(shear=0.3, part=1 / 3, pixels=0, degrees=30, enhance=0.9, bits=(4, 0))
"""AugMix's ranges, of which severities use the lower part."""
