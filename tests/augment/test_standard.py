"""The standard augmentation against a loop in NumPy, and its invariances."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import Standard, random
from tf_tricks.errors import RequestError

SEED = 7
POSITIONS = np.arange(100, 164, dtype="int64")
LABELS = np.arange(64, dtype="int32")


def pictures(shape=(8, 6, 3), dtype="uint8", number=64):
    return np.random.RandomState(0).randint(1, 256, (number, *shape)).astype(dtype)


def reference(images, flip, pad):
    """Pad, crop, flip, one image at a time."""
    flips = np.asarray(random.integers(SEED, POSITIONS, 0, 0, 2))
    down, right = (np.asarray(random.integers(SEED, POSITIONS, s, -pad, pad + 1)) for s in (1, 2))
    height, width = images.shape[1:3]
    results = []
    for i, image in enumerate(images):
        padded = np.pad(image, [(pad, pad), (pad, pad), (0, 0)])
        crop = padded[pad + down[i] : pad + down[i] + height, pad + right[i] : pad + right[i] + width]
        results.append(crop[:, ::-1] if flip and flips[i] else crop)
    return np.stack(results)


@pytest.mark.parametrize("shape", [(8, 6, 3), (5, 5, 1)])
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("pad", [0, 1, 4, 5])
def test_it_equals_the_loop(shape, flip, pad):
    images = pictures(shape)
    augmented, _ = Standard(flip, pad)(images, LABELS, seed=SEED, positions=POSITIONS)
    np.testing.assert_array_equal(augmented, reference(images, flip, pad))


@given(start=st.integers(0, 63), size=st.integers(1, 64))
@settings(max_examples=20)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    images = pictures()
    whole, _ = Standard()(images, LABELS, seed=SEED, positions=POSITIONS)
    part = slice(start, start + size)
    augmented, _ = Standard()(images[part], LABELS[part], seed=SEED, positions=POSITIONS[part])
    np.testing.assert_array_equal(augmented, whole[part])


def test_another_seed_augments_differently():
    images = pictures()
    one, other = (np.asarray(Standard()(images, LABELS, seed=seed, positions=POSITIONS)[0]) for seed in (0, 1))
    assert (one != other).any()


def test_the_same_image_is_augmented_differently_in_another_epoch():
    images = pictures()
    one, other = (
        np.asarray(Standard()(images, LABELS, seed=SEED, positions=POSITIONS + epoch * 64)[0]) for epoch in (0, 1)
    )
    assert (one != other).any()


def test_half_of_the_images_are_flipped():
    number = 4000
    images = np.tile(np.array([[[1], [2]]], "uint8"), (number, 1, 1, 1))
    augmented, _ = Standard(flip=True, pad=0)(images, np.zeros(number), seed=SEED, positions=np.arange(number))
    assert abs((np.asarray(augmented)[:, 0, 0, 0] == 2).mean() - 0.5) < 4 * 0.5 / number**0.5


def test_every_shift_up_to_pad_occurs():
    number = 500
    images = np.zeros((number, 5, 5, 1), "uint8")
    images[:, 2, 2] = 1
    augmented, _ = Standard(flip=False, pad=2)(images, np.zeros(number), seed=SEED, positions=np.arange(number))
    np.testing.assert_array_equal(np.asarray(augmented).any(axis=0), np.ones((5, 5, 1), bool))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_shape_dtype_and_values_are_kept(dtype):
    images = pictures(dtype=dtype)
    augmented = np.asarray(Standard()(images, LABELS, seed=SEED, positions=POSITIONS)[0])
    assert (augmented.shape, augmented.dtype) == (images.shape, images.dtype)
    assert np.isin(augmented, np.append(images, 0)).all()


def test_labels_are_passed_through():
    np.testing.assert_array_equal(Standard()(pictures(), LABELS, seed=SEED, positions=POSITIONS)[1], LABELS)


def test_without_flip_and_pad_nothing_changes():
    images = pictures()
    np.testing.assert_array_equal(
        Standard(flip=False, pad=0)(images, LABELS, seed=SEED, positions=POSITIONS)[0], images
    )


@pytest.mark.parametrize("size", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("pad", [0, 2])
def test_cutout_paints_a_square_over_after_the_crop(size, pad):
    images = pictures()
    augmented, _ = Standard(pad=pad, cutout=size, fill_value=7.0)(images, LABELS, seed=SEED, positions=POSITIONS)
    centers = [np.asarray(random.integers(SEED, POSITIONS, stream, 0, side)) for stream, side in ((3, 8), (4, 6))]
    wanted = np.asarray(Standard(pad=pad, fill_value=7.0)(images, LABELS, seed=SEED, positions=POSITIONS)[0]).copy()
    for image, row, column in zip(wanted, *centers):
        top, left = row - size // 2, column - size // 2
        image[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 7
    np.testing.assert_array_equal(augmented, wanted)


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("form", ["flat", "stacked"])
def test_masks_move_along_and_are_not_painted_over(flip, form):
    images = pictures()
    masks = images[..., 0] if form == "flat" else images
    policy = Standard(flip=flip, cutout=3, mask_fill_value=255)
    _, _, moved = policy(images, LABELS, seed=SEED, positions=POSITIONS, masks=masks.astype("int32"))
    wanted = reference(masks[..., None] if form == "flat" else masks, flip, 4)
    wanted = np.where(wanted == 0, 255, wanted)
    np.testing.assert_array_equal(moved, wanted[..., 0] if form == "flat" else wanted)


@pytest.mark.parametrize("cutout", [0, 3])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_results_are_the_eager_ones(jit_compile, cutout):
    images = pictures()
    policy = Standard(cutout=cutout)
    compiled = tf.function(
        lambda *batch: policy(batch[0], batch[1], seed=SEED, positions=batch[2]), jit_compile=jit_compile
    )
    augmented, _ = compiled(tf.constant(images), tf.constant(LABELS), tf.constant(POSITIONS))
    np.testing.assert_array_equal(augmented, policy(images, LABELS, seed=SEED, positions=POSITIONS)[0])


def test_shapes_are_static_inside_a_graph():
    spec = tf.TensorSpec([64, 8, 6, 3], tf.uint8), tf.TensorSpec([64], tf.int32), tf.TensorSpec([64], tf.int64)
    policy = Standard()
    graph = tf.function(lambda *b: policy(b[0], b[1], seed=SEED, positions=b[2])).get_concrete_function(*spec)
    assert graph.output_shapes[0] == [64, 8, 6, 3]


def test_an_unknown_batch_size_is_possible():
    images = pictures()
    spec = tf.TensorSpec([None, 8, 6, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    policy = Standard()
    graph = tf.function(lambda x, p: policy(x, None, seed=SEED, positions=p), input_signature=spec)
    np.testing.assert_array_equal(graph(images, POSITIONS), policy(images, None, seed=SEED, positions=POSITIONS))


def test_pad_larger_than_the_image_gets_a_sentence():
    with pytest.raises(RequestError, match="pad must be at most the images' size, 6, not 7"):
        Standard(pad=7)(pictures(), LABELS, seed=SEED, positions=POSITIONS)


def test_inputs_that_are_no_images_get_a_sentence():
    with pytest.raises(RequestError, match=r"Standard takes images \[batch, height, width, channels\], not \(64, 10\)"):
        Standard()(np.zeros((64, 10), "float32"), LABELS, seed=SEED, positions=POSITIONS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"pad": -1}, "pad must be an integer at least 0, not -1"),
        ({"pad": 1.5}, "pad must be an integer at least 0, not 1.5"),
        ({"flip": 1}, "flip must be True or False, not 1"),
        ({"cutout": -8}, "cutout must be an integer at least 0, not -8"),
        ({"padding": 4}, "there is no argument of the augmentation 'standard' called 'padding'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "standard", **arguments})


def test_get_finds_it_by_name():
    assert isinstance(augment.get("standard"), Standard)


def test_get_returns_none_for_none():
    assert augment.get(None) is None


def test_get_corrects_a_misspelt_name():
    with pytest.raises(RequestError, match="there is no augmentation 'standrad'; did you mean 'standard'"):
        augment.get("standrad")


def test_its_config_makes_it_again():
    made = Standard(flip=False, pad=2, cutout=3, fill_value=1.0, name="mine")
    again = Standard.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert (again.flip, again.pad, again.cutout, again.fill_value, again.name) == (False, 2, 3, 1.0, "mine")
