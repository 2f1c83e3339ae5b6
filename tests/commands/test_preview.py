"""`tf-tricks preview` draws a picture, or says in a sentence why not and leaves nothing behind."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from tf_tricks import augment

DIGITS = "--config=configs/digits.py"


@pytest.fixture
def drawn(tf_tricks, tmp_path):
    """A function of `preview`'s flags that returns the picture [height, width, channels]."""

    def call(*flags, name="sheet.png"):
        path = tmp_path / name
        outcome = tf_tricks("preview", f"--output={path}", *flags)
        assert outcome.status == 0, outcome.err
        assert outcome.out.endswith(f"drawn: {path}\n")
        assert [entry.name for entry in tmp_path.iterdir()] == [name]
        return imread(path)

    return call


def test_the_augmentation_of_a_config(drawn):
    height, width, _ = drawn(DIGITS).shape
    assert (height, width) == (8 + 16 + 8 * (136 + 16), 8 + 7 * 136)


def test_rows_and_variants(drawn):
    height, width, _ = drawn(DIGITS, "--rows=2", "--variants=3").shape
    assert (height, width) == (8 + 16 + 2 * (136 + 16), 8 + 4 * 136)


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet.JPEG", "sheet.PNG"])
def test_formats(drawn, name):
    assert drawn(DIGITS, "--rows=1", "--variants=1", name=name).ndim == 3


def test_the_seed_of_the_config_is_used(drawn):
    one, same, other = (drawn(DIGITS, "--rows=2", f"--config.seed={seed}") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_without_a_config_each_augmentation_has_a_row(drawn, monkeypatch):
    monkeypatch.setattr(augment, "TRICKS", {name: augment.TRICKS[name] for name in ("pad_and_crop", "standard")})
    height, width, _ = drawn("--variants=2").shape
    assert height == 8 + 16 + 2 * 136
    assert width > 8 + 3 * 136


def test_what_needs_arguments_is_named_and_left_out(tf_tricks, tmp_path, monkeypatch):
    monkeypatch.setattr(augment, "TRICKS", {name: augment.TRICKS[name] for name in ("sequence", "standard")})
    outcome = tf_tricks("preview", f"--output={tmp_path / 'sheet.png'}")
    assert outcome.status == 0
    assert "not drawn: the augmentation 'sequence' needs augmentations" in outcome.out


def test_a_config_file_with_several_augmentations(drawn, tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "config.py"
    file.write_text(
        "def get_config():\n"
        "    return dict(epochs=1, data='digits', model='mlp', learning_rate=0.1, batch_size=64,\n"
        "                augment=['standard', dict(name='pad_and_crop', pad=1)])\n"
    )
    drawn(f"--config={file}", "--rows=1")


@pytest.mark.parametrize(
    "override",
    [
        "augment=pad_and_crop",
        "augment.pad=2",
        "augment={'name':'pad_and_crop','pad':2}",
        "augment=['standard',{'name':'pad_and_crop','pad':1}]",
        "augment=('standard','pad_and_crop')",
        "augment_on=host",
    ],
)
def test_an_override(drawn, override):
    drawn(DIGITS, f"--config.{override}", "--rows=1", "--variants=1")


REFUSED = {
    (): "say where to draw to: --output=sheet.png",
    ("--output={}/sheet.gif",): r"must be a \.png or a \.jpg or a \.jpeg file, not '\S+/sheet.gif'",
    ("--output={}/sheet",): r"must be a \.png or a \.jpg or a \.jpeg file",
    ("--output={}/nowhere/sheet.png",): r"there is no folder '\S+/nowhere' to write sheet.png in",
    ("--output=/proc/sheet.png", DIGITS): "the picture /proc/sheet.png cannot be written",
    ("--output={}/sheet.png", "--rows=0"): "rows must be an integer at least 1 and at most 100, not 0",
    ("--output={}/sheet.png", "--variants=101"): "variants must be .* at most 100, not 101",
    ("--output={}/sheet.png", "--rows=many"): "--rows=many",
    ("--output={}/sheet.png", "--varants=3"): "'varants'. Did you mean: variants",
    ("--output={}/sheet.png", "--config=configs/digitz.py"): "no config file .* did you mean 'configs/digits.py'",
    ("--output={}/sheet.png", DIGITS, "--config.augment=None"): "has no augmentation to draw: say one, for example",
    ("--output={}/sheet.png", "--config=configs/regression.py"): "has no augmentation to draw",
    (
        "--output={}/sheet.png",
        "--config=configs/regression.py",
        "--config.augment=standard",
    ): r"draws images, and the examples of the config's data are \[1000\], no images",
    ("--output={}/sheet.png", DIGITS, "--config.augment=standrd"): "'standrd'; did you mean 'standard'",
    ("--output={}/sheet.png", DIGITS, "--config.augment=['standrd']"): "'standrd'; did you mean 'standard'",
    ("--output={}/sheet.png", DIGITS, "--config.augment.padd=3"): "'standard' called 'padd'; did you mean 'pad'",
    (
        "--output={}/sheet.png",
        DIGITS,
        "--config.augment=standard",
        "--config.augment.pad=3",
    ): r"augment is 'standard'; say --config\.augment={'name':'standard','pad':…}",
    ("--output={}/sheet.png", DIGITS, "--config.augment_on=hst"): "no augment_on 'hst'; did you mean 'host'",
    ("--output={}/sheet.png", DIGITS, "--config.augment.pad=9"): "must be at most",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_cannot_be_drawn(tf_tricks, tmp_path, arguments):
    outcome = tf_tricks("preview", *[argument.format(tmp_path) for argument in arguments])
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert re.search(REFUSED[arguments], outcome.err), outcome.err
    assert list(tmp_path.iterdir()) == []


def test_its_help_needs_no_tensorflow():
    program = (
        "import sys\nfrom tf_tricks import cli\ncli.main(['preview', '--help'])\nassert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(f"--{flag}" in done.stdout for flag in ("config", "output", "rows", "variants"))
