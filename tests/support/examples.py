"""How each trick is put to work in a small model. A trick that is not named here is tried with its defaults."""

import keras
import numpy as np

from tf_tricks import callbacks, initializers, layers, losses, optimizers

CLASSES, BATCH = 5, 8
PACKAGES = {
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "optimizers": optimizers,
    "callbacks": callbacks,
}
FUNCTIONS = {"lsuv", "fixup", "signal_propagation", "monte_carlo_predict", "recompute_batch_norm", "l2"}
"""Tricks that are functions of a model; nothing can be made of their names. Their own tests say what they do."""

IMAGES, VECTORS, SEQUENCES = "images", "vectors", "sequences"

LAYERS = {
    "standardization": (IMAGES, {}),
    "whitening": (VECTORS, {"method": "zca", "epsilon": 0.1}),
    "batch_normalization": (IMAGES, {"mode": "ghost", "ghost_size": 4}),
    "group_normalization": (IMAGES, {"groups": 4}),
    "weight_standardized_conv2d": (IMAGES, {"filters": 8, "kernel_size": 3}),
    "weight_standardized_dense": (VECTORS, {"units": 16, "gain": True}),
    "drop_connect_dense": (VECTORS, {"units": 16, "rate": 0.3}),
    "drop_connect_conv2d": (IMAGES, {"filters": 8, "kernel_size": 3, "rate": 0.2}),
    "drop_block": (IMAGES, {"rate": 0.2, "block_size": 3}),
    "spatial_dropout1d": (SEQUENCES, {"rate": 0.2}),
    "spatial_dropout2d": (IMAGES, {"rate": 0.2}),
    "dropout": (VECTORS, {"rate": 0.3, "scaling": "test"}),
    "monte_carlo_dropout": (VECTORS, {"rate": 0.2}),
    "gaussian_dropout": (VECTORS, {"rate": 0.2}),
    "gaussian_noise": (VECTORS, {"stddev": 0.2}),
    "alpha_dropout": (VECTORS, {"rate": 0.1}),
    "stochastic_depth": (IMAGES, {"rate": 0.2}),
    "squeeze_excite": (IMAGES, {"ratio": 4}),
    "blur_pool": (IMAGES, {}),
}
SGD = {"name": "sgd", "momentum": 0.9}
OPTIMIZERS = {  # arguments, and a learning rate
    "sgd": ({"momentum": 0.9}, 0.03),
    "momentum": ({"nesterov": True}, 0.03),
    "adagrad": ({}, 0.05),
    "lars": ({"trust_coefficient": 0.02, "weight_decay": 0.01}, 0.5),
    "lamb": ({"weight_decay": 0.01}, 0.02),
    "lion": ({}, 0.002),
    "sam": ({"optimizer": SGD}, 0.03),
    "lookahead": ({"optimizer": {"name": "adam"}, "k": 3}, 0.01),
    "adaptive_gradient_clipping": ({"optimizer": SGD, "clip_factor": 0.1}, 0.03),
    "learning_rate_multipliers": ({"optimizer": {"name": "adam_w"}, "multipliers": {"logits": 2.0}}, 0.01),
    "layer_wise_decay": ({"optimizer": {"name": "adam"}}, 0.01),
    "weight_decay_exclusions": ({"optimizer": {"name": "adam_w", "weight_decay": 0.1}}, 0.01),
    "schedule_free_adam_w": ({"weight_decay": 0.01}, 0.02),
}
CALLBACKS = {
    "learning_rate_decay": {"schedule": {"name": "step_decay", "initial": 0.03, "epochs": [1], "factor": 0.5}},
    "batch_size_increase": {"schedule": {"name": "grow", "initial": BATCH, "epochs": [1], "factor": 2}},
    "learning_rate_finder": {"steps": 15, "minimum": 1e-4},
    "decay_on_plateau": {"monitor": "loss", "patience": 1, "min_delta": 10.0, "factor": 0.5},
    "grow_batch_on_plateau": {"monitor": "loss", "patience": 1, "min_delta": 10.0, "factor": 2},
    "noise_scale": {"batch_size": 4, "num_batches": 3},
    "adaptive_batch_size": {"minimum": BATCH, "maximum": 4 * BATCH},
    "exponential_moving_average": {"momentum": 0.9},
    "stochastic_weight_averaging": {"start_epoch": 1},
    "gradual_unfreezing": {"stages": {0: ["logits"], 1: [".*"]}},
}
LOSSES = {"sparse_categorical_crossentropy": {"from_logits": True, "label_smoothing": 0.1}}
NEEDS_STREAM = ("batch_size_increase", "grow_batch_on_plateau", "adaptive_batch_size")
NEEDS_DATA = ("noise_scale", "adaptive_batch_size", "exponential_moving_average", "stochastic_weight_averaging")
"""What these callbacks get from the trainer, and have to be given in plain fit."""


def names(package):
    """The tricks of a package that can be made by name."""
    return [name for name in PACKAGES[package].TRICKS if name not in FUNCTIONS]


def arguments(package, name):
    """The arguments with which a trick is tried."""
    if package == "layers":
        return LAYERS.get(name, (VECTORS, {}))[1]
    if package == "optimizers":
        return OPTIMIZERS.get(name, ({}, 0.01))[0]
    return {"callbacks": CALLBACKS, "losses": LOSSES}.get(package, {}).get(name, {})


def learning_rate(package, name):
    if package == "optimizers":
        return OPTIMIZERS.get(name, ({}, 0.01))[1]
    return 0.01 if package == "layers" else 0.03


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
    kind = LAYERS.get(name, (VECTORS, {}))[0] if package == "layers" else VECTORS
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
