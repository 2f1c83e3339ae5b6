"""The operations of policies against Pillow, at given magnitudes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies import operations
from tf_tricks.augment.policies.operations import AUG_MIX, OPERATIONS, RAND_AUGMENT, TRIVIAL_AUGMENT, Choice, operate
from tf_tricks.errors import RequestError

MAGNITUDES = [0.1, 0.3, 0.5, 1.0]
SIZE = 24


def picture(size=SIZE):
    """A smooth coloured image with noise, uint8, that fills most of the range."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    waves = np.stack([np.sin(6 * rows + n) * np.cos(5 * columns - n) for n in range(3)], axis=-1)
    return np.clip(120 + 80 * waves + rng.normal(0, 10, waves.shape), 4, 250).astype("uint8")


def one(name, magnitude, sign=1.0, image=None, space=RAND_AUGMENT, masks=None, **keywords):
    """The operation's result for one image, float32, and for its masks."""
    image = picture() if image is None else image
    choice = Choice(np.zeros(1, "int32"), np.full(1, sign, "float32"), np.full(1, magnitude, "float32"))
    batch = Batch(image[None].astype("float32"), None, masks)
    made = operate(batch, choice, (name,), space, (0.0, 255.0), **keywords)
    return np.asarray(made.images)[0], made.masks


def pillow_moved(image, data):
    """Each channel of the image by Pillow's affine transform, in floats."""
    channels = [Image.fromarray(channel.astype("float32")) for channel in np.moveaxis(image, -1, 0)]
    moved = [c.transform(c.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR) for c in channels]
    return np.stack([np.asarray(c) for c in moved], axis=-1)


INNER = slice(8, 16)  # Pillow extends the border where bilinear samples are half outside, so compare away from it


@pytest.mark.parametrize("magnitude", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_shears_are_pillows(magnitude, sign):
    slope = 0.3 * magnitude * sign
    found = one("shear_x", magnitude, sign)[0], one("shear_y", magnitude, sign)[0]
    wanted = [pillow_moved(picture(), data) for data in ((1, slope, 0, 0, 1, 0), (1, 0, 0, slope, 1, 0))]
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a[INNER, INNER], b[INNER, INNER], atol=0.02)


@pytest.mark.parametrize("magnitude", MAGNITUDES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_translations_move_by_whole_pixels(magnitude, sign):
    pixels = sign * math.floor(SIZE * 150 / 331 * magnitude)
    padded = np.pad(picture(), [(SIZE, SIZE), (SIZE, SIZE), (0, 0)])
    start, same = SIZE - pixels, slice(SIZE, 2 * SIZE)
    moved = slice(start, start + SIZE)
    np.testing.assert_allclose(one("translate_x", magnitude, sign)[0], padded[same, moved], atol=1e-3)
    np.testing.assert_allclose(one("translate_y", magnitude, sign)[0], padded[moved, same], atol=1e-3)


def test_trivial_augment_translates_by_pixels_whatever_the_size():
    moved = one("translate_x", 0.25, space=TRIVIAL_AUGMENT)[0]
    np.testing.assert_allclose(moved[:, 8:], picture()[:, :-8], atol=1e-3)
    np.testing.assert_array_equal(moved[:, :8], 0)


@pytest.mark.parametrize("magnitude", MAGNITUDES)
@pytest.mark.parametrize("space", [RAND_AUGMENT, TRIVIAL_AUGMENT])
def test_rotations_are_pillows(magnitude, space):
    image = picture()
    angle = math.radians(space.degrees * magnitude)
    cos, sin, center = math.cos(angle), math.sin(angle), SIZE / 2
    data = (cos, -sin, center * (1 - cos + sin), sin, cos, center * (1 - cos - sin))
    found = one("rotate", magnitude, space=space)[0]
    np.testing.assert_allclose(found[INNER, INNER], pillow_moved(image, data)[INNER, INNER], atol=0.05)


@pytest.mark.parametrize("magnitude", MAGNITUDES)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("color", ImageEnhance.Color),
        ("contrast", ImageEnhance.Contrast),
        ("sharpness", ImageEnhance.Sharpness),
    ],
)
def test_enhancements_are_pillows(name, enhancer, magnitude, sign):
    wanted = np.asarray(enhancer(Image.fromarray(picture())).enhance(1 + sign * 0.9 * magnitude))
    # Pillow rounds the gray, smooth or mean image before it blends, and cuts off after it.
    np.testing.assert_allclose(one(name, magnitude, sign)[0], wanted, atol=2)


@pytest.mark.parametrize(("magnitude", "bits"), [(0.0, 8), (0.3, 7), (0.5, 6), (0.7, 5), (1.0, 4)])
def test_posterize_is_pillows(magnitude, bits):
    wanted = np.asarray(ImageOps.posterize(Image.fromarray(picture()), bits))
    np.testing.assert_array_equal(one("posterize", magnitude)[0], wanted)


@pytest.mark.parametrize(
    ("space", "magnitude", "bits"), [(TRIVIAL_AUGMENT, 1.0, 2), (AUG_MIX, 0.0, 4), (AUG_MIX, 0.3, 3)]
)
def test_each_policy_posterizes_in_its_range(space, magnitude, bits):
    wanted = np.asarray(ImageOps.posterize(Image.fromarray(picture()), bits))
    np.testing.assert_array_equal(one("posterize", magnitude, space=space)[0], wanted)


@pytest.mark.parametrize("magnitude", [0.0, 0.3, 0.5, 1.0])
def test_solarize_is_pillows(magnitude):
    image = picture()
    image[0, 0], image[0, 1] = 255, 0
    wanted = np.asarray(ImageOps.solarize(Image.fromarray(image), threshold=256 * (1 - magnitude)))
    np.testing.assert_array_equal(one("solarize", magnitude, image=image)[0], wanted)


def test_autocontrast_and_equalize_are_pillows():
    image = picture()
    pillow = Image.fromarray(image)
    np.testing.assert_allclose(one("autocontrast", 0.3)[0], np.asarray(ImageOps.autocontrast(pillow)), atol=1)
    np.testing.assert_array_equal(one("equalize", 0.3)[0], np.asarray(ImageOps.equalize(pillow)))


@pytest.mark.parametrize("name", ["posterize", "equalize"])
def test_values_between_gray_levels_count_as_the_nearest(name):
    image = picture().astype("float32")
    moved = image + np.random.default_rng(1).uniform(-0.4, 0.4, image.shape).astype("float32")
    np.testing.assert_array_equal(one(name, 0.5, image=moved)[0], one(name, 0.5)[0])


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n not in operations.WHOLE])
@pytest.mark.parametrize("space", [RAND_AUGMENT, TRIVIAL_AUGMENT])
def test_without_magnitude_nothing_changes(name, space):
    np.testing.assert_allclose(one(name, 0.0, space=space)[0], picture(), atol=1e-3)


@given(number=st.lists(st.integers(0, 13), min_size=6, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_in_a_batch_each_example_gets_its_own_operation(number, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (6, 8, 8, 3)).astype("float32")
    sign, magnitude = np.sign(rng.uniform(-1, 1, 6)).astype("float32"), rng.uniform(0, 1, 6).astype("float32")
    choice = Choice(np.array(number, "int32"), sign, magnitude)
    found = np.asarray(operate(Batch(images), choice, OPERATIONS, RAND_AUGMENT, (0.0, 255.0)).images)
    for n in range(6):
        wanted, _ = one(OPERATIONS[number[n]], magnitude[n], sign[n], images[n])
        np.testing.assert_allclose(found[n], wanted, atol=1e-3)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels(name, channels):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, channels)).astype("uint8")
    made, _ = one(name, 0.5, image=image)
    assert made.shape == image.shape
    assert made.min() >= 0
    assert made.max() <= 255.001


@pytest.mark.parametrize("name", ["translate_x", "rotate"])
@pytest.mark.parametrize("form", ["flat", "stacked"])
def test_masks_follow_what_moves(name, form):
    mask = (picture()[..., :2] // 100 + 1).astype("int32")
    given = mask[None, ..., 0] if form == "flat" else mask[None]
    _, moved = one(name, 0.5, image=mask, masks=given, mask_fill_value=9)
    moved = np.asarray(moved)[0]
    assert (moved.shape, moved.dtype) == (given.shape[1:], given.dtype)
    # Nearest where the bilinear sample is of one class only.
    smooth = one(name, 0.5, image=mask, fill_value=9.0)[0]
    smooth = smooth[..., 0] if form == "flat" else smooth
    sure = np.abs(smooth - smooth.round()) < 1e-4
    pure = sure & (moved != 9)
    assert pure.mean() > 0.3
    assert (np.abs(moved - smooth)[pure] < 1e-3).mean() > 0.95


def test_masks_stay_where_only_colours_change():
    mask = np.ones((1, SIZE, SIZE), "int32")
    for name in ("brightness", "equalize", "identity"):
        np.testing.assert_array_equal(one(name, 0.5, masks=mask)[1], mask)


def test_what_comes_in_has_the_fill_value():
    assert (one("translate_y", 1.0, fill_value=128.0)[0][:5] == 128).all()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["rotat"], "there is no operation 'rotat'; did you mean 'rotate'"),
        ([], r"operations must be a list of one or more names, not \[\]"),
        ("rotate", "operations must be a list of one or more names, not 'rotate'"),
        (["rotate", "rotate"], r"operations must be different ones, not \['rotate', 'rotate'\]"),
    ],
)
def test_unusable_names_get_a_sentence(names, sentence):
    with pytest.raises(RequestError, match=sentence):
        operations.check_names(names, OPERATIONS)
