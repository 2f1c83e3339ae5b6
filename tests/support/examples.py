"""How each trick is put to work in a small model, with the example with which it is registered."""

import keras
import numpy as np

from tf_tricks import callbacks, initializers, layers, losses, optimizers
from tf_tricks.registry import entries

CLASSES, BATCH = 5, 8
PACKAGES = {
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "optimizers": optimizers,
    "callbacks": callbacks,
}
IMAGES, VECTORS, SEQUENCES = "images", "vectors", "sequences"

RATHER_IMAGES = ("standardization", "batch_normalization", "group_normalization", "stochastic_depth")
"""The layers that take vectors, too, and are tried on images."""

NEEDS_STREAM = ("batch_size_increase", "grow_batch_on_plateau", "adaptive_batch_size")
NEEDS_DATA = ("noise_scale", "adaptive_batch_size", "exponential_moving_average", "stochastic_weight_averaging")
"""What these callbacks get from the trainer, and have to be given in plain fit."""


def names(package):
    """The tricks of a package that can be made by name; the others, functions of a model, have tests of their own."""
    return [name for name, entry in entries(package).items() if entry.in_configs]


def arguments(package, name):
    """The arguments with which a trick is tried: the example with which it is registered."""
    entry = entries(package).get(name)  # Keras's own have none
    example = dict(entry.example) if entry else {}
    if package == "optimizers":
        example.pop("learning_rate", None)  # the trainer's own
    return example


def learning_rate(package, name):
    """The one with which a trick is tried."""
    if package == "optimizers":
        return entries(package)[name].example.get("learning_rate", 0.01) if name in entries(package) else 0.01
    return 0.005 if package == "layers" else 0.03


SHAPES = {VECTORS: (None, 16), IMAGES: (None, 8, 8, 8), SEQUENCES: (None, 8, 8)}


def takes(package, name):
    """What a layer is tried on: vectors, if it takes them and is not named above; else what it takes."""
    if package != "layers":
        return VECTORS
    if name in RATHER_IMAGES:
        return IMAGES
    return next(kind for kind, shape in SHAPES.items() if can_take(name, shape))


def can_take(name, shape):
    try:
        make("layers", name)(keras.KerasTensor(shape))
    except (ValueError, TypeError, IndexError):
        return False
    return True


def make(package, name):
    """The trick, made from its dict."""
    return PACKAGES[package].get({"name": name} | arguments(package, name))


def data(num_examples=80):
    """Images [n, 8, 8, 3] and their classes, which the brightness of one of five patches tells."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, num_examples).astype("int32")
    images = rng.normal(size=(num_examples, 8, 8, 3))
    for image, label in zip(images, labels):
        image[:, label] += 1.5
    return images.astype("float32"), labels


def norm():
    """Batch normalization that gives on replicas what it gives on one device."""
    return keras.layers.BatchNormalization(synchronized=keras.config.backend() == "tensorflow", momentum=0.8)


def model(package, name, seed=1):
    """A small classifier of `data` with the trick in it.

    There is no bias before a normalization: its gradient would be rounding errors, which Adam makes large.
    """
    keras.utils.set_random_seed(seed)
    kl = keras.layers
    kind = takes(package, name)
    trick = make(package, name) if package in ("layers", "initializers") else None
    if hasattr(trick, "adapt"):
        trick.adapt(data()[0] if kind == IMAGES else data()[0].reshape(80, -1))
        stack = [trick] if kind == IMAGES else [kl.Flatten(), trick]
        stack += [kl.Flatten(), kl.Dense(16, "relu")]
    elif package == "initializers":
        stack = [kl.Flatten(), kl.Dense(16, "relu", kernel_initializer=trick)]
    elif trick is None:
        stack = [kl.Flatten(), kl.Dense(16, use_bias=False, name="body"), norm(), kl.ReLU()]
    elif kind == IMAGES:
        stack = [kl.Conv2D(8, 3, padding="same", use_bias=False), trick, kl.ReLU(), kl.Flatten()]
    elif kind == SEQUENCES:
        stack = [kl.Reshape((8, 24)), kl.Dense(8, use_bias=False), trick, kl.ReLU(), kl.Flatten()]
    else:
        stack = [kl.Flatten(), kl.Dense(16, use_bias=False), trick, kl.ReLU()]
    inputs = x = keras.Input((8, 8, 3))
    for layer in [*stack, kl.Dense(CLASSES, name="logits")]:
        x = layer(x)
    kind = optimizers.SharpnessAwareModel if name == "sam" else keras.Model
    return kind(inputs, x)


def is_random(built):
    """Whether the model draws random numbers."""
    return any(layer._seed_generators for layer in built._flatten_layers())


def loss(package, name):
    """The loss to train with."""
    if package == "losses":
        return make(package, name)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(package, name):
    """A new optimizer to train with."""
    made = make(package, name) if package == "optimizers" else keras.optimizers.SGD(momentum=0.9)
    made.learning_rate = learning_rate(package, name)
    return made


def fit_callback(name, stream):
    """The callback for plain fit, which has to be told what the trainer knows."""
    extra = {"stream": stream} if name in NEEDS_STREAM else {}
    if name == "adaptive_batch_size":
        extra["noise_scale"] = {"batch_size": 4, "num_batches": 3, "data": data()}
    elif name in NEEDS_DATA:
        extra["data"] = data()
    if name == "monitor":
        extra |= {"batch": data(), "log_dir": stream.log_dir}
    return callbacks.get({"name": name} | arguments("callbacks", name) | extra)


def fit(package, name, log_dir, epochs=2, built=None):
    """Trains in plain `keras.Model.fit`; returns the model and its history."""
    from tf_tricks.data import Stream

    built = built or model(package, name)
    built.compile(optimizer(package, name), loss(package, name), jit_compile=False)
    # All is built beforehand: on JAX, Keras would read an epoch of the stream to build it.
    built.optimizer.build(built.trainable_variables)
    built.evaluate(*data(BATCH), verbose=0)
    stream = Stream(data(), batch_size=BATCH, seed=3)
    stream.log_dir = str(log_dir)
    chosen = [fit_callback(name, stream)] if package == "callbacks" else []
    return built, built.fit(stream, epochs=epochs, shuffle=False, verbose=0, callbacks=chosen).history


CASES = [(package, name) for package in PACKAGES for name in names(package)]
IDS = [f"{package}-{name}" for package, name in CASES]
