"""Steps of the JAX engine compiled for TPUs; what is reported of them goes into the file that is the first argument."""

import sys

import jax
import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.engines.jax.devices import current_strategy
from tf_tricks.engines.jax.order import turn_at
from tf_tricks.engines.jax.variables import step_variables
from tf_tricks.tpu.on_jax import train_step

layers = keras.layers


class OnHost(layers.Layer):
    def compute_output_shape(self, shape):  # or Keras would trace `call` when the model is made
        return shape

    def call(self, x):
        return keras.ops.convert_to_tensor(np.asarray(x) + 1)


class Eigenvalues(layers.Layer):
    """JAX traces it, and has no such program for a TPU."""

    def call(self, x):
        return jax.numpy.abs(jax.lax.stop_gradient(jax.numpy.linalg.eigvals(x))) + x[..., 0]


def convnet():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


def with_layer(layer):
    return keras.Sequential([keras.Input((8, 8, 3)), layer, layers.Flatten(), layers.Dense(10)])


def compiled(found):
    """Steps that compile, and one that does not fit, over one chip and several."""
    requests = dict(
        four=dict(batch_size=32, topology="v5e:2x2"),
        eight=dict(batch_size=32, topology="v5litepod-8"),
        parts=dict(batch_size=512, micro_batch=128, topology="v4-8"),
        whole=dict(batch_size=512, topology="v4-8"),
        one=dict(batch_size=8, topology="v5e:1x1", clip_global_norm=1.0, optimizer="adam_w", metrics=["accuracy"]),
    )
    for name, request in requests.items():
        (result,) = tt.tpu.check(convnet(), **request).results
        assert result.passes, result.problem
        program = result.program
        found[name] = [
            result.chips,
            program.argument_bytes,
            program.all_reduces,
            program.all_reduce_bytes,
            result.parameter_bytes,
            program.flops,
            len(program.other_collectives),
            result.loops,
        ]


def misfits(found):
    """What is said of steps that do not fit or compile."""
    wide = with_layer(layers.Conv2D(512, 3, padding="same"))
    square = keras.Sequential([keras.Input((4, 4)), Eigenvalues(name="mine"), layers.Dense(2)])
    for name, model, batch in (
        ("large", wide, 2**20),
        ("host", with_layer(OnHost(name="mine")), 8),
        ("eigenvalues", square, 8),
    ):
        (result,) = tt.tpu.check(model, batch_size=batch, topology="v5e:1x1").results
        found[name] = result.problem


def the_same_step(found):
    """Run on the CPU, the function that is checked leaves the weights that the trainer leaves."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(16, 16, 16, 3)).astype("float32"), rng.integers(0, 10, 16).astype("int32")
    for micro_batch in (None, 8):
        trained, stepped = [], []
        for weights in (trained, stepped):
            keras.utils.set_random_seed(1)
            trainer = tt.Trainer(convnet(), learning_rate=0.1, batch_size=16, micro_batch=micro_batch)
            stream = tt.data.Stream(data)
            if weights is trained:
                trainer.fit(stream, epochs=1, verbose=0)
            else:
                by_step(trainer, stream, micro_batch)
            weights += [np.array(v) for v in trainer.model.weights]
        found[f"trained_{micro_batch}"] = np.concatenate([w.ravel() for w in trained])
        found[f"stepped_{micro_batch}"] = np.concatenate([w.ravel() for w in stepped])


def by_step(trainer, stream, micro_batch):
    here = current_strategy()
    function, _ = train_step(trainer, stream, here, 16, micro_batch)
    variables = step_variables(trainer.model, trainer.optimizer, trainer.loss_scale)
    inputs, labels = stream.fetch(np.arange(16))
    size = micro_batch or 16
    batch = tuple(np.asarray(t).reshape(-1, size, *t.shape[1:]) for t in (inputs, labels))
    values = variables.values(here)
    values, *_ = function(values, batch, turn_at(0, 16), np.float32(0.1), np.bool_(True))
    variables.assign(values)


def main():
    """Does all groups of checks; the last computes on the CPU, which JAX still can after the others."""
    results = {}
    for name, group in {"compiled": compiled, "misfits": misfits, "same": the_same_step}.items():
        found = {}
        group(found)
        results |= {f"{name}/{key}": value for key, value in found.items()}
    assert jax.default_backend() == "cpu"
    np.savez(sys.argv[1], **results)


if __name__ == "__main__":
    main()
