"""The first half of the set-ups on which the doctor is measured: 12 broken, 6 healthy. It was there to tune with."""

import keras
import numpy as np
from doctor_materials import (
    CROSS_ENTROPY,
    arguments,
    broken,
    bytes_to_ones,
    convnet,
    digits,
    healthy,
    houses,
    layers,
    mlp,
    pictures,
    split,
    standardized,
    table,
    transformer,
)

import tf_tricks as tt

HALF_1 = []


@broken(HALF_1, "learning_rate_too_high")
def rate_times_100(fault=True):
    """A convnet on Fashion-MNIST with momentum at 100 times a good rate."""
    parts = pictures("fashion_mnist")
    model = convnet((28, 28, 1), 10, first=[bytes_to_ones()])
    optimizer = keras.optimizers.SGD(momentum=0.9)
    rate = 5.0 if fault else 0.05
    return arguments(
        model, parts, optimizer=optimizer, learning_rate=rate, batch_size=64, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=10,
    )  # fmt: skip


@broken(HALF_1, "exploding_signal")
def initial_weights_too_large(fault=True):
    """Ten layers of 64 relus whose kernels have standard deviation 1, not sqrt(2/64)."""
    kernel = keras.initializers.RandomNormal(stddev=1.0 if fault else (2 / 64) ** 0.5)
    model = mlp((8, 8, 1), 10, hidden=[64] * 10, kernel=kernel)
    return arguments(
        model, digits(), optimizer="adam", learning_rate=1e-3, batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=10,
    )  # fmt: skip


@broken(HALF_1, "vanishing_signal")
def forty_layers_of_tanh(fault=True):
    """Forty layers of tanh with kernels of standard deviation 0.01, where orthogonal ones train."""
    kernel = keras.initializers.RandomNormal(stddev=0.01) if fault else "orthogonal"
    model = mlp((8, 8, 1), 10, hidden=[64] * 40, activation="tanh", kernel=kernel)
    return arguments(
        model, digits(), optimizer="momentum", learning_rate=0.003, batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=20,
    )  # fmt: skip


@broken(HALF_1, "labels_carry_no_signal")
def labels_shuffled(fault=True):
    """The labels of Fashion-MNIST in another order than its pictures, in all three parts."""
    parts = pictures("fashion_mnist")
    if fault:
        rng = np.random.default_rng(3)
        parts = [(x, rng.permutation(y)) for x, y in parts]
    model = convnet((28, 28, 1), 10, batch_norm=True, first=[bytes_to_ones()])
    return arguments(
        model, parts, optimizer="adam", learning_rate=3e-3, batch_size=64, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=6,
    )  # fmt: skip


@broken(HALF_1, "inputs_not_normalised")
def columns_as_they_come(fault=True):
    """Prices of houses by columns of which one goes to 10,000 and another is near 1."""
    parts = houses()
    model = mlp((8,), 1, hidden=(32, 32))
    return arguments(
        model, parts if fault else standardized(parts), optimizer="momentum", learning_rate=0.01, batch_size=32,
        loss="mean_squared_error", epochs=15,
    )  # fmt: skip


@broken(HALF_1, "non_finite_inputs")
def missing_values_in_a_column(fault=True):
    """One column of thirty lacks some values: they are NaN."""
    parts = standardized(table("breast_cancer"))
    if fault:
        parts[0][0][::37, 4] = np.nan
    return arguments(
        mlp((30,), 2, hidden=(32,)), parts, optimizer="adam", learning_rate=3e-3, batch_size=32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=15,
    )  # fmt: skip


@broken(HALF_1, "duplicates_across_splits", fact="the test pictures are among those trained on")
def pictures_of_the_test_in_training(fault=True):
    """All test pictures are in the training data, too, half of them compressed again (off by a level)."""
    (x, y), validation, test = pictures("cifar10", test=400)
    if fault:
        again = test[0].astype("int32")
        again[::2] += np.random.default_rng(5).integers(-1, 2, again[::2].shape)
        x, y = np.concatenate([x, np.clip(again, 0, 255).astype("uint8")]), np.concatenate([y, test[1]])
    model = convnet((32, 32, 3), 10, filters=(32, 64, 64), batch_norm=True, first=[bytes_to_ones()])
    return arguments(
        model, [(x, y), validation, test], optimizer="adam", learning_rate=3e-3, batch_size=64,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=10,
    )  # fmt: skip


@broken(HALF_1, "loss_does_not_fit_outputs")
def logits_for_probabilities(fault=True):
    """The network gives logits, and the loss takes them for probabilities."""
    loss = "sparse_categorical_crossentropy" if fault else CROSS_ENTROPY()
    return arguments(
        mlp((13,), 3, hidden=(32,)), standardized(table("wine")), optimizer="momentum", learning_rate=0.03,
        batch_size=16, loss=loss, metrics=["accuracy"], epochs=20,
    )  # fmt: skip


@broken(HALF_1, "classes_unbalanced")
def one_in_fifty(fault=True):
    """One row in fifty is of the class that is looked for; the twin weighs the classes alike."""
    rng = np.random.default_rng(11)
    y = (np.arange(4000) % 50 == 0).astype("int64")
    x = rng.normal(size=(4000, 12)).astype("float32")
    x[y == 1, :4] += 0.8
    (x, y), validation, test = split(x, y, 2500, 500)
    train = (x, y) if fault else (x, y, np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean())).astype("float32"))
    return arguments(
        mlp((12,), 2, hidden=(16,)), [train, validation, test], optimizer="adam", learning_rate=3e-3, batch_size=64,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=6,
    )  # fmt: skip


@broken(HALF_1, "batch_too_small", "tricks_in_conflict")
def batch_norm_over_one_example(fault=True):
    """Batches of one example, of which batch normalization after a dense layer leaves nothing but β."""
    model = mlp((8, 8, 1), 10, hidden=(64, 64), batch_norm=True)
    return arguments(
        model, digits(), optimizer="momentum", learning_rate=0.003 if fault else 0.03, batch_size=1 if fault else 32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=5,
    )  # fmt: skip


@broken(HALF_1, "tricks_in_conflict", fact="two hands on one rate: the callback undoes the schedule")
def plateau_over_a_decay(fault=True):
    """Keras's callback for plateaus over a cosine decay: the first noise in the loss ends learning."""
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=1, min_delta=0.02)
    model = convnet((28, 28, 1), 10, batch_norm=True, first=[bytes_to_ones()])
    return arguments(
        model, pictures("fashion_mnist"), optimizer=keras.optimizers.SGD(momentum=0.9),
        learning_rate=tt.schedules.cosine_decay(0.1, total_epochs=10), batch_size=64, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], callbacks=[plateau] if fault else [], epochs=10,
    )  # fmt: skip


@broken(HALF_1, "constant_features")
def columns_lost_in_a_join(fault=True):
    """Ten of the thirteen columns of wine hold one value each."""
    parts = standardized(table("wine"))
    if fault:
        for x, _ in parts:
            x[:, [0, 3, 5, 6, 8, 9, 10, 11, 12, 4]] = 1.0
    return arguments(
        mlp((13,), 3, hidden=(32,)), parts, optimizer="momentum", learning_rate=0.03, batch_size=16,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=20,
    )  # fmt: skip


@healthy(HALF_1)
def residual_net():
    """ResNet-8 on Fashion-MNIST, momentum, steps."""
    parts = pictures("fashion_mnist")
    model = tt.models.resnet((28, 28, 1), 10, depth=8, mean=[73.0], variance=[8100.0])
    return arguments(
        model, parts, optimizer="momentum", learning_rate=tt.schedules.step_decay(0.1, epochs=(4, 6), factor=0.1),
        batch_size=64, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=8,
    )  # fmt: skip


@healthy(HALF_1)
def recurrent_net():
    """An LSTM that is told which of two pulses came first, in noise."""
    rng = np.random.default_rng(13)
    x = rng.normal(0, 0.5, (2500, 24, 4)).astype("float32")
    first, second, y = rng.integers(0, 10, 2500), rng.integers(12, 24, 2500), rng.integers(0, 2, 2500)
    x[np.arange(2500), first, y] += 3
    x[np.arange(2500), second, 1 - y] += 3
    model = keras.Sequential([keras.Input((24, 4)), layers.LSTM(32), layers.Dense(2)])
    return arguments(
        model, split(x, y, 1800, 350), optimizer=keras.optimizers.Adam(5e-3), batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=10,
    )  # fmt: skip


@healthy(HALF_1)
def prices_of_houses():
    """Regression on a table by a small network."""
    return arguments(
        mlp((8,), 1, hidden=(64, 64)), standardized(houses()), optimizer="adam", learning_rate=3e-3, batch_size=32,
        loss="mean_squared_error", metrics=["mean_absolute_error"], epochs=20,
    )  # fmt: skip


@healthy(HALF_1)
def few_wines():
    """124 rows of 13 columns: there is little data, and it is enough."""
    return arguments(
        mlp((13,), 3, hidden=(32,)), standardized(table("wine")), optimizer="momentum", learning_rate=0.03,
        batch_size=16, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=20,
    )  # fmt: skip


@healthy(HALF_1)
def animal_or_vehicle():
    """A convnet with Adam on CIFAR-10's pictures in two classes, as bytes that the model rescales."""
    parts = [(x, np.isin(y, (0, 1, 8, 9)).astype("float32")[:, None]) for x, y in pictures("cifar10")]
    model = convnet((32, 32, 3), 1, filters=(16, 32, 64), first=[layers.Rescaling(1 / 127.5, offset=-1)])
    return arguments(
        model, parts, optimizer=keras.optimizers.Adam(2e-3), batch_size=32,
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)], epochs=8,
    )  # fmt: skip


@healthy(HALF_1)
def attention_over_tokens():
    """A small transformer: does the sequence hold more of the tokens below 8 than of the others?"""
    rng = np.random.default_rng(17)
    x = rng.integers(0, 16, (3000, 15)).astype("int32")
    parts = split(x, ((x < 8).sum(axis=1) > 7).astype("int64"), 2000, 500)
    return arguments(
        transformer(15, 16, 2), parts, optimizer="adam", learning_rate=1e-3, batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=6,
    )  # fmt: skip
