"""What keeping the outputs of a frozen body saves: an epoch of a linear probe of MobileNetV3 at 224 pixels.

    python benchmarks/frozen_features.py [--pictures=500] [--epochs=4]

The same head is trained on the same pictures with the body run in each step and with its outputs kept, in turn, and the
epochs after the first are timed; the losses are compared. Pictures and weights are random: neither matters here.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import tf_tricks as tt


class Seconds(keras.callbacks.Callback):
    """When each epoch has ended."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_epoch_end(self, epoch, logs=None):
        """Notes it."""
        self.ends.append(time.perf_counter())


def fitted(data, epochs, kind):
    """The history, and the median seconds of an epoch after the first."""
    keras.utils.set_random_seed(0)
    network = {"name": "keras_applications/mobilenet_v3_small", "dropout": 0.2}
    model = tt.models.get(network, input_shape=(224, 224, 3), num_outputs=10, input_dtype="uint8")
    tt.freeze(model, 0)
    trainer = tt.Trainer(model, "adam_w", learning_rate=1e-3, batch_size=32)
    seconds = Seconds()
    history = trainer.fit(data, epochs, callbacks=[seconds], frozen_features=kind, verbose=0).history
    return history, float(np.median(np.diff(seconds.ends)))


def main():
    """Prints the ratio of the times and the difference of the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=4)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    shape = (arguments.pictures, 224, 224, 3)
    data = random.integers(0, 256, shape, dtype="uint8"), random.integers(0, 10, arguments.pictures)
    (plain, slow), (kept, fast) = (fitted(data, arguments.epochs, kind) for kind in (None, "memory"))
    difference = np.max(np.abs(np.subtract(plain["loss"], kept["loss"])))
    print(f"an epoch of {arguments.pictures} pictures: {slow:.2f} s, with features that are kept {fast:.3f} s")
    print(f"ratio {slow / fast:.0f}")
    print(f"largest difference of the losses: {difference:.1e}")


if __name__ == "__main__":
    main()
