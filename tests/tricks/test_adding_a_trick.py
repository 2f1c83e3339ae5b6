"""A trick is two new files, its own and its test, and no other change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARD = '''"""{line}

    Use it here.

    Avoid it elsewhere.

    Config:
        {config}

    Args:
        part: a number.

    Returns:
        What it makes.

    Raises:
        ValueError: never.

    Example:
        >>> 1 + 1
        2
    """'''
TRICKS = {
    "augment/colour/halved.py": (
        "Multiplies all values by a part.",
        'config.augment = dict(name="halved", part=0.25)',
        '''
import keras

from tf_tricks.augment.augmentation import Augmentation
from tf_tricks.augment.functional.dtypes import like, to_float
from tf_tricks.registry import register


@keras.saving.register_keras_serializable("tf_tricks")
@register("augment", "halved")
class Halved(Augmentation):
    {card}

    def __init__(self, part=0.5, **keywords):
        super().__init__(**keywords)
        self.part = part

    def transform(self, batch, draws):
        """Returns the batch with darker images."""
        return batch._replace(images=like(to_float(batch.images) * self.part, batch.images))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {{"part": self.part}}
''',
    ),
    "callbacks/counter.py": (
        "Counts epochs.",
        'config.callbacks = [dict(name="counter", part=2)]',
        '''
import keras

from tf_tricks.registry import register


@register("callbacks", "counter", example={{"part": 3}})
class Counter(keras.callbacks.Callback):
    {card}

    def __init__(self, part=1):
        super().__init__()
        self.part, self.count = part, 0

    def get_state(self):
        """Returns what a resumed run needs."""
        return {{"count": self.count}}

    def set_state(self, state):
        """Goes on from there."""
        self.count = state["count"]

    def on_epoch_end(self, epoch, logs=None):
        """Counts."""
        self.count += self.part
''',
    ),
    "layers/times.py": (
        "Multiplies by a number.",
        'config.model = dict(name="convnet", normalization=dict(name="times", part=0.5))',
        '''
import keras

from tf_tricks.registry import register


@keras.saving.register_keras_serializable("tf_tricks")
@register("layers", "times", example={{"part": 0.9}})
class Times(keras.layers.Layer):
    {card}

    def __init__(self, part=1.0, **keywords):
        super().__init__(**keywords)
        self.part = part
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        """Returns the inputs multiplied."""
        return inputs * self.part

    def get_config(self):
        """Returns the arguments that make this layer again."""
        return super().get_config() | {{"part": self.part}}
''',
    ),
    "optimizers/slow.py": (
        "Gradient descent, at a part of the rate.",
        'config.optimizer = dict(name="slow", part=0.5)',
        '''
import keras

from tf_tricks.registry import register


@keras.saving.register_keras_serializable("tf_tricks")
@register("optimizers", "slow", example={{"part": 0.5, "learning_rate": 0.05}})
class Slow(keras.optimizers.SGD):
    {card}

    def __init__(self, part=0.1, **keywords):
        super().__init__(**keywords)
        self.part = part

    def update_step(self, gradient, variable, learning_rate):
        """Moves a variable."""
        super().update_step(gradient, variable, learning_rate * self.part)

    def get_config(self):
        """Returns the arguments that make this optimizer again."""
        return super().get_config() | {{"part": self.part}}
''',
    ),
    "schedules/sawtooth.py": (
        "Falls in each epoch anew.",
        'config.learning_rate = dict(name="sawtooth", part=0.5)',
        """
from tf_tricks.schedules.base import schedule


@schedule(example={{"part": 0.5}})
def sawtooth(part):
    {card}
    return lambda epoch: part * (1 - epoch % 1)
""",
    ),
}
NAMES = [Path(file).stem for file in TRICKS]
BUILD = """
import pathlib
import sys
import numpy as np
import tf_tricks as tt
from tf_tricks.config import parts

assert pathlib.Path(tt.__file__).is_relative_to(pathlib.Path.cwd())
config = dict(
    epochs=1,
    data="digits",
    model=dict(name="convnet", normalization=dict(name="times", part=0.5)),
    augment=["halved"],
    optimizer="slow",
    learning_rate=dict(name="sawtooth", part=0.5),
    batch_size=32,
    callbacks=["counter"],
)
built = parts.build(parts.resolve(config), tt.strategy("cpu"))
trainer = tt.Trainer(built.model, **built.trainer_arguments)
print(trainer.fit(built.stream, workdir="run", verbose=0, **built.fit_arguments).history["loss"])
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the package and its tests, with five more tricks and nothing else that differs."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("tf_tricks", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, (line, config, code) in TRICKS.items():
        text = code.format(card=CARD.format(line=line, config=config))
        (folder / "tf_tricks" / file).write_text(f'"""{line}"""\n{text}')
        test = folder / "tests" / f"test_{Path(file).stem}.py"
        test.write_text("def test_it():\n    pass\n")
    return folder


def run(checkout, *arguments):
    environment = os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.slow
def test_a_config_finds_it(checkout):
    done = run(checkout, "-c", BUILD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("[")


CARDS = """
import sys
from tf_tricks import cli

for name in sys.argv[1:]:
    assert cli.main(["tricks", name]) == 0
    print("---")
"""


@pytest.mark.slow
def test_their_cards_are_printed(checkout):
    done = run(checkout, "-c", CARDS, *NAMES)
    assert done.returncode == 0, done.stderr
    cards = done.stdout.split("---\n")[:-1]
    for name, card in zip(NAMES, cards, strict=True):
        assert f"/{name}\n" in card
        assert f"{name}.py, line " in card.splitlines()[-1]


@pytest.mark.slow
def test_the_tests_over_all_tricks_try_it(checkout):
    files = ["tricks/test_every_trick.py", "tricks/test_every_trick_in_the_trainer.py", "tricks/test_cards.py"]
    others = ["augment/test_every_augmentation.py", "schedules/test_schedules_base.py"]
    tests = [f"tests/{file}" for file in [*files, *others]]
    chosen = f"({' or '.join(NAMES)}) and not jax and not micro_batches"
    done = run(checkout, "-m", "pytest", "-rp", "-p", "no:cacheprovider", "-k", chosen, *tests)
    assert done.returncode == 0, done.stdout
    for name in NAMES:
        passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED ") and name in line]
        assert len(passed) >= 5, name
