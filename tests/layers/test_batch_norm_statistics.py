import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm
from tf_tricks.layers.batch_normalization import BatchNormalization


def _inputs(*shape, seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype("float32")


@pytest.mark.parametrize("seed", range(20))
def test_the_first_layer_gets_the_moments_of_the_whole_data(seed):
    rng = np.random.default_rng(seed)
    x = _inputs(*rng.integers(2, 20, 1), 4, 3, seed=seed)
    kind = [keras.layers.BatchNormalization, BatchNormalization][seed % 2]
    model = keras.Sequential([keras.Input((4, 3)), kind()])
    recompute_batch_norm(model, np.split(x, np.sort(rng.choice(len(x), 2))[1:]) if len(x) > 3 else [x])
    exact = x.astype("float64")
    np.testing.assert_allclose(np.asarray(model.layers[0].moving_mean), exact.mean((0, 1)), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(model.layers[0].moving_variance), exact.var((0, 1)), rtol=1e-5)


def test_upper_layers_see_batches_normalized_by_their_own_statistics():
    batches = [_inputs(6, 3, seed=1), _inputs(2, 3, seed=2) * 4]
    kernel = np.random.default_rng(3).normal(size=(3, 2))
    model = keras.Sequential(
        [keras.Input((3,)), BatchNormalization(epsilon=1e-3), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    model.layers[1].set_weights([kernel, np.array([1.0, -1.0])])
    recompute_batch_norm(model, batches)
    hidden = []
    for x in batches:
        x = x.astype("float64")
        hidden.append((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) @ kernel + [1.0, -1.0])
    hidden = np.concatenate(hidden)
    np.testing.assert_allclose(np.asarray(model.layers[2].moving_mean), hidden.mean(0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(model.layers[2].moving_variance), hidden.var(0), rtol=1e-5)


def test_a_ghost_layer_gets_the_mean_variance_of_its_groups():
    batches = [_inputs(4, 2, seed=1), _inputs(4, 2, seed=1)]
    model = keras.Sequential([keras.Input((2,)), BatchNormalization(mode="ghost", ghost_size=2)])
    recompute_batch_norm(model, batches)
    groups = np.split(batches[0], 2)
    np.testing.assert_allclose(np.asarray(model.layers[0].moving_mean), batches[0].mean(0), rtol=1e-6)
    np.testing.assert_allclose(
        np.asarray(model.layers[0].moving_variance), np.mean([g.var(0) for g in groups], 0), rtol=1e-5
    )


def test_nothing_but_the_statistics_changes():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dropout(0.5, seed=1), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    )
    statistics = {id(v) for v in (model.layers[1].moving_mean, model.layers[1].moving_variance)}
    others = [v for v in model.variables if id(v) not in statistics]
    before = [np.asarray(v) for v in others]
    recompute_batch_norm(model, [_inputs(4, 3), _inputs(4, 3)])
    assert len(others) == 5  # dropout's seed, gamma and beta, kernel and bias
    for old, variable in zip(before, others, strict=True):
        np.testing.assert_array_equal(old, np.asarray(variable))
    assert model.layers[1].momentum == 0.99


def test_dropout_draws_anew_for_every_batch_and_alike_every_time():
    def statistics(number_of_batches):
        model = keras.Sequential([keras.Input((50,)), keras.layers.Dropout(0.5, seed=1), BatchNormalization()])
        recompute_batch_norm(model, number_of_batches * [np.ones((1, 50), "float32")])
        return np.asarray(model.layers[1].moving_variance)

    assert (statistics(1) == 0).all()
    assert (statistics(8) > 0).any()
    np.testing.assert_array_equal(statistics(8), statistics(8))


def test_frozen_layers_are_left_alone():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            BatchNormalization(frozen=True),
            keras.layers.BatchNormalization(trainable=False),
            keras.layers.BatchNormalization(),
        ]
    )
    recompute_batch_norm(model, [_inputs(4, 3)])
    for layer, frozen in zip(model.layers, (True, True, False), strict=True):
        assert (np.asarray(layer.moving_mean) == 0).all() == frozen


def test_statistics_that_were_broken_are_made_anew():
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
    model.layers[0].moving_mean.assign([np.nan] * 3)
    recompute_batch_norm(model, [_inputs(4, 3)])
    assert np.isfinite(np.asarray(model.layers[0].moving_mean)).all()


def test_batches_may_carry_labels_and_layers_may_be_nested():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
    model = keras.Sequential([keras.Input((3,)), inner])
    x = _inputs(4, 3)
    recompute_batch_norm(model, [(x, np.zeros(4))])
    np.testing.assert_allclose(np.asarray(inner.layers[0].moving_mean), x.mean(0), rtol=1e-6)


def test_a_model_without_batch_norm_needs_nothing():
    recompute_batch_norm(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), [])


def test_averaged_weights_predict_well_again():
    # The weights have moved on since the statistics were gathered: 100 times as large.
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, use_bias=False), BatchNormalization()])
    model.layers[0].kernel.assign(100 * np.asarray(model.layers[0].kernel))
    x = _inputs(64, 3)
    assert np.abs(np.asarray(model(x))).max() > 50
    recompute_batch_norm(model, [x])
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(model(x, training=True)), atol=1e-4)


@pytest.mark.parametrize(
    ("batches", "message"), [([], "at least one batch"), ([np.full((2, 3), np.nan, "float32")], "NaN or infinite")]
)
def test_unusable_batches_get_a_sentence_and_change_nothing(batches, message):
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
    with pytest.raises(RequestError, match=message):
        recompute_batch_norm(model, batches)
    assert (np.asarray(model.layers[0].moving_mean) == 0).all()
    assert model.layers[0].momentum == 0.99
