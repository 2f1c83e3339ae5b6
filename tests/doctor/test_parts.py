"""What is said of the parts of a set-up: frozen weights, tricks that do not go together; and nothing of good ones."""

import keras
import numpy as np
import pytest
from support import examined

import tf_tricks as tt
from tf_tricks.doctor import parts

layers = keras.layers
X, Y = examined.digits()


def net(*middle, batch_norm=True):
    normed = [layers.BatchNormalization(name="norm")] if batch_norm else []
    first = [keras.Input((8, 8, 1)), layers.Conv2D(16, 3, name="conv"), *normed, layers.ReLU()]
    return keras.Sequential([*first, *middle, layers.Flatten(), layers.Dense(10)])


def found(model=None, **arguments):
    return examined.found(parts, model or net(), (X, Y), **arguments)


def conflict(**arguments):
    return found(**arguments)["tricks_in_conflict"]


def plateau():
    return keras.callbacks.ReduceLROnPlateau("loss")


GOOD = {
    "batch norm and dropout at the end": dict(model=net(layers.Dropout(0.5))),
    "little dropout, then a convolution": dict(
        model=net(layers.Dropout(0.2), layers.Conv2D(8, 3), layers.BatchNormalization())
    ),
    "a plateau after a warm-up": dict(learning_rate=tt.schedules.warm_up(0.1, epochs=2), callbacks=[plateau()]),
    "a decay": dict(learning_rate=tt.schedules.cosine_decay(0.1, total_epochs=10)),
    "decay of kernels": dict(weight_decay=1e-2, learning_rate=0.1),
    "AdamW": dict(optimizer=keras.optimizers.AdamW(1e-3)),
    "mixup with accuracy": dict(augment="mixup", metrics=["accuracy"]),
    "a batch of 16": dict(batch_size=16),
    "a batch of one without batch norm": dict(model=net(batch_norm=False), batch_size=1),
}
BAD = {
    "dropout before batch norm": (dict(model=net(layers.Dropout(0.3), layers.BatchNormalization())), "rate 0.3"),
    "much dropout, then a convolution": (
        dict(model=net(layers.Dropout(0.5), layers.Conv2D(8, 3), layers.BatchNormalization())),
        "rate 0.5",
    ),
    "a plateau over a decay": (
        dict(learning_rate=tt.schedules.cosine_decay(0.1, total_epochs=10), callbacks=[plateau()]),
        "ReduceLROnPlateau lowers the rate on top of the schedule cosine_decay",
    ),
    "two plateaus": (dict(callbacks=[plateau(), tt.callbacks.DecayOnPlateau(monitor="loss")]), "lower the same rate"),
    "a callback over a decay": (
        dict(
            learning_rate=tt.schedules.cosine_decay(0.1, total_epochs=10),
            callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)],
        ),
        "LearningRateScheduler sets the rate",
    ),
    "l2 and decay": (dict(l2=1e-4, weight_decay=1e-4), "l2 and by weight_decay"),
    "decay of batch norm": (
        dict(weight_decay=1e-2, learning_rate=0.1, exclude_from_weight_decay=[]),
        "acts on γ and β of batch norm, 2 variables",
    ),
    "l2 of batch norm": (dict(l2=1e-2, learning_rate=0.1, exclude_from_weight_decay=[]), "acts on γ and β"),
    "mixup with a sparse metric": (
        dict(augment="mixup", metrics=["sparse_categorical_accuracy"]),
        "sparse_categorical_accuracy gets labels that mixup has mixed",
    ),
    "mixup with a sparse metric of another name": (
        dict(augment="mixup", metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")]),
        "accuracy (sparse_categorical_accuracy) gets labels that mixup has mixed",
    ),
    "mixup with Keras's sparse loss": (
        dict(augment="mixup", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        "sparse_categorical_crossentropy gets labels that mixup has mixed",
    ),
    "batch norm of one example": (dict(batch_size=1), "mean and variance of 1 examples at once"),
    "batch norm of a micro-batch": (dict(batch_size=64, micro_batch=4), "mean and variance of 4 examples"),
    "two kinds of clipping": (dict(clip_norm=1.0, clip_value=1.0), "clip_value and by clip_norm"),
    "all warm-up": (dict(learning_rate=tt.schedules.warm_up(0.1, epochs=30)), "at 0.0333 of 0.1"),
}


@pytest.mark.parametrize("arguments", GOOD.values(), ids=list(GOOD))
def test_what_goes_together(arguments):
    assert not found(**arguments)


@pytest.mark.parametrize(("arguments", "measured"), BAD.values(), ids=list(BAD))
def test_what_does_not_go_together(arguments, measured):
    assert measured in conflict(**arguments).measured


def test_a_batch_norm_of_one_example_is_surer_than_of_four():
    assert conflict(batch_size=1).confidence > 0.9 > conflict(batch_size=4).confidence


def test_regularizers_and_l2():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, kernel_regularizer="l2")])
    assert not found(model)
    assert "l2 and by regularizers" in conflict(model=model, l2=1e-3).measured


def test_averaged_weights_beside_batch_norm():
    callback = keras.callbacks.SwapEMAWeights()
    optimizer = keras.optimizers.SGD(0.1, use_ema=True)
    assert "weights are averaged" in conflict(optimizer=optimizer, callbacks=[callback]).measured
    assert not found(net(batch_norm=False), optimizer=keras.optimizers.SGD(0.1, use_ema=True), callbacks=[callback])


def test_a_batch_of_more_than_there_are():
    assert "5,000 is larger than the training set of 1,797" in found(batch_size=5000)["batch_too_large"].measured


def frozen_body(trained):
    body = [layers.Conv2D(32, 3), layers.BatchNormalization(), layers.ReLU()]
    model = net(*body)
    if trained:
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(X, Y, batch_size=64, epochs=1, verbose=0)
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def test_nothing_is_trained():
    model = net()
    model.trainable = False
    assert found(model)["nothing_trainable"].measured == "none of 5,962 weights is trained"


def test_a_body_that_is_frozen_as_it_was_drawn():
    finding = found(frozen_body(trained=False))["nothing_trainable"]
    assert "are frozen as they were drawn, those of conv, " in finding.measured


def test_a_body_that_was_trained_may_be_frozen():
    assert not found(frozen_body(trained=True))


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "orthogonal"])
def test_a_kernel_as_it_was_drawn_is_told_from_others(initializer):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(64, kernel_initializer=initializer), layers.Dense(10)]
    )
    body = model.layers[1]
    body.trainable = False
    assert "nothing_trainable" in found(model)
    body.kernel.assign(np.sign(np.asarray(body.kernel)) * np.square(np.asarray(body.kernel)) * 8)
    assert not found(model)


def test_one_frozen_layer_of_several_is_no_mistake():
    model = net(layers.Conv2D(16, 3), layers.Conv2D(16, 3))
    model.layers[0].trainable = False
    assert not found(model)
