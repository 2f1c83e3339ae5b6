"""The tests of the engine on JAX run where Keras is on JAX: `KERAS_BACKEND=jax`, as `make test` does."""

import keras

if keras.config.backend() != "jax":
    collect_ignore_glob = ["test_*.py"]
