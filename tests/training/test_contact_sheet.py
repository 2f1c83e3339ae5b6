"""The sheet shows a stream's examples and what the augmentation makes of them, and draws nothing from elsewhere."""

import io
import math

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

import tf_tricks as tt
from tf_tricks import augment
from tf_tricks.data import Stream
from tf_tricks.training import contact_sheet
from tf_tricks.training.contact_sheet import Row, caption, draw, of_stream, rows_of, shows

NAMES = ["bird", "cat", "dog"]


def brighter(images, labels, seed, positions):
    """Adds the position to the images: which tells at which one they were augmented."""
    return images + tf.cast(positions, images.dtype)[:, None, None, None], labels


def examples(number=20, size=4, channels=1):
    """Images whose one value is the example's number times 100."""
    values = 100.0 * np.arange(number, dtype="float32")
    return np.broadcast_to(values[:, None, None, None], (number, size, size, channels)), np.arange(number) % 3


def pixels(picture):
    """The picture as integers [height, width, 3]."""
    return np.round(255 * imread(io.BytesIO(picture))[..., :3]).astype(int)


# What is shown


def test_the_originals_are_the_first_examples_of_the_stream():
    stream = Stream(examples(), seed=1, augment=brighter)
    expected, labels = stream.fetch(tf.range(5, dtype=tf.int64))
    rows = rows_of(stream, 5, [0])
    np.testing.assert_array_equal([row.images[0] for row in rows], expected)
    assert [row.captions[0] for row in rows] == [str(label) for label in labels.numpy()]


def test_variants_are_of_their_own_example_at_other_positions():
    for row in rows_of(Stream(examples(), seed=1, augment=brighter), 5, [0, 8, 16]):
        original, *variants = [float(image[0, 0, 0]) for image in row.images]
        positions = [variant - original for variant in variants]
        assert [position // 8 for position in positions] == [0, 1, 2]


def test_a_batch_to_mix_in_has_other_examples_even_for_one_row():
    sizes = []

    def noted(images, labels, seed, positions):
        sizes.append(images.shape[0])
        return images, labels

    assert len(rows_of(Stream(examples(), augment=noted), 1, [0])) == 1
    assert sizes == [8]


def test_neighbours_in_the_batch_change():
    neighbours = []

    def noted(images, labels, seed, positions):
        neighbours.append(images[:, 0, 0, 0].numpy().tolist())
        return images, labels

    rows_of(Stream(examples(), augment=noted), 8, [0, 8])
    assert neighbours[0] != neighbours[1]
    assert sorted(neighbours[0]) == sorted(neighbours[1])


def test_weights_of_the_examples_are_not_shown():
    data = examples()
    plain, weighted = (
        rows_of(Stream(given, seed=1, augment=brighter), 2, [0]) for given in (data, (*data, np.ones(20, "float32")))
    )
    for row, other in zip(weighted, plain, strict=True):
        np.testing.assert_array_equal(row.images, other.images)
        assert row.captions == other.captions


def test_more_rows_than_examples():
    assert len(rows_of(Stream(examples(3), augment=brighter), 8, [0])) == 3


@pytest.mark.parametrize("number", [1, 3, 20])
@pytest.mark.parametrize("rows", [1, 9])
def test_batches_keep_pairs_together(number, rows):
    stream = Stream(examples(number), augment=augment.get("mixup", num_classes=3))
    of_stream(stream, 1.25, rows, 3)


@pytest.mark.parametrize(("shape", "are_images"), [((4, 4, 3), True), ((16,), False)])
def test_which_sources_have_images(shape, are_images):
    assert shows(Stream((np.zeros((2, *shape)), np.arange(2))).source) is are_images


@pytest.mark.parametrize(("number", "epochs"), [(20, 2), (20, 1.5), (1000, 30), (3, 1)])
def test_columns_are_of_epochs_that_the_run_has(number, epochs, monkeypatch):
    drawn = []
    monkeypatch.setattr(contact_sheet, "draw", lambda rows, titles, format: drawn.append(titles))
    of_stream(Stream(examples(number), augment=brighter), epochs, 2, 6)
    original, *titles = drawn[0]
    shown = [int(title.removeprefix("epoch ")) for title in titles]
    assert original == "original"
    assert (shown[0], shown[-1]) == (1, math.ceil(epochs))
    assert shown == sorted(shown)


# Labels


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (np.int32(1), "cat"),
        (np.array([0, 0, 1], "float32"), "dog"),
        (np.array([0, 0.3, 0.7], "float32"), "dog 0.7\ncat 0.3"),
        (np.array([0.05, 0.05, 0.9], "float32"), "dog 0.9\nbird 0.05"),
        (np.array([0.999, 0.001, 0], "float32"), "bird"),
    ],
)
def test_the_caption_of_a_label(label, text):
    assert caption(label, 3, NAMES) == text


def test_a_class_without_a_name_is_its_number():
    assert caption(np.int32(7), 10) == "7"


def test_the_caption_of_real_numbers():
    assert caption(np.array([0.5, -1.25], "float32")) == "0.5 -1.25"


# The picture


def test_the_picture_holds_the_images_magnified_without_blur():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")
    shown = pixels(draw([Row([image, image], ["", ""])]))
    large = image.repeat(16, axis=0).repeat(16, axis=1)
    np.testing.assert_array_equal(shown[8:136, 8:136], large)
    np.testing.assert_array_equal(shown[8:136, 144:272], large)


@pytest.mark.parametrize(("shape", "side"), [((224, 224, 3), 128), ((28, 28, 1), 140), ((100, 50, 3), 100)])
def test_images_are_shown_in_a_size_to_look_at(shape, side):
    assert pixels(draw([Row([np.zeros(shape, "uint8")], [""])])).shape[0] == side + 16


@pytest.mark.parametrize("white", [1, 16, 255])
def test_the_brightest_is_white(white):
    image = np.array([[0, white]], "float32")[..., None]
    shown = pixels(draw([Row([image], [""])]))
    assert shown[9, 9].tolist() == [0, 0, 0]
    assert shown[9, 100].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_alpha_is_over_white_as_in_pillow(mode, dtype):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, len(mode))).astype("uint8")
    given = image if dtype == "uint8" else image.astype("float32") / 255
    shown = pixels(draw([Row([given], [""])]))[8:136:16, 8:136:16]
    white = Image.new("RGBA", (8, 8), "white")
    wanted = np.asarray(Image.alpha_composite(white, Image.fromarray(image).convert("RGBA")))
    assert np.abs(shown - wanted[..., :3]).max() <= 1


def test_text_is_below_the_image_it_belongs_to():
    image = np.zeros((8, 8, 1), "uint8")
    shown = pixels(draw([Row([image, image], ["", "a label"])]))
    below = shown[137:]
    assert (below[:, :136] == 255).all()
    assert (below[:, 144:] < 128).any()


def test_the_name_of_a_row_is_beside_the_middle_of_its_images():
    image = np.zeros((8, 8, 1), "uint8")
    shown = pixels(draw([Row([image], [""], "name")]))
    ink = np.flatnonzero((shown[:, :38] < 128).any(axis=(1, 2)))
    assert abs(ink.mean() - (8 + 128 / 2)) < 4


@pytest.mark.parametrize("text", ["$x^2", "a_b {c} \\d", "猫", "x" * 200])
def test_any_name_can_be_written(text):
    assert draw([Row([np.zeros((8, 8, 1), "uint8")], [text], "name")], ["title"])


def test_a_sheet_as_jpeg():
    assert of_stream(Stream(examples(), augment=brighter), 1, 2, 2, "jpg")[:3] == b"\xff\xd8\xff"


# In a run


def fit(workdir, epochs, data, **arguments):
    model = tt.models.get("mlp", input_shape=data[0].shape[1:], num_outputs=3)
    trainer = tt.Trainer(model, "sgd", 0.01, 5)
    trainer.fit(Stream(data, augment=brighter, **arguments), epochs, workdir=workdir, verbose=0)
    return [np.asarray(w) for w in model.weights]


def sheets(workdir):
    accumulator = EventAccumulator(str(workdir / "tensorboard" / "train"), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator.Tensors("augmented") if "augmented" in accumulator.Tags()["tensors"] else []


def test_tensorboard_has_the_sheet_once_also_after_a_resume(tmp_path):
    fit(tmp_path, 1, examples())
    fit(tmp_path, 2, examples())
    (event,) = sheets(tmp_path)
    width, height, png = event.tensor_proto.string_val
    assert event.step == 0
    assert pixels(png).shape == (int(height), int(width), 3)


def test_no_sheet_of_what_are_no_images(tmp_path):
    def noted(inputs, labels, seed, positions):
        return inputs + 1, labels

    data = (np.zeros((20, 4), "float32"), np.arange(20) % 3)
    model = tt.models.get("mlp", input_shape=(4,), num_outputs=3)
    tt.Trainer(model, "sgd", 0.01, 5).fit(Stream(data, augment=noted), 1, workdir=tmp_path, verbose=0)
    assert sheets(tmp_path) == []


def test_the_sheet_changes_nothing_of_the_run(tmp_path):
    import keras

    weights = []
    for workdir in (tmp_path, None):
        keras.utils.set_random_seed(0)
        weights.append(fit(workdir, 2, examples()))
        weights[-1].append(tf.random.uniform([3]).numpy())  # what draws from a state comes to the same number
    for one, other in zip(*weights):
        np.testing.assert_array_equal(one, other)
