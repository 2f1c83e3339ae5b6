"""Random search against a grid (Bergstra & Bengio 2012), measured by the bootstrap on a pool of trials.

    python benchmarks/random_against_grid.py [--pool=256] [--grids=8] [--epochs=5] [--log=random_against_grid.jsonl]

A network of one hidden layer on scikit-learn's digits; searched are the logarithms of learning rate, L2, width and
scale of the initial weights. A pool of random trials and several jittered grids of 2⁴ points are trained once and kept
in the log; a search of n trials is then the best of n of the pool, drawn anew 10,000 times. There are two kinds of
grids: from end to end of each range, as `--sampler=grid` lays them, with each end moved inwards by up to a quarter of
the range; and through the middles of its halves, moved together by up to a quarter. Printed are the mean of the best
validation accuracy and of its difference from that of the grids, with the 95 % interval over both.
"""

import argparse
import itertools
import json
import os
import tempfile

import numpy as np
import tensorflow as tf
from etils import epath

import tf_tricks as tt
from tf_tricks.config import parts
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.trial import run_trial

BOUNDS = {"learning_rate": (1e-4, 10.0), "l2": (1e-7, 1e-1), "width": (4, 256), "scale": (1e-2, 1e2)}
DRAWS = 10_000


def config(point, epochs):
    """The config of a point."""
    model = {
        "name": "mlp",
        "hidden": [round(point["width"])],
        "kernel_initializer": {"name": "variance_scaling", "scale": point["scale"]},
    }
    data = {"name": "digits", "validation_fraction": 0.2}
    rate, l2 = point["learning_rate"], point["l2"]
    return parts.resolve(dict(epochs=epochs, data=data, model=model, learning_rate=rate, l2=l2, batch_size=32))


def at(places):
    """The point at places from 0 to 1 along each axis, on logarithmic scales."""
    return {name: float(low * (high / low) ** place) for (name, (low, high)), place in zip(BOUNDS.items(), places)}


def points(pool, grids):
    """(kind, point) of all trials: "random", and "middle 0", "ends 0" and so on."""
    rng = np.random.default_rng(0)
    for _ in range(pool):
        yield "random", at(rng.uniform(size=4))
    for grid in range(grids):
        jitter = rng.uniform(-0.25, 0.25, 4)
        for corner in itertools.product((0.25, 0.75), repeat=4):
            yield f"middle {grid}", at(np.array(corner) + jitter)
    for grid in range(grids):
        inwards = rng.uniform(0, 0.25, (4, 2))
        for corner in itertools.product((0, 1), repeat=4):
            ends = [move[end] if end == 0 else 1 - move[end] for end, move in zip(corner, inwards)]
            yield f"ends {grid}", at(ends)


def train(log, pool, grids, epochs):
    """Trains what is not in the log yet, and returns a dict of kind to its accuracies."""
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    trainers, found = KeptTrainers(tt.strategy("cpu")), {}
    with log.open("a") as file:
        for i, (kind, point) in enumerate(points(pool, grids)):
            if i >= len(done):
                with tempfile.TemporaryDirectory() as folder:
                    outcome = run_trial(trainers, config(point, epochs), epath.Path(folder), 1, "val_accuracy")
                value = outcome.value if outcome.value is not None else 0.0
                done.append({"kind": kind, "point": point, "value": value})
                file.write(json.dumps(done[-1]) + "\n")
                file.flush()
                trainers.clear()  # each width and scale is a shape of its own
            found.setdefault(kind, []).append(done[i]["value"])
    return found


def main():
    """Trains, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=int, default=256)
    parser.add_argument("--grids", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--log", default="random_against_grid.jsonl")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    tf.config.experimental.enable_op_determinism()
    found = train(epath.Path(given.log), given.pool, given.grids, given.epochs)
    pool, rng = np.array(found["random"]), np.random.default_rng(1)
    for kind in ("ends", "middle"):
        best_of_grids = np.array([max(found[f"{kind} {i}"]) for i in range(given.grids)])
        drawn_grids = rng.choice(best_of_grids, (DRAWS, given.grids)).mean(axis=1)
        print(f"grids of 16, {kind}: {best_of_grids.mean():.4f}, each {np.round(best_of_grids, 3).tolist()}")
        for number in (4, 8, 16, 32, 64):
            # A mean of as many searches as there are grids has the noise that theirs has.
            best = rng.choice(pool, (DRAWS, given.grids, number)).max(axis=2).mean(axis=1)
            low, high = 100 * np.quantile(best - drawn_grids, [0.025, 0.975])
            difference = 100 * (best - drawn_grids).mean()
            print(f"  random {number:2}: {best.mean():.4f}, {difference:+.2f} pp [{low:+.2f}, {high:+.2f}]")


if __name__ == "__main__":
    main()
