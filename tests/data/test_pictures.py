"""Pictures of every format and mode are decoded as Pillow shows them, upright; damaged ones are told."""

import os

import numpy as np
import pytest
from PIL import Image

from tf_tricks.data.pictures import DamagedPicture, find, read

RNG = np.random.default_rng(0)
COLORS = np.kron(RNG.integers(0, 256, (4, 6, 3), "uint8"), np.ones((8, 8, 1), "uint8"))  # 32 × 48, in blocks
IMAGE = Image.fromarray(COLORS)


def saved(path, mode="RGB", **arguments):
    IMAGE.convert(mode).save(path, **arguments)
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "RGB"),
        ("a.png", "RGBA"),
        ("a.png", "L"),
        ("a.png", "LA"),
        ("a.png", "P"),
        ("a.png", "1"),
        ("a.jpg", "RGB"),
        ("a.JPEG", "CMYK"),
        ("a.jpeg", "L"),
        ("a.gif", "P"),
        ("a.bmp", "RGB"),
        ("a.bmp", "1"),
        ("a.webp", "RGB"),
        ("a.webp", "RGBA"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_format_and_mode(tmp_path, name, mode, channels):
    path = saved(tmp_path / name, mode)
    found = read(path, 32, 48, channels)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB").convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    assert (found.shape, found.dtype) == ((32, 48, channels), "uint8")
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=1)


def test_sixteen_bits_are_not_cut_off(tmp_path):
    values = RNG.integers(0, 2**16, (32, 48)).astype("uint16")
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", 32, 48, 1)[..., 0], values >> 8)
    np.testing.assert_array_equal(read(tmp_path / "a.png", 32, 48, 3)[..., 2], values >> 8)


UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}
"""What is to be seen, by the EXIF tag Orientation of what is stored."""


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_it_is_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    IMAGE.save(tmp_path / "a.png", exif=exif)
    expected = UPRIGHT[orientation](COLORS)
    np.testing.assert_array_equal(read(tmp_path / "a.png", *expected.shape), expected)


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("P", (8, 8), color) for color in (7, 9)]
    frames[0].putpalette(IMAGE.convert("P").getpalette())
    frames[1].putpalette(IMAGE.convert("P").getpalette())
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as image:
        np.testing.assert_array_equal(read(tmp_path / "a.gif", 8, 8, 3), np.asarray(image.convert("RGB")))


def halves():
    """Left half black, right half white, twice as wide as high."""
    values = np.zeros((20, 40), "uint8")
    values[:, 20:] = 255
    return Image.fromarray(values)


@pytest.mark.parametrize(
    ("resize", "part", "row"),
    [
        ("stretch", 1.0, [0, 0, 0, 0, 0, 255, 255, 255, 255, 255]),
        ("crop", 1.0, [0, 0, 0, 0, 0, 255, 255, 255, 255, 255]),
        ("crop", 0.5, [0, 0, 0, 0, 0, 255, 255, 255, 255, 255]),
        ("pad", 1.0, [0, 0, 0, 0, 0, 255, 255, 255, 255, 255]),
    ],
)
def test_how_it_is_resized(tmp_path, resize, part, row):
    halves().save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", 10, 10, 1, resize, part)[..., 0]
    np.testing.assert_allclose(found[5], row, atol=70)  # beside the edge it is interpolated
    assert (found[[0, -1]] == 0).all() == (resize == "pad")


def test_the_part_in_the_middle_is_cut(tmp_path):
    values = np.zeros((16, 16), "uint8")
    values[4:12, 4:12] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png", 8, 8, 1, "crop", 0.5) == 255).all()


@pytest.mark.parametrize("damage", ["cut short", "text", "empty", "a folder", "missing"])
def test_what_is_damaged(tmp_path, damage):
    path = tmp_path / "a.jpg"
    if damage == "a folder":
        path.mkdir()
    elif damage != "missing":
        content = saved(path, quality=95).read_bytes()
        path.write_bytes({"cut short": content[: len(content) // 2], "text": b"hello", "empty": b""}[damage])
    with pytest.raises(DamagedPicture):
        read(path, 8, 8, 3)


def test_which_are_found(tmp_path):
    for name in ("b.png", "A.JPG", "sub/deep/c.webp", ".hidden.png", ".git/d.png", "notes.txt", "sub/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    os.symlink(tmp_path, tmp_path / "sub" / "circle")
    assert find(tmp_path) == (["A.JPG", "b.png", "sub/deep/c.webp"], 2)
