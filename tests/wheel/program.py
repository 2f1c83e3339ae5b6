"""Uses the installed package as somebody's own program would; its argument is the folder of a finished run."""

import importlib
import pkgutil
import sys

import keras
import numpy as np

import tf_tricks as tt

assert tt.Trainer.__name__ == "Trainer"
with tt.strategy("cpu").scope():
    model = keras.models.load_model(f"{sys.argv[1]}/model.keras")
assert model.predict(np.zeros((1, 8, 8, 1), "uint8"), verbose=0).shape == (1, 10)
for module in pkgutil.walk_packages(tt.__path__, "tf_tricks."):
    importlib.import_module(module.name)
