"""How long training stands still while a checkpoint is saved, as one file and as a folder.

python benchmarks/checkpoints.py --gigabytes=1.3 --folder=/where/to/write
"""

import pathlib
import tempfile
import time

import numpy as np
from absl import app, flags

from tf_tricks.training import checkpoint

flags.DEFINE_float("gigabytes", 1.3, "the size of the state")
flags.DEFINE_string("folder", ".", "a folder on the disk to measure")
flags.DEFINE_integer("rounds", 3, "how often, in turns; the median counts")

SIZE = 20_000_000  # float32 of an array


def measure(arrays, folder):
    """Returns the seconds that `save` takes, that pass until all is written, and that reading takes."""
    checkpoints = checkpoint.Checkpoints(folder)
    began = time.perf_counter()
    checkpoints.save(1, arrays, {})
    still = time.perf_counter() - began
    checkpoints.wait()
    whole = time.perf_counter() - began
    began = time.perf_counter()
    checkpoint.load_newest(folder)
    return still, whole, time.perf_counter() - began


def main(argv):
    """Measures both forms in turns."""
    count = max(1, round(flags.FLAGS.gigabytes * 1e9 / SIZE / 4))
    arrays = {f"model/{i}": np.random.default_rng(i).normal(size=SIZE).astype("float32") for i in range(count)}
    found = {"file": [], "folder": []}
    for _ in range(flags.FLAGS.rounds):
        for form, seconds in found.items():
            checkpoint.LARGE = 0 if form == "folder" else 2**62
            with tempfile.TemporaryDirectory(dir=flags.FLAGS.folder) as folder:
                seconds.append(measure(arrays, pathlib.Path(folder)))
    print(f"{sum(array.nbytes for array in arrays.values()) / 1e9:.2f} GB")
    for form, seconds in found.items():
        still, whole, read = np.median(seconds, axis=0)
        print(f"{form:6} training stands still {still:5.1f} s, written after {whole:5.1f} s, read in {read:5.1f} s")


if __name__ == "__main__":
    app.run(main)
