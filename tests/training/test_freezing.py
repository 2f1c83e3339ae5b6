"""Which blocks are trained: the numbers of parameters by hand, and the epochs at which blocks join."""

import keras
import numpy as np
import pytest
from support.runs import data, trainer

from tf_tricks.errors import RequestError
from tf_tricks.training.freezing import freeze

WIDTHS = (4, 5, 6, 7)  # kernels 4·5, 5·6, 6·7; the head 7·1


def network(batch_norm=False):
    keras.utils.set_random_seed(0)
    layers = []
    for i, width in enumerate(WIDTHS[1:]):
        layers.append(keras.layers.Dense(width, "tanh", name=f"dense_{i}"))
        layers += [keras.layers.BatchNormalization(name=f"norm_{i}")] if batch_norm else []
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, name="head")])


def trained(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.mark.parametrize(("blocks", "parameters"), [(0, 8), (1, 8 + 49), (2, 8 + 49 + 36), (3, 8 + 49 + 36 + 25)])
def test_the_last_blocks_are_trained(blocks, parameters):
    model = network()
    unfreezing = freeze(model, blocks)
    assert trained(model) == parameters
    assert unfreezing.callbacks == []
    assert sorted(unfreezing.starts) == list(range(3 - blocks, 3))


def test_all_are_all():
    model = network()
    freeze(model, "all")
    assert trained(model) == 8 + 49 + 36 + 25


@pytest.mark.parametrize(("frozen", "parameters"), [(True, 8 + 49), (False, 8 + 49 + 2 * 7)])
def test_batch_norm_stays_frozen_unless_it_is_asked_for(frozen, parameters):
    model = network(batch_norm=True)
    freeze(model, 1, frozen_batch_norm=frozen)
    assert trained(model) == parameters
    before = [np.array(v) for v in model.get_layer("norm_2").weights]
    trainer(model).fit(data(), 1, verbose=0)
    moved = any((np.array(v) != old).any() for v, old in zip(model.get_layer("norm_2").weights, before))
    assert moved != frozen


def test_blocks_join_at_their_epochs():
    class Moved(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.before = {layer.name: np.array(layer.kernel) for layer in self.model.layers}

        def on_epoch_end(self, epoch, logs=None):
            names.append({n for n, k in self.before.items() if (k != np.array(self.model.get_layer(n).kernel)).any()})

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    names, model = [], network()
    unfreezing = freeze(model, {"0": 0, "1": 1, "2": 9})
    trainer(model).fit(data(), 4, callbacks=[*unfreezing.callbacks, Moved()], verbose=0)
    everything = {"head", "dense_2", "dense_1", "dense_0"}
    assert names == [{"head"}, {"head", "dense_2"}, everything, everything]


def test_the_optimizers_state_is_kept_as_blocks_join():
    model = network()
    unfreezing = freeze(model, {0: 0, 2: "all"})
    made = trainer(model)

    class Slots(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            slots.append([np.array(v) for v in made.optimizer.variables if "head" in v.path and "momentum" in v.path])

    slots: list = []
    made.fit(data(), 3, callbacks=[*unfreezing.callbacks, Slots()], verbose=0)
    assert all(np.abs(slot).max() > 0 for slot in slots[2])  # as the third epoch begins, with all blocks joined


def test_the_table_says_what_is_trained():
    model = network(batch_norm=True)
    table = freeze(model, {0: 1, 3: 2}).table().splitlines()
    assert [line.split() for line in table] == [
        ["block", "parameters", "trained"],
        ["dense_0", "45", "no"],
        ["dense_1", "60", "from", "epoch", "4", "on,", "but", "for", "24"],
        ["dense_2", "77", "yes,", "but", "for", "28"],
        ["head", "8", "yes"],
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (4, "trained_blocks is 4, and the model has 3 blocks below its head: say 'all' for all"),
        (-1, "trained_blocks must be"),
        (1.5, "trained_blocks must be"),
        ("al", "trained_blocks must be a number of blocks or 'all', not 'al'"),
        ("auto", "'auto' is for tf-tricks finetune"),
        ({1: 0}, "must say what is trained from epoch 0 on"),
        ({}, "must say what is trained from epoch 0 on"),
        ({0: 2, 3: 1}, "must not fall from epoch to epoch"),
        ({"x": 1}, "must be a dict of epochs to numbers"),
    ],
)
def test_a_wrong_request_gets_a_sentence(given, sentence):
    model = network()
    with pytest.raises(RequestError, match=sentence):
        freeze(model, given)
    assert len(values_of_flags(model)) == 1  # nothing is frozen


def values_of_flags(model):
    return {layer.trainable for layer in model.layers}


def test_a_model_without_a_head_gets_a_sentence():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
    with pytest.raises(RequestError, match=r"the last weights of .* are no dense layer"):
        freeze(model, 0)
