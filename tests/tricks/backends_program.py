"""Writes what every trick gives on Keras's backend, from weights and inputs that do not depend on it."""

import sys
import tempfile
import traceback

import keras
import numpy as np
from support import examples

from tf_tricks.optimizers.traits import needs_two_gradients

STEPS = 5


def fixed(model):
    """Gives the model weights that are the same on every backend."""
    rng = np.random.default_rng(11)
    for variable in model.trainable_variables:
        size = 1.0 if "gamma" in variable.path else 0.0
        variable.assign((size + 0.2 * rng.normal(size=variable.shape)).astype("float32"))
    return model


def of_layer(package, name):
    """Outputs at inference and, if nothing is drawn, in training, with what training leaves in the model's weights."""
    model = fixed(examples.model(package, name))
    images = examples.data()[0][:16]
    results = {}
    if name != "monte_carlo_dropout":
        results["inference"] = model(images, training=False)
    if not examples.is_random(model):
        results["training"] = model(images, training=True)
        results |= {f"weight{i}": v for i, v in enumerate(model.weights)}
    return results


def of_loss(package, name):
    logits = np.random.default_rng(2).normal(size=(80, examples.CLASSES)).astype("float32")
    return {"value": examples.loss(package, name)(examples.data()[1], logits)}


def of_initializer(package, name):
    """The variance of many weights, which is all that the backends have in common."""
    values = keras.ops.convert_to_numpy(examples.make(package, name)((300, 200)))
    return {"mean square": np.mean(values**2)}


def of_optimizer(package, name):
    rng = np.random.default_rng(4)
    variables = [keras.Variable(rng.normal(size=shape).astype("float32"), name="logits") for shape in [(4, 3), (5,)]]
    optimizer = examples.optimizer(package, name)
    optimizer.build(variables)
    for _ in range(STEPS):
        gradients = [keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype("float32")) for v in variables]
        if needs_two_gradients(optimizer):
            optimizer.ascend(gradients, variables)
        optimizer.apply(gradients, variables)
    return {f"weight{i}": v for i, v in enumerate(variables)}


def of_callback(package, name):
    model = fixed(examples.model(package, name))
    examples.fit(package, name, tempfile.mkdtemp(), built=model)
    return {f"weight{i}": v for i, v in enumerate(model.weights)}


OF = {
    "layers": of_layer,
    "losses": of_loss,
    "initializers": of_initializer,
    "optimizers": of_optimizer,
    "callbacks": of_callback,
}


def main(output):
    results = {}
    for package, name in examples.CASES:
        try:
            found = OF[package](package, name)
        except Exception:
            found = {"error": np.array(traceback.format_exc())}
        results |= {f"{package}-{name}-{key}": np.asarray(value) for key, value in found.items()}
    if hasattr(examples.optimizers, "SAM"):
        model, _ = examples.fit("optimizers", "sam", "", built=fixed(examples.model("optimizers", "sam")))
        results |= {f"optimizers-sam-fit{i}": np.asarray(v) for i, v in enumerate(model.weights)}
    np.savez(output, **results)


if __name__ == "__main__":
    main(sys.argv[1])
