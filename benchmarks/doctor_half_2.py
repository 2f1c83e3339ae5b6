"""The second half of the set-ups on which the doctor is measured: 12 broken, 6 healthy. Nothing was tuned with it."""

import time

import keras
import numpy as np
import tensorflow as tf
from doctor_materials import (
    CROSS_ENTROPY,
    Positions,
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

HALF_2 = []


@broken(HALF_2, "learning_rate_too_low")
def rate_over_1000(fault=True):
    """A transformer whose rate is a thousandth of a good one: does the sequence hold a certain token?"""
    rng = np.random.default_rng(19)
    x = rng.integers(1, 13, (3000, 12)).astype("int32")
    parts = split(x, (x == 1).any(axis=1).astype("int64"), 2000, 500)
    return arguments(
        transformer(12, 13, 2), parts, optimizer=keras.optimizers.Adam(2e-6 if fault else 2e-3), batch_size=32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=6,
    )  # fmt: skip


@broken(HALF_2, "dead_units")
def all_of_a_layer_dead(fault=True):
    """The biases of the second hidden layer begin at -30, so that no unit of it is ever above 0."""
    model = mlp((8,), 1, hidden=(64, 64))
    if fault:
        model.layers[3].bias.assign(np.full(64, -30.0))
    return arguments(
        model, standardized(houses()), optimizer="adam", learning_rate=3e-3, batch_size=32,
        loss="mean_squared_error", metrics=["mean_absolute_error"], epochs=12,
    )  # fmt: skip


@broken(HALF_2, "labels_out_of_range", fact="there is a label 10 for outputs 0 to 9")
def labels_from_one(fault=True):
    """The classes are counted from 1, and there are as many outputs as classes."""
    parts = [(x, y + 1 if fault else y) for x, y in digits()]
    return arguments(
        convnet((8, 8, 1), 10, filters=(16, 32)), parts, optimizer="adam", learning_rate=5e-3, batch_size=32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=15,
    )  # fmt: skip


@broken(HALF_2, "inputs_normalised_twice")
def divided_by_255_twice(fault=True):
    """The pictures come from 0 to 1, and the model divides them by 255 again."""
    parts = [((x / 255).astype("float32"), y) for x, y in pictures("fashion_mnist")]
    first = [layers.Rescaling(1 / 255)] if fault else []
    return arguments(
        convnet((28, 28, 1), 10, filters=(16, 32, 64), first=first), parts, optimizer="momentum", learning_rate=0.05,
        batch_size=32, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=8,
    )  # fmt: skip


@broken(HALF_2, "nothing_trainable")
def body_frozen_by_mistake(fault=True):
    """All layers but the last are frozen as they were drawn, as if they had been trained before."""
    model = convnet((28, 28, 1), 10, filters=(16, 16, 32, 32), batch_norm=True, first=[bytes_to_ones()])
    for layer in model.layers[:-1] if fault else []:
        layer.trainable = False
    return arguments(
        model, pictures("fashion_mnist"), optimizer="adam", learning_rate=3e-3, batch_size=64, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=8,
    )  # fmt: skip


@broken(HALF_2, "symmetric_weights")
def constant_initial_weights(fault=True):
    """Every kernel is one number throughout, so that all units of a layer stay the same."""
    model = mlp((8, 8, 1), 10, kernel=keras.initializers.Constant(0.03) if fault else "he_normal")
    return arguments(
        model, digits(), optimizer="momentum", learning_rate=0.03, batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=12,
    )  # fmt: skip


@broken(HALF_2, "batch_too_large")
def batch_of_everything(fault=True):
    """All 1200 digits are one batch: an epoch is one update."""
    return arguments(
        mlp((8, 8, 1), 10), digits(), optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        batch_size=1200 if fault else 32, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=10,
    )  # fmt: skip


@broken(HALF_2, "tricks_in_conflict", fact="the metric takes class numbers, and mixup makes distributions of them")
def mixup_with_integer_metric(fault=True):
    """Mixup beside a metric for integer labels."""
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy") if fault else "accuracy"
    model = convnet((32, 32, 3), 2, filters=(16, 32, 64), batch_norm=True, first=[bytes_to_ones()])
    parts = [(x, np.isin(y, (0, 1, 8, 9)).astype("int64")) for x, y in pictures("cifar10")]
    return arguments(
        model, parts, optimizer="momentum", learning_rate=0.05, batch_size=32, metrics=[accuracy],
        augment=tt.augment.Mixup(alpha=0.2, num_classes=2), epochs=8,
    )  # fmt: skip


@broken(HALF_2, "tricks_in_conflict", fact="the decay pulls γ to 0: the loss is twice what it could be")
def decay_of_scales(fault=True):
    """Strong decoupled decay of Keras's AdamW, that takes batch normalization's γ along."""
    optimizer = keras.optimizers.AdamW(3e-3, weight_decay=5.0)
    if not fault:
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return arguments(
        mlp((8, 8, 1), 10, hidden=[48] * 8, batch_norm=True), digits(), optimizer=optimizer, batch_size=32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=12,
    )  # fmt: skip


@broken(HALF_2, "loss_does_not_fit_outputs")
def softmax_of_one_output(fault=True):
    """A softmax over a single output, which is always 1."""
    model = mlp((30,), 1, hidden=(32,))
    model = keras.Sequential([model, layers.Activation("softmax" if fault else "sigmoid")])
    parts = [(x, y.astype("float32")[:, None]) for x, y in standardized(table("breast_cancer"))]
    return arguments(
        model, parts, optimizer="adam", learning_rate=3e-3, batch_size=32, loss="binary_crossentropy",
        metrics=["binary_accuracy"], epochs=15,
    )  # fmt: skip


@broken(HALF_2, "input_pipeline_bound", fact="the host takes twenty times as long for a batch as the step")
def slow_augmentation_on_the_host(fault=True):
    """An augmentation in Python, row by row on the host, beside a small network."""

    def slow(images):
        time.sleep(0.002 * len(images))
        return images + np.float32(0.01)

    def augment(images, labels, seed, positions):
        images = tf.ensure_shape(tf.numpy_function(slow, [images], tf.float32), images.shape) if fault else images
        return images, labels

    train, validation, test = digits()
    stream = tt.data.Stream(train, seed=0, augment=augment, augment_on="host")
    return arguments(
        mlp((8, 8, 1), 10), [stream, validation, test], optimizer="momentum", learning_rate=0.03, batch_size=32,
        loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=8,
    )  # fmt: skip


@broken(HALF_2, "vanishing_signal")
def ten_layers_of_sigmoids(fault=True):
    """Ten layers of sigmoids with Glorot's initialization; the twin has relus with He's."""
    activation, kernel = ("sigmoid", "glorot_uniform") if fault else ("relu", "he_normal")
    return arguments(
        mlp((30,), 2, hidden=[32] * 10, activation=activation, kernel=kernel), standardized(table("breast_cancer")),
        optimizer="momentum", learning_rate=0.01, batch_size=16, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=20,
    )  # fmt: skip


@healthy(HALF_2)
def autoencoder():
    """Digits through a bottleneck of 16."""
    model = mlp((8, 8, 1), 64, hidden=(128, 16, 128))
    model = keras.Sequential([model, layers.Activation("sigmoid"), layers.Reshape((8, 8, 1))])
    parts = [(x, x) for x, _ in digits()]
    return arguments(
        model, parts, optimizer="adam", learning_rate=3e-3, batch_size=32, loss="mean_squared_error", epochs=20
    )


@healthy(HALF_2)
def progress_of_a_disease():
    """Regression on 309 patients, about half of whose variance can be explained."""
    return arguments(
        mlp((10,), 1, hidden=(16,)), standardized(table("diabetes")), optimizer=keras.optimizers.SGD(momentum=0.9),
        learning_rate=0.01, batch_size=16, loss="mean_squared_error", metrics=["mean_squared_error"], l2=0.03,
        epochs=20,
    )  # fmt: skip


@healthy(HALF_2)
def rare_class_weighted():
    """Bags among other goods, one in twenty, weighted so that they count as much as all the others."""
    (x, y), validation, test = [(x, (y == 8).astype("int64")) for x, y in pictures("fashion_mnist", train=2500)]
    kept = (y == 0) | (np.cumsum(y) % 2 == 0)
    x, y = x[kept], y[kept]
    weights = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean())).astype("float32")
    return arguments(
        convnet((28, 28, 1), 2, first=[bytes_to_ones()]), [(x, y, weights), validation, test], optimizer="adam",
        learning_rate=3e-3, batch_size=32, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=6,
    )  # fmt: skip


@healthy(HALF_2)
def head_on_a_trained_body():
    """A body that was trained on five kinds of goods and is frozen, with a new head for the other five."""
    train, validation, test = pictures("fashion_mnist", train=4000, validation=1000, test=1000)
    body = convnet((28, 28, 1), 5, filters=(16, 32, 64), first=[bytes_to_ones()])
    body.compile(keras.optimizers.Adam(3e-3), CROSS_ENTROPY())
    known = train[1] % 2 == 0
    body.fit(train[0][known], train[1][known] // 2, batch_size=32, epochs=6, verbose=0)
    body = keras.Model(body.inputs, body.layers[-2].output)
    body.trainable = False
    model = keras.Sequential([keras.Input((28, 28, 1)), body, layers.Dense(5)])
    parts = [(x[y % 2 == 1], y[y % 2 == 1] // 2) for x, y in (train, validation, test)]
    parts[0] = tuple(values[:600] for values in parts[0])
    return arguments(
        model, parts, optimizer="adam", learning_rate=0.03, batch_size=32, loss=CROSS_ENTROPY(),
        metrics=["accuracy"], epochs=15,
    )  # fmt: skip


@healthy(HALF_2)
def augmented_convnet():
    """Momentum with warm-up and cosine, decay, label smoothing and the standard augmentation."""
    model = convnet((32, 32, 3), 4, filters=(32, 64, 64), batch_norm=True, first=[bytes_to_ones()])
    parts = [(x[y < 4], y[y < 4]) for x, y in pictures("cifar10", train=6000, validation=1000, test=1000)]
    rate = tt.schedules.warm_up(tt.schedules.cosine_decay(0.1, total_epochs=10), epochs=1)
    return arguments(
        model, parts, optimizer="momentum", learning_rate=rate, batch_size=64, weight_decay=5e-4,
        loss=tt.losses.SparseCategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"],
        augment=tt.augment.Standard(pad=3), epochs=10,
    )  # fmt: skip


@healthy(HALF_2)
def attention_over_patches():
    """A vision transformer of two blocks on the 16 patches of a digit, AdamW."""
    inputs = keras.Input((8, 8, 1))
    x = Positions()(layers.Reshape((16, 32))(layers.Conv2D(32, 2, 2)(inputs)))
    for _ in range(2):
        normed = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 8)(normed, normed)
        x = x + layers.Dense(32)(layers.Dense(64, activation="gelu")(layers.LayerNormalization()(x)))
    outputs = layers.Dense(10)(layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x)))
    return arguments(
        keras.Model(inputs, outputs), digits(), optimizer="adam_w", learning_rate=3e-3, batch_size=32,
        weight_decay=1e-2, loss=CROSS_ENTROPY(), metrics=["accuracy"], epochs=15,
    )  # fmt: skip
