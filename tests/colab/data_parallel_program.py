"""Trains as colab/tpu_jax.ipynb does, on one device and on eight, and writes the losses and the weights.

Run by test_data_parallel.py.
"""

import sys

import jax
import keras
import numpy as np

import tf_tricks as tt

EPOCHS = 3
OPTIMIZERS = {
    "momentum": {"name": "momentum", "momentum": 0.9, "nesterov": True},
    "lars": {"name": "lars", "momentum": 0.9, "trust_coefficient": 0.1},
}


class Updates(keras.callbacks.Callback):
    """Notes the batch size and the learning rate of every update."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.made = []

    def on_train_batch_end(self, batch, logs=None):
        self.made.append((self.stream.batch_size, float(self.model.optimizer.learning_rate)))


def main(output):
    results = {}
    for number in (1, 8):
        distribution = keras.distribution.DataParallel(devices=jax.devices()[:number])
        keras.distribution.set_distribution(distribution)
        for name, optimizer in OPTIMIZERS.items():
            results |= {f"{number}/{name}/{key}": value for key, value in trained(optimizer).items()}
    np.savez(output, **results)


def trained(optimizer):
    """Returns a dict of what one run leaves."""
    keras.utils.set_random_seed(0)
    splits = tt.data.get("digits")
    stream = tt.data.Stream(splits.train.subset(np.arange(512)), batch_size=64, seed=0)
    images, labels = splits.validation.fetch(np.arange(128), np.arange(128))

    # Smooth: at the kink of a ReLU the last digit decides, and what it decides grows from update to update.
    network = tt.models.get(
        {"name": "mlp", "hidden": (32, 32), "activation": "tanh", "batch_norm": True},
        input_shape=(8, 8, 1),
        num_outputs=10,
        input_dtype="uint8",
        mean=splits.mean,
        variance=splits.variance,
    )
    augmentation = tt.augment.get({"name": "standard", "flip": False, "pad": 1, "seed": 1})
    model = keras.Sequential([keras.Input((8, 8, 1), dtype="uint8"), augmentation, tt.losses.l2(network, 1e-4)])
    loss = tt.losses.SparseCategoricalCrossentropy()
    model.compile(tt.optimizers.get(optimizer), loss, metrics=["accuracy"])

    schedule = tt.schedules.warm_up(tt.schedules.cosine_decay(0.1, total_epochs=EPOCHS), epochs=1)
    callbacks = [
        tt.callbacks.LearningRateDecay(schedule),
        tt.callbacks.BatchSizeIncrease(tt.schedules.grow(64, epochs=(2,), factor=2), stream),
        updates := Updates(stream),
    ]
    validation = np.asarray(images), np.asarray(labels)
    fitted = model.fit(stream, epochs=EPOCHS, shuffle=False, callbacks=callbacks, validation_data=validation, verbose=0)
    weights = {f"weight/{i}": np.asarray(w) for i, w in enumerate(network.get_weights())}
    used = {device for value in network.trainable_variables for device in value.value.devices()}
    history = {f"history/{name}": values for name, values in fitted.history.items()}
    return {"devices": len(used), "updates": updates.made, **history, **weights}


if __name__ == "__main__":
    main(*sys.argv[1:])
