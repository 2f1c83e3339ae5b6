"""All code of README.md runs, from top to bottom in one folder, as a reader would try it."""

import os
import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.forked import Forked

from tf_tricks import cli, registry
from tf_tricks.config import parts

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
CODE = re.compile(r"(?s:```(?P<language>\w*)\n(?P<code>.*?)```)|(?<=\n\n)(?P<shell>(?:    \S.*\n)+)")
ELSEWHERE = ("make", "pip")
"""Commands that others try: whoever runs the tests, `tests/wheel/try_wheel`, the notebooks."""


def blocks():
    """The pieces of code in order: (language, text); an indented block is a shell's."""
    found = CODE.finditer(TEXT)
    pieces = [("sh", piece["shell"]) if piece["shell"] else (piece["language"], piece["code"]) for piece in found]
    return [piece for piece in pieces if not piece[1].lstrip().startswith("epoch ")]  # what a command printed


def commands(text):
    """The commands of a shell's block, without comments, as lists of arguments."""
    return [command for line in text.splitlines() if (command := shlex.split(line, comments=True))]


def test_there_are_both_kinds():
    languages = [language for language, _ in blocks()]
    assert (languages.count("python"), languages.count("sh")) == (6, 6)


def test_every_target_of_make_is_there():
    targets = [command[1] for _, text in blocks() for command in commands(text) if command[0] == "make"]
    assert targets == ["train", "test"]
    made = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", made, re.MULTILINE) for target in targets)


@pytest.mark.slow
@pytest.mark.tpu_compiler
def test_all_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 256, (200, 8, 8, 1), "uint8"), rng.integers(0, 10, 200)
    np.savez("new.npz", x=inputs)
    np.savez("mine.npz", x_train=inputs, y_train=labels, x_test=inputs[:50], y_test=labels[:50])
    namespace, number = {"config": Assignments()}, 0
    for language, text in blocks():
        if language == "python":
            exec(compile(text, "README.md", "exec"), namespace)
        else:
            for command in commands(text):
                run(command, tmp_path, number := number + 1)
    assert namespace["history"].history["val_accuracy"][-1] > 0.95
    assert namespace["logits"].shape == (16, 10)
    assert len(namespace["config"].made) == 7
    for key, value in namespace["config"].made:
        assert isinstance(built({key: value}).model, keras.Model)
    registry.forget("augment", "darker")


class Assignments:
    """Notes each `config.key = value`, of which the README has several for one key."""

    def __init__(self):
        vars(self)["made"] = []

    def __setattr__(self, key, value):
        self.made.append((key, value))


SHORTER = {
    "train": ["--config.epochs=1"],
    "doctor": ["--budget=3"],
    "search": ["--trials=2", "--coarse_share=1", "--coarse_epochs=1", "--config.model=mlp"],
    # Random bits and large batches take the TPU's compiler longer than all else.
    "tpu-check": ["--config.model.dropout=0.0", "--config.batch_size=16"],
}


def run(command, folder, number):
    if command[0] in ELSEWHERE:
        return
    assert command[0] == "tf-tricks", command
    output = folder / f"printed_{number}.txt"
    process = Forked(in_folder, [folder, [*command[1:], *SHORTER.get(command[1], [])]], output)
    printed = process.join(timeout=300)
    assert process.status == 0, f"{shlex.join(command)}\n{printed}"


def in_folder(folder, arguments):
    os.chdir(folder)
    return cli.main(arguments)


def built(config):
    """The parts of a small config with the keys of `config`."""
    rest = dict(
        epochs=200, batch_size=64, learning_rate=0.1, data={"name": "digits"}, model={"name": "resnet", "depth": 8}
    )
    return parts.build(parts.resolve(rest | config), tf.distribute.get_strategy())
