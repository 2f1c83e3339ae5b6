"""What the trainer is held to `keras.Model.fit` on: data, networks, losses, metrics, masks, weights, callbacks.

A case is (function that makes the model, data, loss, arguments of `compile` and `fit`). What holds state is a function
that makes it, see `made`.
"""

import keras
import numpy as np

import tf_tricks as tt

K = keras.layers
L = keras.losses
M = keras.metrics
N, BATCH = 48, 16
RNG = np.random.RandomState(0)
X = RNG.randn(N, 6).astype("float32")
Z = RNG.randn(N, 4).astype("float32")
CLASSES = RNG.randint(0, 3, N)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
SOFT = (0.8 * ONE_HOT + 0.2 / 3).astype("float32")
BINARY = RNG.randint(0, 2, (N, 1)).astype("float32")
MULTI_HOT = RNG.randint(0, 2, (N, 3)).astype("float32")
REAL = (X @ RNG.randn(6, 1)).astype("float32")
COUNTS = RNG.poisson(3, (N, 1)).astype("float32")
WEIGHTS = RNG.uniform(0.2, 2.0, N).astype("float32")
TOKENS = RNG.randint(1, 30, (N, 10)) * (np.arange(10) < RNG.randint(3, 11, (N, 1)))
TAGS = RNG.randint(0, 4, (N, 10))
IMAGES = RNG.rand(N, 8, 8, 3).astype("float32")


class InOrder(tt.data.Stream):
    """The examples as they lie, as `fit(shuffle=False)` takes them."""

    def fetch(self, positions):
        indices = positions % self.source.num_examples
        return self.source.fetch(indices, positions)


def dense(outputs=3, activation=None, **keywords):
    return keras.Sequential(
        [keras.Input((6,)), K.Dense(8, activation="tanh"), K.Dense(outputs, activation=activation, **keywords)]
    )


def tagger():
    return keras.Sequential([keras.Input((10,), dtype="int64"), K.Embedding(30, 8, mask_zero=True), K.Dense(4)])


def recurrent():
    layers = [keras.Input((10,), dtype="int64"), K.Embedding(30, 8, mask_zero=True), K.LSTM(6), K.Dense(3)]
    return keras.Sequential(layers)


def convnet():
    layers = [keras.Input((8, 8, 3)), K.Conv2D(4, 3), K.BatchNormalization(), K.ReLU(), K.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, K.Dense(3)])


def penalized():
    layers = [keras.Input((6,)), K.Dense(8, kernel_regularizer="l2", activity_regularizer="l2"), K.Dense(3)]
    return keras.Sequential(layers)


class AddsLoss(K.Layer):
    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(x)))
        return x


def adds_loss():
    return keras.Sequential([keras.Input((6,)), K.Dense(8), AddsLoss(), K.Dense(3)])


def two_outputs(as_dict=True):
    x = keras.Input((6,), name="x")
    h = K.Dense(8, activation="tanh")(x)
    u, v = K.Dense(3, name="u")(h), K.Dense(1, name="v")(h)
    return keras.Model(x, {"u": u, "v": v} if as_dict else [u, v])


def listed_outputs():
    return two_outputs(as_dict=False)


def two_inputs(as_dict=True):
    x, z = keras.Input((6,), name="x"), keras.Input((4,), name="z")
    out = K.Dense(3)(K.Concatenate()([x, z]))
    return keras.Model({"x": x, "z": z} if as_dict else [x, z], out)


def listed_inputs():
    return two_inputs(as_dict=False)


def without_kernels():
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return optimizer


class OwnLoss(keras.Model):
    """A subclass with a loss of its own."""

    def __init__(self):
        super().__init__()
        self.inner = K.Dense(3)

    def build(self, shape):
        self.inner.build(shape)
        self.built = True

    def call(self, x, training=False):
        return self.inner(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training) + 0.01 * keras.ops.sum(y_pred**2)


def own_loss():
    model = OwnLoss()
    model.build((None, 6))
    return model


class Highest(M.Metric):
    """Its state is a maximum, not a sum."""

    def __init__(self, name="highest"):
        super().__init__(name=name)
        self.value = self.add_weight(name="value", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(keras.ops.maximum(self.value, keras.ops.max(y_pred)))

    def result(self):
        return self.value + 0.0


def dice(y_true, y_pred):
    """A loss that is one number a batch."""
    y_true, y_pred = keras.ops.cast(y_true, y_pred.dtype), keras.ops.sigmoid(y_pred)
    overlap = keras.ops.sum(y_true * y_pred)
    return 1 - 2 * overlap / (keras.ops.sum(y_true) + keras.ops.sum(y_pred) + 1e-3)


def log_cosh_function(y_true, y_pred):
    return keras.losses.log_cosh(y_true, y_pred)


def sparse(**keywords):
    return L.SparseCategoricalCrossentropy(from_logits=True, **keywords)


def categorical(**keywords):
    return L.CategoricalCrossentropy(from_logits=True, **keywords)


def binary(**keywords):
    return L.BinaryCrossentropy(from_logits=True, **keywords)


def case(model, data, loss, **arguments):
    return model, data, loss, arguments


TWO = {"u": CLASSES, "v": REAL}
CASES = {
    # Losses
    "sparse": case(dense, (X, CLASSES), sparse, metrics=["accuracy"]),
    "sparse by name": case(
        lambda: dense(3, "softmax"), (X, CLASSES), "sparse_categorical_crossentropy", metrics=["acc"]
    ),
    "crossentropy by shape": case(lambda: dense(3, "softmax"), (X, CLASSES), "crossentropy", metrics=["accuracy"]),
    "labels as a column": case(dense, (X, CLASSES[:, None]), sparse, metrics=["accuracy"]),
    "one-hot": case(dense, (X, ONE_HOT), categorical, metrics=["accuracy", "categorical_accuracy"]),
    "soft": case(dense, (X, SOFT), categorical, metrics=["accuracy"]),
    "label smoothing": case(dense, (X, ONE_HOT), lambda: categorical(label_smoothing=0.1)),
    "focal": case(dense, (X, ONE_HOT), lambda: L.CategoricalFocalCrossentropy(from_logits=True)),
    "binary": case(lambda: dense(1), (X, BINARY), binary, metrics=["accuracy"]),
    "binary by name": case(lambda: dense(1, "sigmoid"), (X, BINARY), "binary_crossentropy", metrics=["accuracy"]),
    "binary labels flat": case(
        lambda: dense(1, "sigmoid"), (X, BINARY[:, 0]), L.BinaryCrossentropy, metrics=["accuracy"]
    ),
    "multi-hot": case(dense, (X, MULTI_HOT), binary, metrics=["binary_accuracy"]),
    "mse": case(lambda: dense(1), (X, REAL), "mse", metrics=["mae"]),
    "mse class": case(lambda: dense(1), (X, REAL), L.MeanSquaredError, metrics=["mean_absolute_error"]),
    "mse of flat targets": case(lambda: dense(1), (X, REAL[:, 0]), "mean_squared_error"),
    "sum": case(lambda: dense(1), (X, REAL), lambda: L.MeanSquaredError(reduction="sum"), rate=0.001),
    "mean with weights": case(
        lambda: dense(1), (X, REAL, WEIGHTS), lambda: L.MeanSquaredError(reduction="mean_with_sample_weight")
    ),
    "huber": case(lambda: dense(1), (X, REAL), lambda: L.Huber(delta=0.5)),
    "log cosh function": case(lambda: dense(1), (X, REAL), lambda: log_cosh_function),
    "lambda": case(lambda: dense(1), (X, REAL), lambda: lambda y, p: keras.ops.abs(y - p)),
    "poisson": case(lambda: dense(1, "softplus"), (X, COUNTS), "poisson"),
    "hinge": case(lambda: dense(1), (X, 2 * BINARY - 1), "hinge"),
    "kl": case(lambda: dense(3, "softmax"), (X, SOFT), "kl_divergence"),
    "cosine": case(dense, (X, SOFT), L.CosineSimilarity),
    "dice of the batch": case(dense, (X, MULTI_HOT), lambda: dice),
    "Dice": case(lambda: dense(3, "sigmoid"), (X, MULTI_HOT), L.Dice),
    "Tversky": case(lambda: dense(3, "sigmoid"), (X, MULTI_HOT), L.Tversky),
    "ignore_class": case(dense, (X, CLASSES), lambda: sparse(ignore_class=1)),
    # Metrics
    "F1": case(lambda: dense(3, "softmax"), (X, ONE_HOT), categorical, metrics=lambda: [M.F1Score(average="macro")]),
    "F1 a class": case(lambda: dense(3, "softmax"), (X, ONE_HOT), categorical, metrics=lambda: [M.F1Score()]),
    "AUC": case(lambda: dense(1, "sigmoid"), (X, BINARY), "binary_crossentropy", metrics=lambda: [M.AUC(name="auc")]),
    "precision, recall": case(
        lambda: dense(1, "sigmoid"), (X, BINARY), "bce", metrics=lambda: [M.Precision(name="p"), M.Recall(name="r")]
    ),
    "a maximum": case(lambda: dense(1), (X, REAL), "mse", metrics=lambda: [Highest()]),
    "metric function": case(lambda: dense(1), (X, REAL), "mse", metrics=lambda: [log_cosh_function]),
    "R2, RMSE": case(lambda: dense(1), (X, REAL), "mse", metrics=lambda: [M.R2Score(), M.RootMeanSquaredError()]),
    "top k": case(dense, (X, CLASSES), sparse, metrics=lambda: [M.SparseTopKCategoricalAccuracy(2)]),
    "mean IoU": case(dense, (X, CLASSES), sparse, metrics=lambda: [M.MeanIoU(3, sparse_y_pred=False, name="iou")]),
    "one metric twice": case(lambda: dense(1), (X, REAL), "mse", metrics=["mae", "mae"]),
    # Weights
    "weights": case(dense, (X, CLASSES, WEIGHTS), sparse, metrics=["accuracy"], weighted_metrics=["accuracy"]),
    "weights, sum": case(lambda: dense(1), (X, REAL, WEIGHTS), lambda: L.MeanSquaredError(reduction="sum"), rate=0.001),
    "weights of outputs": case(
        two_outputs, (X, TWO, {"u": WEIGHTS, "v": WEIGHTS[::-1]}), lambda: {"u": sparse(), "v": "mse"}
    ),
    "weighted mse": case(lambda: dense(1), (X, REAL, WEIGHTS), "mse", weighted_metrics=["mae"]),
    "class weights": case(dense, (X, CLASSES), sparse, class_weight={0: 1.0, 1: 5.0}, weighted_metrics=["accuracy"]),
    "class weights, one-hot": case(dense, (X, ONE_HOT), categorical, class_weight={0: 0.5, 2: 3.0}),
    "class weights, binary": case(lambda: dense(1), (X, BINARY), binary, class_weight={0: 1.0, 1: 4.0}),
    # Masks
    "tagger": case(tagger, (TOKENS, TAGS), sparse, metrics=["accuracy"]),
    "tagger, weights": case(
        tagger, (TOKENS, TAGS, WEIGHTS[:, None] * np.ones((1, 10), "float32")), sparse, weighted_metrics=["accuracy"]
    ),
    "tagger, sum": case(tagger, (TOKENS, TAGS), lambda: sparse(reduction="sum"), rate=0.001),
    "recurrent": case(recurrent, (TOKENS, CLASSES), sparse, metrics=["accuracy"]),
    # Models
    "convnet": case(convnet, (IMAGES, CLASSES), sparse, metrics=["accuracy"]),
    "penalties": case(penalized, (X, CLASSES), sparse),
    "add_loss": case(adds_loss, (X, CLASSES), sparse, metrics=["accuracy"]),
    "compute_loss": case(own_loss, (X, CLASSES), sparse, metrics=["accuracy"]),
    # Structures
    "outputs": case(
        two_outputs, (X, TWO), lambda: {"u": sparse(), "v": "mse"}, metrics={"u": ["accuracy"], "v": ["mae"]}
    ),
    "outputs, loss weights": case(
        two_outputs, (X, TWO), lambda: {"u": sparse(), "v": "mse"}, loss_weights={"u": 1.0, "v": 0.25}
    ),
    "one output has no loss": case(two_outputs, (X, TWO), lambda: {"u": sparse()}),
    "listed outputs": case(
        listed_outputs, (X, [CLASSES, REAL]), lambda: [sparse(), "mse"], metrics=[["accuracy"], ["mae"]]
    ),
    "listed outputs, weights": case(
        listed_outputs, (X, [CLASSES, REAL]), lambda: [sparse(), "mse"], loss_weights=[1.0, 0.3]
    ),
    "one loss for both": case(listed_outputs, (X, [ONE_HOT, REAL]), "mse"),
    "inputs": case(two_inputs, ({"x": X, "z": Z}, CLASSES), sparse, metrics=["accuracy"]),
    "listed inputs": case(listed_inputs, ([X, Z], CLASSES), sparse, metrics=["accuracy"]),
    # Optimizers
    "AdamW": case(dense, (X, CLASSES), sparse, optimizer=lambda: keras.optimizers.AdamW(0.01, weight_decay=0.3)),
    "AdamW, exclusions": case(dense, (X, CLASSES), sparse, optimizer=without_kernels),
    "AdamW, clipped": case(
        dense,
        (X, CLASSES),
        sparse,
        optimizer=lambda: keras.optimizers.AdamW(0.01, weight_decay=0.3, global_clipnorm=0.1),
    ),
    "clipnorm": case(dense, (X, CLASSES), sparse, optimizer=lambda: keras.optimizers.SGD(0.1, clipnorm=0.05)),
    "clipvalue": case(dense, (X, CLASSES), sparse, optimizer=lambda: keras.optimizers.RMSprop(0.01, clipvalue=0.01)),
    # Callbacks
    "reduce on plateau": case(
        dense,
        (X, CLASSES),
        sparse,
        callbacks=lambda: [keras.callbacks.ReduceLROnPlateau("val_loss", 0.1, 0, min_delta=9.0)],
    ),
    "a scheduler": case(
        dense,
        (X, CLASSES),
        sparse,
        callbacks=lambda: [keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.2 if epoch else 0.05)],
    ),
    "a rate of 0 is left again": case(
        dense,
        (X, CLASSES),
        sparse,
        callbacks=lambda: [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * epoch)],
    ),
    "early stopping on accuracy": case(
        dense,
        (X, CLASSES),
        sparse,
        metrics=["accuracy"],
        callbacks=lambda: [keras.callbacks.EarlyStopping("val_accuracy", patience=0, min_delta=1.0)],
    ),
}


def made(value):
    """The parts of a case that hold state are made anew for each of the two."""
    if isinstance(value, type):
        return value()
    return value() if callable(value) and getattr(value, "__name__", "") in MAKERS else value


MAKERS = ("<lambda>", "sparse", "categorical", "binary")
