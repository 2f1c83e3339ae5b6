"""Networks of Keras and a small transformer go through every policy; what is trained is counted by hand."""

import keras
import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks.config import config_file, parts
from tf_tricks.training.task import plan_task

POLICIES = ("linear_probe", "last_blocks", "probe_then_finetune", "gradual", "layer_wise", "l2_sp", "full")
WIDTH = 8


def vit(input_shape, num_outputs):
    """A vision transformer of patches of 8 × 8 pixels, two layers of width 8."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(WIDTH, 8, strides=8, name="patches")(inputs)
    x = keras.layers.Reshape((-1, WIDTH))(x)
    for i in range(2):
        h = keras.layers.LayerNormalization(name=f"layer_{i}_norm_1")(x)
        x = x + keras.layers.MultiHeadAttention(2, WIDTH // 2, dropout=0.1, name=f"layer_{i}_attention")(h, h)
        h = keras.layers.LayerNormalization(name=f"layer_{i}_norm_2")(x)
        h = keras.layers.Dense(2 * WIDTH, "gelu", name=f"layer_{i}_up")(h)
        x = x + keras.layers.Dense(WIDTH, name=f"layer_{i}_down")(keras.layers.Dropout(0.1)(h))
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization(name="norm")(x))
    return keras.Model(inputs, keras.layers.Dense(num_outputs, name="logits")(x))


def network(name):
    keras.utils.set_random_seed(0)
    model = vit if name == "vit" else {"name": f"keras_applications/{name}"}
    return vit((32, 32, 3), 3) if name == "vit" else tt.models.get(model, input_shape=(32, 32, 3), num_outputs=3)


# Kernels and biases of the last two blocks below the head, by the papers' widths; batch norms stay frozen.
SQUEEZE = 576 * 144 + 144 + 144 * 576 + 576
MOBILENET = (96 * 576, 96 * 576 + 25 * 576 + SQUEEZE + 576 * 96)
BOTTLENECK = 2048 * 512 + 512 + 9 * 512 * 512 + 512 + 512 * 2048 + 2048
MBCONV = 192 * 1152 + 9 * 1152 + (1152 * 48 + 48) + (48 * 1152 + 1152) + 1152 * 320
CONVNEXT = 49 * 768 + 768 + 2 * 768 + (768 * 3072 + 3072) + (3072 * 768 + 768) + 768
ATTENTION = 3 * (WIDTH * WIDTH + WIDTH) + WIDTH * WIDTH + WIDTH
TRANSFORMER = 4 * WIDTH + ATTENTION + (WIDTH * 16 + 16) + (16 * WIDTH + WIDTH)
HAND = {
    "mobilenet_v3_small": (576, *MOBILENET),
    "resnet50": (2048, BOTTLENECK, BOTTLENECK),
    "efficientnet_b0": (1280, 320 * 1280, MBCONV),
    "convnext_tiny": (768, CONVNEXT + 2 * 768, CONVNEXT),
    "vit": (WIDTH, TRANSFORMER + 2 * WIDTH, TRANSFORMER),
}


def count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


@pytest.mark.parametrize("name", HAND)
def test_the_trained_parameters_are_those_counted_by_hand(name):
    model = network(name)
    features, last, before = HAND[name]
    head = (features + 1) * 3
    expected = [head, head + last, head + last + before]
    found = []
    for blocks in range(3):
        tt.freeze(model, blocks)
        found.append(count(model.trainable_variables))
    assert found == expected
    tt.freeze(model, "all")
    norms = (keras.layers.BatchNormalization, keras.layers.Normalization)
    others = [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, norms)]
    own = [v for layer in others for v in layer._trainable_variables]
    assert count(model.trainable_variables) == count(own)


def config_of(policy, model):
    config = parts.plain(config_file.load(f"finetune:{policy}"))
    return parts.resolve(config | {"model": model, "init_from": None, "epochs": 6.0, "batch_size": 4})


@pytest.mark.parametrize("name", HAND)
def test_every_policy_can_be_carried_out(name):
    random = np.random.default_rng(0)
    data = tt.data.ArraySource(random.integers(0, 255, (8, 32, 32, 3)).astype("float32"), np.arange(8) % 3)
    stream = tt.data.Stream(data)
    model = network(name)
    for policy in POLICIES:
        config = config_of(policy, "given")
        model.trainable = True
        unfreezing = tt.freeze(model, config["trained_blocks"])
        rate, size = parts.schedules_of(config, data, 1)
        trainer = tt.Trainer(model, tt.optimizers.get(config["optimizer"]), rate, size)
        plan_task(trainer, stream, 6.0, unfreezing.callbacks, frozen_features="memory")
        joins = {"probe_then_finetune": 2, "gradual": min(6, 1 + len(unfreezing.body))}.get(policy, 1)
        assert len(set(unfreezing.starts.values()) | {0}) == joins
        if policy == "layer_wise":
            _check_rates(unfreezing, trainer)


def _check_rates(unfreezing, trainer):
    """The head learns at 1, each block at 0.75 of the one above."""
    factors = dict(zip(map(id, trainer.update.variables), trainer.optimizer._factors))
    blocks = [[v for layer in block.layers for v in layer.trainable_variables] for block in unfreezing.body]
    found = [{factors[id(v)] for v in block} for block in blocks if block]
    assert {factors[id(v)] for v in unfreezing.head.trainable_variables} == {1.0}
    assert found == [{0.75 ** (len(found) - i)} for i in range(len(found))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("mobilenet_v3_small", "last_blocks"),
        ("resnet50", "last_blocks"),
        ("efficientnet_b0", "linear_probe"),
        ("convnext_tiny", "last_blocks"),
        ("vit", "gradual"),
        ("vit", "layer_wise"),
    ],
)
def test_a_network_is_trained(name, policy):
    """Policies that end with all blocks can move anything: two of them stand for all."""
    random = np.random.default_rng(0)
    arrays = random.integers(0, 255, (8, 32, 32, 3)).astype("float32"), np.arange(8) % 3
    model, config = network(name), config_of(policy, "given")
    unfreezing = tt.freeze(model, config["trained_blocks"])
    before = [np.array(v) for v in model.weights]
    trainer = tt.Trainer(model, tt.optimizers.get(config["optimizer"]), 1e-2, 4)
    epochs = 4 if unfreezing.callbacks else 2
    history = trainer.fit(arrays, epochs, callbacks=unfreezing.callbacks, frozen_features="memory", verbose=0).history
    assert np.isfinite(history["loss"]).all()
    trained = {id(v) for layer in _trained(unfreezing) for v in layer.trainable_variables}
    for variable, old in zip(model.weights, before):
        moved = bool((np.array(variable) != old).any())
        assert moved <= (id(variable) in trained), variable.path
    assert any((np.array(v) != old).any() for v, old in zip(model.weights, before))


def _trained(unfreezing):
    blocks = [unfreezing.body[place] for place in unfreezing.starts]
    return [unfreezing.head, *(layer for block in blocks for layer in block.layers)]
