"""A copy of a .keras file, and whether it is one."""

import keras
import numpy as np
import pytest
from support import models_to_export

from tf_tricks import RunError
from tf_tricks.export import signature, to_keras


def test_a_copy_has_the_same_weights(tmp_path):
    model = models_to_export.dicts()
    model.save(tmp_path / "model.keras")
    to_keras.write((tmp_path / "model.keras").read_bytes(), tmp_path / "copy.keras")
    taken = signature.of(model)
    arrays = signature.made_up(taken, 3)
    found = to_keras.checked(tmp_path / "copy.keras", model, taken)(arrays)
    for name, expected in model.predict(arrays, verbose=0).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    assert (tmp_path / "copy.keras").read_bytes() == (tmp_path / "model.keras").read_bytes()


def test_another_weight_is_noticed(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    bias = model.layers[0].bias
    bias.assign(np.nextafter(np.zeros(2, "float32"), np.float32(1)))
    with pytest.raises(RunError, match=r"the weight \S+/bias of the copy is not that of the model"):
        to_keras.checked(tmp_path / "model.keras", model, signature.of(model))
