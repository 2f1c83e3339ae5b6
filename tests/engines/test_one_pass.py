"""The moments of batch normalization in one pass over the activations, on JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import backends

from tf_tricks.engines.jax.one_pass import moments


@pytest.mark.parametrize("centre", [0.0, 3.0, 1e4])
def test_mean_and_variance(centre):
    """Near the mean no digits are lost, however far it is from 0."""
    x = np.random.default_rng(0).normal(centre, 2.0, (64, 5, 3)).astype("float32")
    mean, variance = moments(x, [0, 1], near=jnp.full(3, centre, "float32"))
    np.testing.assert_allclose(mean, x.astype("float64").mean((0, 1)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, x.astype("float64").var((0, 1)), rtol=1e-5)


def test_what_is_near_changes_neither_values_nor_gradients():
    x = jnp.asarray(np.random.default_rng(0).normal(1.0, 2.0, (64, 3)), "float32")

    def value(x, near):
        mean, variance = moments(x, [0], near)
        return jnp.sum(jnp.sin(mean) + jnp.cos(variance))

    def of_two_passes(x):
        return jnp.sum(jnp.sin(x.mean(0)) + jnp.cos(x.var(0)))

    for near in (jnp.zeros(3), jnp.array([0.5, -1.0, 2.0])):
        (by_x, by_near), expected = jax.grad(value, (0, 1))(x, near), jax.grad(of_two_passes)(x)
        np.testing.assert_allclose(value(x, near), of_two_passes(x), rtol=1e-5)
        np.testing.assert_allclose(by_x, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(by_near, 0)


def test_a_constant_has_no_variance():
    """Rounding leaves none below 0, whose root would be NaN."""
    _, variance = moments(jnp.full((1000, 2), 0.1), [0], near=jnp.array([7.0, 0.1]))
    assert (np.asarray(variance) >= 0).all()
    assert float(variance[1]) == 0


PROGRAM = """
import sys, keras, numpy as np
from tf_tricks.engines.jax.one_pass import one_pass
layer = keras.layers.BatchNormalization()
model = keras.Sequential([keras.Input((4, 3)), layer])
x = np.random.default_rng(0).normal(1.0, 2.0, (32, 4, 3)).astype("float32")
mask = np.arange(4)[None] < np.full((32, 1), 2)
found = {}
for name, how in dict(plain={}, masked=dict(mask=mask)).items():
    for values in ("theirs", "ours"):
        layer.moving_mean.assign(np.zeros(3)); layer.moving_variance.assign(np.ones(3))
        if values == "ours":
            with one_pass(model):
                assert "_moments" in vars(layer)
                outputs = layer(x, training=True, **how)
        else:
            outputs = layer(x, training=True, **how)
        found[f"{name}_{values}"] = np.concatenate([np.ravel(v) for v in (outputs, *layer.non_trainable_variables)])
assert "_moments" not in vars(layer)
np.savez(sys.argv[1], **found)
"""


def test_a_layer_of_keras_does_what_it_did(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    found = backends.run(program, "jax")
    for name in ("plain", "masked"):
        np.testing.assert_allclose(found[f"{name}_ours"], found[f"{name}_theirs"], rtol=1e-5, atol=1e-5)
