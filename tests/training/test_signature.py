"""What a run keeps of its model's inputs and outputs is what comes back."""

import json

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.data.input_spec import InputSpec
from tf_tricks.training import workdir
from tf_tricks.training.signature import kept


def test_a_run_keeps_it(tmp_path):
    images, labels = np.arange(80, dtype="float32").reshape(5, 4, 4, 1) / 100, np.arange(5) % 3
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    trainer = tt.Trainer(model, batch_size=5)
    source = tt.data.ArraySource(images, labels, label_names=["cat", "dog", "cow"])
    trainer.fit(source, 1, workdir=tmp_path, verbose=0)
    spec, (output,) = kept(workdir.read(tmp_path))
    assert spec == InputSpec([4, 4, 1], "float32", [0.0, float(np.float32(0.79))])
    assert (output.gives, output.classes, output.shape, output.size) == ("logits", ["cat", "dog", "cow"], [], 3)


def test_a_run_that_goes_on_gets_it(tmp_path):
    x, y = np.eye(4, dtype="float32"), np.arange(4)

    def fit():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        tt.Trainer(model, batch_size=4).fit((x, y), 1, workdir=tmp_path, verbose=0)

    fit()
    content = json.loads((tmp_path / "config.json").read_text())
    before = content.pop("inputs"), content.pop("outputs")
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert kept(workdir.read(tmp_path)) == (None, None)
    fit()
    content = workdir.read(tmp_path)
    assert (content["inputs"], content["outputs"]) == before


def test_several_inputs_have_none(tmp_path):
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(2)(keras.layers.Add()([a, b])))
    x = np.ones((4, 2), "float32")
    tt.Trainer(model, batch_size=4).fit(({"a": x, "b": x}, np.arange(4) % 2), 1, workdir=tmp_path, verbose=0)
    spec, outputs = kept(workdir.read(tmp_path))
    assert (spec, outputs[0].size) == (None, 2)
