"""A program that trains a small network, alone or as one of several processes; see `hosts_of_a_run`."""

import os
import sys

from absl import flags

from tf_tricks.commands import program, train


def main():
    import keras
    import numpy as np
    from support.crash import Crash

    import tf_tricks as tt

    class Signal(Crash):
        """Sends this process a signal as an epoch begins."""

        def __init__(self, number, epoch):
            super().__init__()
            self.number, self.at = number, epoch

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.at:
                os.kill(os.getpid(), self.number)

    number, epoch = (int(part) for part in os.environ.get("SIGNAL", "0 -1").split())
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 4, 4, 1)).astype("float32")
    labels = rng.integers(3, size=60)
    strategy = tt.strategy("cpu")
    with strategy.scope():
        model = keras.Sequential(
            [
                keras.Input((4, 4, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(8, use_bias=False),
                keras.layers.BatchNormalization(momentum=0.8, synchronized=keras.config.backend() == "tensorflow"),
                keras.layers.Dropout(0.0),
                keras.layers.Dense(3),
            ]
        )
    trainer = tt.Trainer(
        model,
        "adam",
        learning_rate=0.01,
        batch_size=12,
        metrics=["accuracy"],
        l2=float(os.environ.get("L2", "1e-3")),
        clip_global_norm=0.5,
        strategy=strategy,
    )
    stream = tt.data.Stream((inputs, labels), seed=2, augment=tt.augment.get(["flip"]))
    callbacks = [Signal(number, epoch), keras.callbacks.CSVLogger(f"{flags.FLAGS.workdir}.csv", append=True)]
    history = trainer.fit(
        stream,
        4,
        validation=(inputs[:25], labels[:25]),
        test=(inputs[:50], labels[:50]),
        callbacks=callbacks,
        workdir=flags.FLAGS.workdir,
        verbose=0,
        settings={"l2": trainer.update.l2},
    )
    print("last loss", history.history["loss"][-1])


if __name__ == "__main__":
    sys.exit(program.run(main, train.OWN_FLAGS, ["program", *sys.argv[1:]]))
