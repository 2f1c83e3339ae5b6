"""Folders of pictures, against what Keras and Pillow make of the same files."""

import io
import json
import re
import struct

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from support.batches import everything

from tf_tricks import data
from tf_tricks.data import pictures
from tf_tricks.errors import RequestError

RAMP = np.stack(np.broadcast_arrays(np.arange(24)[:, None] * 9, np.arange(32) * 7, 90), axis=-1).astype("uint8")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TF_TRICKS_CACHE", str(folder))
    return folder


def picture(number=0, mode="RGB", size=(32, 24)):
    values = np.random.RandomState(number).randint(0, 256, (4, 5, 3)).astype("uint8")
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).convert(mode)


def save(image, path, **arguments):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **arguments)


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of two classes."""
    for i in range(12):
        save(picture(i), tmp_path / "pets" / ("cat" if i % 2 else "dog") / f"{i:02}.png")
    return tmp_path / "pets"


def get(folder, **arguments):
    return data.get({"name": "folder", "path": str(folder), "image_size": 16, **arguments})


def test_pictures_and_classes_are_those_of_keras(folder):
    inputs, labels = everything(get(folder, validation_fraction=0).train)
    theirs = keras.utils.image_dataset_from_directory(folder, image_size=(16, 16), shuffle=False, verbose=0)
    for ours, expected in zip((inputs, labels), next(iter(theirs))):
        np.testing.assert_array_equal(ours, np.round(expected))
    assert get(folder).train.label_names == theirs.class_names == ["cat", "dog"]


@pytest.mark.parametrize(
    ("resize", "box"),
    [("stretch", (0, 0, 32, 24)), ("crop", (4, 0, 28, 24))],
)
def test_how_pictures_come_to_one_size(folder, resize, box):
    inputs, _ = everything(get(folder, resize=resize, validation_fraction=0).train)
    part = np.asarray(Image.open(folder / "cat" / "01.png").crop(box), "float32")
    np.testing.assert_array_equal(inputs[0], np.round(tf.image.resize(part, (16, 16))))


def test_padding_keeps_the_whole_picture(folder):
    inputs, _ = everything(get(folder, resize="pad", validation_fraction=0).train)
    assert (inputs[0][:2] == 0).all()
    assert (inputs[0][14:] == 0).all()
    part = np.asarray(Image.open(folder / "cat" / "01.png"), "float32")
    np.testing.assert_array_equal(inputs[0][2:14], np.round(tf.image.resize(part, (12, 16))))


def test_height_and_width(folder):
    splits = get(folder, image_size=(6, 8), channels=1)
    assert splits.train.input_shape == (6, 8, 1)


def test_parts_of_their_own(tmp_path):
    for part, number in (("train", 8), ("val", 4), ("test", 2)):
        for i in range(number):
            save(picture(i), tmp_path / part / "ab"[i % 2] / f"{i}.jpg")
    splits = get(tmp_path)
    assert [getattr(splits, part).num_examples for part in ("train", "validation", "test")] == [8, 4, 2]
    with pytest.raises(RequestError, match=r"validation_fraction=0\.5 and a validation part"):
        get(tmp_path, validation_fraction=0.5)


def test_a_class_that_training_has_not(tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", "test/cta/3.png"):
        save(picture(), tmp_path / path)
    with pytest.raises(RequestError, match=r"training pictures for test/cta/3\.png 'cta'; did you mean 'cat'"):
        get(tmp_path)


def test_a_table_of_labels(folder):
    rows = [f"{name},{kind},{split}" for name, kind, split in (
        ("cat/01.png", 1, "train"), ("cat/03.png", 0, "train"), ("dog/02.png", 10, "train"), ("dog/00.png", 2, "train"),
        ("dog/04.png", 1, "test"),
    )]  # fmt: skip
    (folder / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    splits = get(folder, labels="labels.csv", validation_fraction=0)
    assert (splits.train.num_examples, splits.test.num_examples) == (4, 1)
    assert splits.train.label_names == ["0", "1", "10", "2"]


def test_integers_in_a_table_are_the_classes(folder):
    rows = [f"cat/{i:02}.png,{(i - 1) // 2 % 2}" for i in (1, 3, 5)] + [f"dog/{i:02}.png,{i // 2 + 2}" for i in (0, 2)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows]))
    assert everything(get(folder, labels="labels.csv", validation_fraction=0).train)[1].tolist() == [0, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("file,kind\na,b", "has no column label; it has file, kind"),
        ("file,label\ncat/01.png,", "has no label in line 2"),
        ("file,label\ncat/77.png,b", "line 2: there is no picture 'cat/77.png' in the folder"),
        ("file,label,split\ncat/01.png,b,tset", "in line 2 of .* called 'tset'; did you mean 'test'"),
    ],
)
def test_an_unusable_table(folder, content, sentence):
    (folder / "labels.csv").write_text(content)
    with pytest.raises(RequestError, match=sentence):
        get(folder, labels="labels.csv")


def exif(turned):
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, turned, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)


def as_pillow(image):
    """What a person sees, as Pillow knows it."""
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("suffix", "mode", "arguments"),
    [
        ("jpg", "RGB", {}),
        ("jpg", "L", {}),
        ("jpg", "CMYK", {}),
        ("jpg", "RGB", {"progressive": True}),
        ("png", "RGB", {}),
        ("png", "RGBA", {}),
        ("png", "LA", {}),
        ("png", "P", {}),
        ("png", "1", {}),
        ("gif", "P", {}),
        ("bmp", "RGB", {}),
        ("bmp", "L", {}),
        ("webp", "RGB", {"lossless": True}),
        ("webp", "RGBA", {"lossless": True}),
    ],
)
def test_every_kind_of_picture_looks_as_in_pillow(suffix, mode, arguments, tmp_path):
    save(picture(3, mode), tmp_path / f"x.{suffix}", **arguments)
    found = tf.io.decode_image(pictures.read(str(tmp_path / f"x.{suffix}")), channels=3, expand_animations=False)
    expected = as_pillow(Image.open(tmp_path / f"x.{suffix}"))
    assert np.abs(found.numpy().astype(int) - expected).max() <= (4 if suffix == "jpg" else 0)  # two decoders of JPEG


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_turned_photo_is_turned_back(turned, suffix, tmp_path):
    file = tmp_path / f"x.{suffix}"
    Image.fromarray(RAMP).save(file, exif=exif(turned))
    found = tf.io.decode_image(pictures.read(str(file)), channels=3)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    assert found.shape == expected.shape
    assert np.abs(found.numpy().astype(int) - expected).max() <= 4  # two decoders of JPEG


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    values = np.arange(0, 60000, 100, dtype="uint16").reshape(20, 30)
    Image.fromarray(values).save(tmp_path / "x.png")
    found = tf.io.decode_image(pictures.read(str(tmp_path / "x.png")), channels=3)
    np.testing.assert_array_equal(found[..., 1], values >> 8)


def test_hidden_and_other_files_are_passed_over(folder):
    save(picture(), folder / "cat" / ".hidden.png")
    save(picture(), folder / ".thumbnails" / "x.png")
    (folder / "notes.txt").write_text("notes")
    assert get(folder, validation_fraction=0).train.num_examples == 12


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def test_a_damaged_picture_is_named(folder):
    cut(folder / "cat" / "03.png", -20)
    with pytest.raises(RequestError, match=r"1 damaged picture: cat/03\.png \(.*max_corrupt=1"):
        get(folder)


def test_damaged_pictures_are_left_out_by_request(folder):
    cut(folder / "cat" / "03.png", 0)
    splits = get(folder, validation_fraction=0, max_corrupt=1)
    assert splits.train.num_examples == 11
    assert "left out 1 damaged picture: cat/03.png" in splits.note


def test_damage_in_the_middle_shows_when_pictures_are_decoded(folder):
    content = bytearray((folder / "dog" / "04.png").read_bytes())
    content[len(content) // 2] ^= 255
    (folder / "dog" / "04.png").write_bytes(content)
    with pytest.raises(RequestError, match=r"1 damaged picture: dog/04\.png"):
        get(folder)
    splits = get(folder, validation_fraction=0, max_corrupt=1)
    inputs, labels = everything(splits.train)
    assert (len(inputs), labels.tolist()) == (11, [0] * 6 + [1] * 5)


def test_what_was_found_damaged_is_kept_until_a_file_changes(folder, own_cache):
    cut(folder / "cat" / "03.png", 9)
    get(folder, max_corrupt=1)
    (kept,) = (own_cache / "pictures").iterdir()
    assert list(json.loads(kept.read_text())["damaged"]) == ["cat/03.png"]
    save(picture(), folder / "cat" / "03.png")
    assert get(folder, validation_fraction=0).train.num_examples == 12


def test_memory_and_disk_give_the_same_batches(folder):
    streams = [data.Stream(get(folder, memory_budget=budget).train, 4, seed=2) for budget in (1e9, 0)]
    assert [type(stream.source) for stream in streams] == [data.ArraySource, data.EncodedSource]
    for k in range(6):
        for one, other in zip(streams[0][k], streams[1][k]):
            np.testing.assert_array_equal(one, other)


def test_random_parts_are_a_function_of_seed_and_position(folder):
    source = get(folder, resize="random_resized_crop", validation_fraction=0).train
    four, six = (data.Stream(source, size, seed=1) for size in (4, 6))
    one = np.concatenate([four[k][0] for k in range(3)])
    other = np.concatenate([six[k][0] for k in range(2)])
    np.testing.assert_array_equal(one, other)


def test_evaluation_sees_the_middle_where_training_crops_at_random(folder):
    splits = get(folder, resize="random_resized_crop", validation_fraction=0.5)
    first, again = (splits.validation.fetch(tf.constant([0], tf.int64), tf.constant([k], tf.int64)) for k in (0, 9))
    np.testing.assert_array_equal(first[0], again[0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"image_size": None}, "say to which size the pictures are brought"),
        ({"image_size": (3, 4, 5)}, r"image_size must be an integer or \(height, width\)"),
        ({"resize": "padd"}, "there is no resize 'padd'; did you mean 'pad'"),
        ({"channels": 4}, "channels must be 3 or, for gray pictures, 1, not 4"),
        ({"max_corrupt": -1}, "max_corrupt must be an integer at least 0"),
        ({"labels": "no.csv"}, "there is no table of labels"),
    ],
)
def test_unusable_arguments_get_a_sentence(folder, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        get(folder, **arguments)


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(RequestError, match=re.escape("has no pictures (JPEG, PNG, GIF, BMP, WebP), but .txt")):
        get(tmp_path)


def test_pictures_without_a_class(tmp_path):
    save(picture(), tmp_path / "x.png")
    with pytest.raises(RequestError, match=r"the picture x\.png in .* is in no sub-folder of a class"):
        get(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RequestError, match="there is no folder of pictures"):
        get(tmp_path / "none")


def test_what_is_no_picture_says_so(tmp_path):
    (tmp_path / "x.jpg").write_bytes(io.BytesIO(b"hello, world").getvalue())
    with pytest.raises(OSError, match=r"the picture .*x\.jpg cannot be read: "):
        pictures.read(str(tmp_path / "x.jpg"))
