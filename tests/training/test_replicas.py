"""R replicas give what one device gives. Each number of replicas has a process of its own, which trains every case."""

import keras
import numpy as np
import pytest
from support import forked
from support.problems import convnet, image_data

import tf_tricks as tt

SGD = {"name": "momentum", "momentum": 0.9}
CASES = {
    "momentum": dict(optimizer=SGD),
    "nesterov_l2": dict(optimizer=SGD | {"nesterov": True}, l2=1e-3),
    "adam": dict(optimizer="adam", learning_rate=0.01),
    "adam_weight_decay": dict(optimizer="adam_w", learning_rate=0.01, weight_decay=0.1),
    "clip_norm": dict(optimizer=SGD, clip_norm=0.05),
    "clip_global_norm": dict(optimizer=SGD, clip_global_norm=0.1),
    "clip_value": dict(optimizer=SGD, clip_value=0.01),
    "adam_clip_micro_batch": dict(optimizer="adam", learning_rate=0.01, clip_global_norm=0.1, micro_batch=8),
    "micro_batch_l2": dict(optimizer=SGD, micro_batch=8, l2=1e-3),
    "ema": dict(optimizer=SGD | {"use_ema": True, "ema_momentum": 0.9}),
    "grow": dict(optimizer=SGD, batch_size={"name": "grow", "initial": 16, "epochs": (0.5, 1.0), "factor": 2}),
    "grow_into_micro_batches": dict(
        optimizer=SGD | {"use_ema": True, "ema_momentum": 0.9},
        batch_size={"name": "grow", "initial": 16, "epochs": (0.5, 1.0), "factor": 2},
        micro_batch=16,
        clip_global_norm=0.2,
    ),
    "augmented": dict(optimizer=SGD, augment=["flip", "rotation", {"name": "mixup_or_cutmix", "num_classes": 5}]),
    "rand_augment": dict(optimizer=SGD, augment={"name": "rand_augment", "value_range": (-8, 8)}),
    "augmented_on_host": dict(optimizer=SGD, augment=["flip", "pad_and_crop"], augment_on="host", micro_batch=8),
}


def trained(case, strategy):
    """Returns what 20 steps, or two epochs where the batch grows, come to."""
    keras.utils.set_random_seed(1)
    images, labels = image_data()
    with strategy.scope():
        model = convnet()
    settings = dict(learning_rate=0.1, batch_size=16, metrics=["accuracy"], strategy=strategy) | CASES[case]
    augment = dict(augment=tt.augment.get(settings.pop("augment", None)), augment_on=settings.pop("augment_on", "step"))
    trainer = tt.Trainer(model, **settings)
    stream = tt.data.Stream((images, labels), **augment)
    epochs = 2.0 if "grow" in case else 20 * 16 / len(images)
    history = trainer.fit(stream, epochs=epochs, validation=(images[:99], labels[:99]), verbose=0)
    weights = {f"weight{i}": np.asarray(v) for i, v in enumerate(model.weights)}
    return {"steps": trainer.run.progress.step} | history.history | weights


def train(replicas):
    """Returns an array for each "case/name"."""
    strategy = tt.strategy("cpu", replicas=replicas)
    return {f"{case}/{name}": np.asarray(v) for case in CASES for name, v in trained(case, strategy).items()}


def difference(name, one, several):
    """Says in words what is wrong, or returns None."""
    if name.endswith("steps"):
        return None if one == several else f"{several} steps instead of {one}"
    scale = np.abs(one).max()
    found = np.abs(several - one).max()
    # A prediction that rounding turns over may cost one example of accuracy.
    bound = 1.01 / 99 if "accuracy" in name else 1e-5 * scale
    return None if found <= bound else f"differs by {found / scale:.1e} of its size"


@pytest.fixture(scope="module")
def on_one_device():
    return forked.call(train, 1)


@pytest.mark.slow
def test_four_replicas_give_what_one_device_gives(on_one_device):
    several = forked.call(train, 4)  # the tests over all tricks have two
    assert on_one_device.keys() == several.keys()
    problems = {name: difference(name, value, several[name]) for name, value in on_one_device.items()}
    assert not any(problems.values()), {name: problem for name, problem in problems.items() if problem}
