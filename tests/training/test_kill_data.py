"""Data of every kind, a damaged member among them: killed in mid-epoch and resumed is never touched, bit for bit."""

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.forked import Forked

import tf_tricks as tt
from tf_tricks import data, models
from tf_tricks.training import checkpoint

KINDS = ("folder in memory", "folder, cropped at random", "csv", "npz in its file", "data set in the cache")


class Kill(keras.callbacks.Callback):
    """Ends the process as the system does: without a word, in the middle of things."""

    every_step = True

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def make(folder):
    """Writes the files of all kinds: 24 pictures and a damaged one, a table, an archive."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (25, 12, 10, 3)).astype("uint8")
    for i, image in enumerate(images):
        place = folder / "pictures" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i:02}.png")
    damaged = folder / "pictures" / "a" / "24.png"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    rows = [f"{i},{'pqr'[i % 3]},{'no' if i % 2 else 'yes'}" for i in range(24)]
    (folder / "x.csv").write_text("\n".join(["size,kind,bought", *rows]))
    np.savez(folder / "x.npz", x_train=images[:24], y_train=np.arange(24) % 2)


def splits_of(kind, folder):
    pictures = {"name": "folder", "path": str(folder / "pictures"), "image_size": 8, "max_corrupt": 1}
    if kind == "data set in the cache":
        arrays = np.load(folder / "x.npz")
        dataset = tf.data.Dataset.from_tensor_slices((arrays["x_train"], arrays["y_train"]))
        return data.Splits(data.read(dataset, memory_budget=10.0, verbose=0))
    return data.get(
        {
            "folder in memory": pictures,
            "folder, cropped at random": pictures | {"resize": "random_resized_crop"},
            "csv": {"name": "csv", "path": str(folder / "x.csv"), "target": "bought"},
            "npz in its file": {"name": "arrays", "file": str(folder / "x.npz"), "memory_budget": 10.0},
        }[kind]
        | {"validation_fraction": 0}
    )


def train(kind, folder, workdir, kill_after):
    os.environ["TF_TRICKS_CACHE"] = str(folder / "cache")
    keras.utils.set_random_seed(0)
    splits = splits_of(kind, folder)
    model = models.get(
        {"name": "mlp", "hidden": [4]},
        input_shape=splits.train.input_shape,
        input_dtype=splits.train.input_dtype,
        num_outputs=2,
        mean=splits.mean,
        variance=splits.variance,
        vocabulary=splits.vocabulary,
    )
    trainer = tt.Trainer(model, "momentum", learning_rate=0.01, batch_size=4)
    stream = data.Stream(splits.train, seed=3)
    trainer.fit(stream, 2, callbacks=[Kill(kill_after)], workdir=workdir, verbose=0, checkpoint_minutes=1e-6)


def run(kind, folder, workdir, kill_after=0):
    process = Forked(train, (kind, folder, workdir, kill_after), workdir.with_suffix(".txt"))
    printed = process.join()
    assert process.status == (-signal.SIGKILL if kill_after else 0), printed


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_resumed(kind, tmp_path):
    make(tmp_path)
    run(kind, tmp_path, tmp_path / "untouched")
    run(kind, tmp_path, tmp_path / "killed", kill_after=8)  # two steps into the second epoch of six
    run(kind, tmp_path, tmp_path / "killed")
    arrays, values = checkpoint.load_newest(tmp_path / "killed" / "checkpoints")
    others, other_values = checkpoint.load_newest(tmp_path / "untouched" / "checkpoints")
    assert values["progress"] == other_values["progress"]
    assert values["progress"]["examples_seen"] == 48
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)
