import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.layers.moments import batches_of
from tf_tricks.running_moments import RunningMoments, mean_and_scatter


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), offset=st.sampled_from([0.0, 1e3, 1e8]))
def test_parts_merge_to_the_moments_of_the_whole(sizes, offset):
    x = offset + np.random.default_rng(sum(sizes)).normal(size=(sum(sizes), 3))
    moments, products = RunningMoments(), RunningMoments()
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        mean, scatter = mean_and_scatter(part)
        moments.add(len(part), mean, scatter)
        products.add(len(part), mean, (part - mean).T @ (part - mean))
    precise = (x - offset).astype("longdouble")
    # What is subtracted has itself been rounded: 1e8 keeps 8 digits after the point.
    atol = 1e-12 + 4e-16 * offset
    np.testing.assert_allclose(moments.mean - offset, precise.mean(0).astype("float64"), atol=4 * atol)
    np.testing.assert_allclose(moments.variance, precise.var(0).astype("float64"), rtol=1e-9, atol=20 * atol)
    covariance = np.cov(np.asarray(precise, "float64").T, bias=True)
    np.testing.assert_allclose(products.variance, covariance, rtol=1e-9, atol=20 * atol)


def test_an_array_is_read_in_chunks_and_completely():
    x = np.arange(2500.0).reshape(-1, 1)
    batches = list(batches_of(x))
    assert len(batches) == 3
    np.testing.assert_array_equal(np.concatenate(batches), x)


def test_a_py_dataset_is_read_for_one_epoch():
    from tf_tricks.data import Stream

    stream = Stream((np.arange(12.0).reshape(6, 2), np.arange(6)), batch_size=2)
    rows = np.concatenate(list(batches_of(stream)))
    np.testing.assert_array_equal(np.sort(rows.ravel()), np.arange(12.0))


def test_a_source_is_read_in_its_order():
    from tf_tricks.data.array_source import ArraySource

    rows = np.concatenate(list(batches_of(ArraySource(np.arange(6.0).reshape(3, 2), np.arange(3)))))
    np.testing.assert_array_equal(rows, np.arange(6.0).reshape(3, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "at least one example"),
        (np.zeros((0, 3)), "at least one example"),
        ([np.zeros((0, 3)), np.zeros((0, 3))], "at least one example"),
        (np.array([[1.0, np.nan]]), "NaN or infinite"),
        ([np.ones((2, 2)), np.array([[1.0, -np.inf]])], "NaN or infinite"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"same shape, not \(2,\) and \(3,\)"),
        (np.ones(3), "shape \\[examples, ...\\], not \\[3\\]"),
        ([["a"]], "arrays of numbers"),
        (7, "an array or an iterable of batches, not 7"),
    ],
)
def test_unusable_data_get_a_sentence(data, message):
    with pytest.raises(RequestError, match=message):
        list(batches_of(data))
