"""Uses the installed package as somebody's own program would; its argument is the folder of a finished run."""

import importlib
import importlib.util
import pkgutil
import sys

import keras
import numpy as np

import tf_tricks as tt

assert tt.Trainer.__name__ == "Trainer"
with tt.strategy("cpu").scope():
    model = keras.models.load_model(f"{sys.argv[1]}/model.keras")
assert model.predict(np.zeros((1, 8, 8, 1), "uint8"), verbose=0).shape == (1, 10)
there = importlib.util.find_spec("jax") is not None
for module in pkgutil.walk_packages(tt.__path__, "tf_tricks."):
    if there or not module.name.startswith(("tf_tricks.engines.jax.", "tf_tricks.tpu.on_jax")):
        importlib.import_module(module.name)
