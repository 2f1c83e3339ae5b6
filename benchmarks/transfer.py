"""Transfer from half of the classes to the other: how many blocks to train, by the number of examples.

    python benchmarks/transfer.py [--seeds=3] [--log=transfer.jsonl]

A convnet learns Fashion-MNIST's first five classes, all their examples. On n examples of each of the other five it is
then trained from scratch, and fine-tuned with its last k blocks trained; and with as many as the cross-validation of
`tf-tricks finetune` chooses. Printed are accuracies on the 5,000 test pictures of these classes. Data: the set
`fashion_mnist` of TensorFlow Datasets, in TFDS_DATA_DIR.
"""

import argparse
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from etils import epath

import tf_tricks as tt
from tf_tricks.commands import train
from tf_tricks.config import config_file, parts
from tf_tricks.finetune.auto import choose

NUMBERS = (2, 10, 50, 300)
MODEL = {"name": "convnet", "filters": [16, 32, 64], "convolutions": 1}
UPDATES = 150


def arrays_of(splits, classes, number=None, seed=0):
    """The pictures of some classes, their labels from 0 on; `number` of each, drawn by the seed, or all."""
    found = {}
    for part, source in (("train", splits.train), ("test", splits.test)):
        every = tf.range(source.num_examples, dtype=tf.int64)
        x, y = (np.asarray(array) for array in source.fetch(every, every))
        rows = [np.flatnonzero(y == c) for c in classes]
        if number is not None and part == "train":
            random = np.random.default_rng(seed)
            rows = [random.choice(of_class, number, replace=False) for of_class in rows]
        kept = np.concatenate(rows)
        found |= {f"x_{part}": x[kept], f"y_{part}": y[kept] - min(classes)}
    return found


def trained(folder, file, **changes):
    """The test accuracy of a run."""
    config = parts.resolve(changes | {"data": {"name": "arrays", "file": str(file), "validation_fraction": 0.0}})
    train.train(config, epath.Path(folder), "cpu")
    lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return next(line["accuracy"] for line in lines if line["split"] == "test")


def finetuned(base, number, seed):
    """The part of a config that says how is trained."""
    policy = parts.plain(config_file.load("finetune:last_blocks"))
    size = min(32, 5 * number)
    epochs = float(np.ceil(UPDATES * size / (5 * number)))
    given = {"init_from": str(base), "epochs": epochs, "batch_size": size, "seed": seed, "checkpoint_epochs": 1000}
    warm_up = dict(policy["learning_rate"], epochs=epochs / 20)
    return policy | given | {"learning_rate": warm_up}


def measure(log, seeds):
    """Trains what is not in the log yet; returns a dict of (n, way) to a list of accuracies."""
    done = {}
    if log.exists():
        done = {tuple(key): value for key, value in map(json.loads, log.read_text().splitlines())}
    splits = tt.data.get({"name": "fashion_mnist"})
    with tempfile.TemporaryDirectory() as scratch, log.open("a") as file:
        scratch = pathlib.Path(scratch)
        np.savez(scratch / "base.npz", **arrays_of(splits, range(5)))
        schedule = {"name": "cosine_decay", "initial": 1e-3}
        ordinary = {"model": MODEL, "optimizer": "adam_w", "learning_rate": schedule, "batch_size": 64, "seed": 0}
        print("base:", trained(scratch / "base", scratch / "base.npz", epochs=10, **ordinary))
        blocks = len(tt.blocks_of(tt.models.get(MODEL, input_shape=(28, 28, 1), num_outputs=5))) - 1
        for number in NUMBERS:
            for seed in range(seeds):
                data = scratch / f"{number}_{seed}.npz"
                np.savez(data, **arrays_of(splits, range(5, 10), number, seed))
                config = finetuned(scratch / "base", number, seed)
                for way in ("scratch", *range(blocks + 1), "auto"):
                    key = (number, seed, way)
                    if key in done:
                        continue
                    folder = scratch / "_".join(map(str, key))
                    own = dict(config)
                    if way == "scratch":
                        own |= {"model": MODEL, "init_from": None, "trained_blocks": None, "frozen_features": None}
                        own["optimizer"] = "adam_w"
                    elif way == "auto":
                        resolved = parts.resolve(own | {"data": {"name": "arrays", "file": str(data)}})
                        resolved["data"]["validation_fraction"] = 0.0
                        own["trained_blocks"] = choose(resolved, tt.strategy("cpu"), 6.0, print).blocks
                    else:
                        own["trained_blocks"] = way
                    found = trained(folder, data, **{k: v for k, v in own.items() if k != "data"})
                    done[key] = [found, own["trained_blocks"]]
                    file.write(json.dumps([key, done[key]]) + "\n")
                    file.flush()
    return done


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("transfer.jsonl"))
    arguments = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    done = measure(arguments.log, arguments.seeds)
    ways = list(dict.fromkeys(way for _, _, way in done))
    print("examples of each class, then accuracy: " + ", ".join(map(str, ways)))
    for number in NUMBERS:
        found = {way: [done[number, seed, way] for seed in range(arguments.seeds)] for way in ways}
        means = {way: np.mean([accuracy for accuracy, _ in values]) for way, values in found.items()}
        chosen = [blocks for _, blocks in found["auto"]]
        fixed = {way: mean for way, mean in means.items() if isinstance(way, int)}
        best = max(fixed, key=fixed.get)
        shown = "  ".join(f"{means[way]:.4f}" for way in ways)
        print(
            f"{number:>4}: {shown}  best k = {best}; auto took {chosen}: {100 * (means['auto'] - fixed[best]):+.2f} pp"
        )


if __name__ == "__main__":
    main()
