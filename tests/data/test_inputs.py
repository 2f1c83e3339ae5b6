"""What is to be predicted, in every form, is what the model takes, or a sentence says why not."""

import keras
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from tf_tricks.data.input_spec import InputSpec, spec_of, white_of
from tf_tricks.data.inputs import read_inputs
from tf_tricks.data.sources import ArraySource
from tf_tricks.errors import RequestError

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(5, 3))
IMAGES = RNG.integers(0, 256, (5, 8, 8, 1), "uint8")


def model(shape, dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), layers.Flatten(), layers.Dense(2)])


def two_inputs(kind=dict):
    a, b = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    outputs = layers.Dense(2)(layers.Concatenate()([a, b]))
    return keras.Model({"a": a, "b": b} if kind is dict else [a, b], outputs)


def fetched(inputs, indices):
    values, damaged = inputs.fetch(np.array(indices))
    assert damaged == {}
    return values


# Arrays


@pytest.mark.parametrize("form", ["x.npz", "x.npy"])
def test_an_array(tmp_path, form):
    np.savez(tmp_path / form, x=VECTORS, y=np.zeros(5)) if form.endswith("z") else np.save(tmp_path / form, VECTORS)
    inputs = read_inputs(tmp_path / form, None, model((3,)))
    assert list(inputs.keys) == [0, 1, 2, 3, 4]
    found = fetched(inputs, [4, 0])
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, VECTORS[[4, 0]].astype("float32"))


@pytest.mark.parametrize("kind", [dict, list])
def test_an_array_for_each_input(tmp_path, kind):
    np.savez(tmp_path / "x.npz", b=VECTORS[:, 0], a=VECTORS[:, 1:], y=np.zeros(5))
    found = fetched(read_inputs(tmp_path / "x.npz", None, two_inputs(kind)), [1, 2])
    a, b = (found["a"], found["b"]) if kind is dict else found
    np.testing.assert_allclose(a, VECTORS[1:3, 1:], rtol=1e-6)
    np.testing.assert_allclose(b, VECTORS[1:3, :1], rtol=1e-6)


def test_gray_images_without_an_axis_for_channels(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES[..., 0])
    np.testing.assert_array_equal(fetched(read_inputs(tmp_path / "x.npy", None, model((8, 8, 1))), [2]), IMAGES[[2]])


def test_numbers_become_what_the_training_inputs_were(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES.astype("int64"))
    spec = InputSpec([8, 8, 1], "uint8", [0, 255])
    assert fetched(read_inputs(tmp_path / "x.npy", None, model((8, 8, 1)), spec), [2]).dtype == "uint8"


def test_images_of_another_range_are_told(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    spec = InputSpec([8, 8, 1], "float32", [0.0, 1.0])
    assert read_inputs(tmp_path / "x.npy", None, model((8, 8, 1)), spec).said == (
        f"the values go up to {IMAGES.max()}, and those of the training images went up to 1",
    )


def test_texts(tmp_path):
    inputs = keras.Input((1,), dtype="string")
    made = keras.Model(inputs, layers.Dense(1)(layers.Hashing(4, output_mode="multi_hot")(inputs)))
    np.save(tmp_path / "x.npy", np.array(["one", "two"]))
    assert fetched(read_inputs(tmp_path / "x.npy", None, made), [1]).tolist() == [["two"]]


# Tables


@pytest.mark.parametrize("form", ["x.csv", "x.parquet"])
def test_a_column_for_each_input(tmp_path, form):
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    made = keras.Model({"a": a, "b": b}, layers.Dense(2)(layers.Concatenate()([a, b])))
    table(tmp_path / form, b=VECTORS[:, 0], name=list("abcde"), a=[1, 2, 3, 4, 5])
    found = fetched(read_inputs(tmp_path / form, None, made), [3])
    assert found["a"].tolist() == [[4]]
    np.testing.assert_allclose(found["b"], VECTORS[[3], :1], rtol=1e-6)


def test_as_many_columns_of_numbers_as_the_model_takes(tmp_path):
    table(tmp_path / "x.csv", q=VECTORS[:, 0], name=list("abcde"), p=VECTORS[:, 1], r=VECTORS[:, 2])
    inputs = read_inputs(tmp_path / "x.csv", None, model((3,)))
    np.testing.assert_allclose(fetched(inputs, [0, 4]), VECTORS[[0, 4]], rtol=1e-6)
    assert inputs.said == ("the inputs are the columns q, p, r, in this order",)


def table(path, **columns):
    write = pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table
    write(pa.table(columns), path)


# Pictures


def pictures(folder):
    for i, image in enumerate(IMAGES):
        Image.fromarray(image[..., 0]).save(folder / f"{i}.png")


def test_a_folder_of_pictures(tmp_path):
    pictures(tmp_path)
    (tmp_path / "2.png").write_bytes(b"hello")
    inputs = read_inputs(tmp_path, None, model((8, 8, 1)), InputSpec([8, 8, 1], "uint8", [0, 255]))
    assert inputs.keys == [f"{i}.png" for i in range(5)]
    found, damaged = inputs.fetch(np.array([1, 2, 3]))
    np.testing.assert_array_equal(found, IMAGES[[1, 3]])
    assert list(damaged) == [1]
    assert "cannot identify image file" in damaged[1]


def test_an_input_with_a_name(tmp_path):
    pictures(tmp_path)
    inputs = {"image": keras.Input((8, 8, 1), name="image")}
    found = fetched(read_inputs(tmp_path, None, keras.Model(inputs, layers.Flatten()(inputs["image"]))), [2])
    np.testing.assert_array_equal(found["image"], IMAGES[[2]])


def test_a_single_picture(tmp_path):
    pictures(tmp_path)
    inputs = read_inputs(tmp_path / "3.png", None, model((8, 8, 1)), InputSpec([8, 8, 1], "uint8", [0, 255]))
    assert inputs.keys == ["3.png"]
    np.testing.assert_array_equal(fetched(inputs, [0]), IMAGES[[3]])


@pytest.mark.parametrize(
    ("spec", "white", "dtype"),
    [
        (InputSpec([8, 8, 1], "uint8", [0, 255]), 255, "uint8"),
        (InputSpec([8, 8, 1], "uint8", [0, 16]), 16, "uint8"),
        (InputSpec([8, 8, 1], "float32", [0, 1]), 1, "float32"),
        (InputSpec([8, 8, 1], "float32", [3, 250]), 255, "float32"),
    ],
)
def test_values_are_those_of_the_training_images(tmp_path, spec, white, dtype):
    pictures(tmp_path)
    inputs = read_inputs(tmp_path, None, model((8, 8, 1)), spec)
    found = fetched(inputs, [0, 1])
    assert found.dtype == dtype
    np.testing.assert_allclose(found, IMAGES[:2] * (white / 255), atol=0.5 if dtype == "uint8" else 1e-6)
    assert any(f"brought to 0 to {white}," in line for line in inputs.said) == (white != 255)


def test_images_that_were_standardized_are_refused(tmp_path):
    pictures(tmp_path)
    with pytest.raises(RequestError, match=r"trained on images with values from -2\.1 to 2\.6, and those of pictures"):
        read_inputs(tmp_path, None, model((8, 8, 1)), InputSpec([8, 8, 1], "float32", [-2.1, 2.6]))


@pytest.mark.parametrize(
    ("data", "part", "how"),
    [
        ("digits", None, "stretch"),
        ({"name": "digits"}, None, "stretch"),
        ({"name": "digits", "resize": "pad"}, None, "pad"),
        ({"name": "digits", "resize": "crop"}, None, "crop"),
        ({"name": "cifar10", "image_size": 8}, None, "crop"),
        ({"name": "imagenet2012", "image_size": 8, "resize": "random_resized_crop"}, 0.875, "crop 0.875"),
    ],
)
def test_the_config_says_how_they_are_resized(tmp_path, data, part, how):
    wide = RNG.integers(0, 256, (16, 32), "uint8")
    Image.fromarray(wide).save(tmp_path / "a.png")
    inputs = read_inputs(tmp_path, {"data": data}, model((8, 8, 1)), InputSpec([8, 8, 1], "uint8", [0, 255]))
    side = round(16 * (part or 1.0))
    box = ((32 - side) // 2, (16 - side) // 2, (32 + side) // 2, (16 + side) // 2) if "crop" in how else (0, 0, 32, 16)
    seen = np.asarray(Image.open(tmp_path / "a.png").crop(box), "float32")[..., None]
    found = np.asarray(fetched(inputs, [0])[0])
    if how == "pad":
        assert (found[:2] == 0).all()
        assert (found[6:] == 0).all()
        found, expected = found[2:6], tf.image.resize(seen, (4, 8), antialias=True)
    else:
        expected = tf.image.resize(seen, (8, 8))
    np.testing.assert_array_equal(found, np.round(expected))
    assert any("the run's data say nothing of pictures" in line for line in inputs.said) == (how == "stretch")


def test_other_files_are_counted(tmp_path):
    pictures(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert "passed over, no pictures: 1 file" in read_inputs(tmp_path, None, model((8, 8, 1))).said


def test_a_size_that_the_model_leaves_open_is_that_of_the_training_images(tmp_path):
    pictures(tmp_path)
    inputs = keras.Input((None, None, 1))
    made = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    found = read_inputs(tmp_path, None, made, InputSpec([4, 6, 1], "uint8", [0, 255]))
    assert fetched(found, [0]).shape == (1, 4, 6, 1)
    with pytest.raises(RequestError, match=r"takes no pictures of a known size, its inputs are x \[None, None, 1\]"):
        read_inputs(tmp_path, None, made)


# What cannot be read


def archive(**arrays):
    return lambda path: np.savez(path, **arrays)


REFUSED = {
    "nothing there": ("x.npz", lambda path: None, "there is no file or folder"),
    "another kind of file": (
        "x.txt",
        lambda path: path.write_text("1"),
        r"must be a folder of pictures, or a file \.npz",
    ),
    "an empty folder": ("x", lambda path: path.mkdir(), r"there is no picture \(\.jpg, "),
    "pictures for vectors": (
        "x.png",
        lambda path: path.write_bytes(b""),
        r"takes no pictures .* its inputs are x \[3\]",
    ),
    "no archive": (
        "x.npz",
        lambda path: path.write_bytes(b"PK\x03\x04"),
        "cannot be read as a NumPy archive of numbers",
    ),
    "no array": ("x.npy", lambda path: path.write_bytes(b"hello"), "cannot be read as a NumPy array of numbers"),
    "other names": ("x.npz", archive(X=VECTORS), "lacks the array x; it holds X"),
    "another shape": (
        "x.npz",
        archive(x=VECTORS[:, :2]),
        r"the model takes inputs \[3\], and x holds \[2\] in each row",
    ),
    "no rows": ("x.npz", archive(x=VECTORS[:0]), "there is nothing to predict"),
    "a number": ("x.npz", archive(x=np.float32(3)), "as many rows each, not x"),
    "not finite": ("x.npz", archive(x=np.where(np.arange(15).reshape(5, 3) == 7, np.nan, 0)), "finite, and row 2"),
    "texts": ("x.npz", archive(x=np.full((5, 3), "a")), "the model takes float32, and x holds <U1"),
    "no table": ("x.parquet", lambda path: path.write_bytes(b"hello"), "cannot be read as a table"),
    "too few columns": ("x.csv", lambda path: path.write_text("a,b\n1,2\n"), "has 2 columns of numbers: a, b"),
    "empty cells": (
        "x.csv",
        lambda path: path.write_text("a,b,c\n1,,3\n"),
        "the column 'b' of .* has no value in row 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_gets_a_sentence(tmp_path, case):
    name, make, sentence = REFUSED[case]
    make(tmp_path / name)
    with pytest.raises(RequestError, match=sentence):
        read_inputs(tmp_path / name, None, model((3,)))


def test_numbers_that_no_byte_holds(tmp_path):
    np.save(tmp_path / "x.npy", 2 * IMAGES.astype("int64"))
    with pytest.raises(RequestError, match="the model takes whole numbers from 0 to 255, and x holds 0 to"):
        read_inputs(tmp_path / "x.npy", None, model((8, 8, 1), "uint8"))


def test_one_array_for_two_inputs(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    with pytest.raises(RequestError, match=r"the model takes a, b: save them in an \.npz"):
        read_inputs(tmp_path / "x.npy", None, two_inputs())
    np.savez(tmp_path / "x.npz", a=VECTORS[:, :2])
    with pytest.raises(RequestError, match="lacks the array b; it holds a"):
        read_inputs(tmp_path / "x.npz", None, two_inputs())
    np.savez(tmp_path / "x.npz", a=VECTORS[:, :2], b=VECTORS[:3, 0])
    with pytest.raises(RequestError, match=r"as many rows each, not a \[5, 2\], b \[3\]"):
        read_inputs(tmp_path / "x.npz", None, two_inputs())


# What a run keeps of its inputs


def test_the_spec_of_a_source():
    assert spec_of(ArraySource(VECTORS, np.zeros(5))) == InputSpec([3], "float32")
    images = ArraySource(IMAGES.astype("float32") / 255, np.zeros(5))
    spec = spec_of(images)
    assert (spec.shape, spec.dtype) == ([8, 8, 1], "float32")
    assert spec.range == pytest.approx([IMAGES.min() / 255, IMAGES.max() / 255])
    assert spec_of(ArraySource({"a": VECTORS, "b": VECTORS}, np.zeros(5))) is None
    assert spec_of(ArraySource(np.array(["a", "b"]), np.zeros(2))).dtype == "string"


def test_white():
    ranges = {(0, 1): 1, (0.2, 0.9): 1, (0, 16): 16, (0, 15.2): 16, (0, 255): 255, (3, 90): 255}
    for (low, high), white in ranges.items():
        assert white_of(InputSpec([4, 4, 1], "float32", [low, high])) == white
    assert white_of(None) == white_of(InputSpec([4, 4, 1], "uint8")) == 255
