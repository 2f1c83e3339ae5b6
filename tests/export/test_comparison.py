"""Differences between outputs."""

import numpy as np
import pytest

from tf_tricks.export.comparison import largest_difference, relative_error

A = np.array([[0.5, -2.0], [4.0, 0.0]], "float32")


def test_a_difference_is_measured_by_the_largest_output():
    assert largest_difference({"y": A}, {"y": A + 0.4}) == pytest.approx(0.1)


def test_small_outputs_are_measured_as_they_are():
    assert largest_difference({"y": A / 8}, {"y": A / 8 + 0.25}) == pytest.approx(0.25)


def test_the_largest_of_several_outputs_counts():
    assert largest_difference({"y": A, "z": A}, {"y": A, "z": A + 0.4}) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"z": A},
        {"y": A[:1]},
        {"y": np.where(A == 4, np.nan, A)},
        {"y": np.where(A == 4, np.inf, A)},
    ],
)
def test_other_outputs_are_infinitely_far(found):
    assert largest_difference({"y": A}, found) == relative_error({"y": A}, found) == np.inf


def test_nan_at_the_same_place_is_no_difference():
    a = np.array([np.nan, np.inf, 1.0])
    assert largest_difference({"y": a}, {"y": a.copy()}) == 0
    assert largest_difference({"y": a}, {"y": np.array([np.nan, -np.inf, 1.0])}) == np.inf


def test_texts_and_truth_values():
    texts, truths = np.array([b"a", b"b"], object), np.array([True, False])
    assert largest_difference({"y": texts, "z": truths}, {"y": texts.copy(), "z": truths}) == 0
    assert largest_difference({"y": texts}, {"y": texts[::-1]}) == np.inf
    assert largest_difference({"z": truths}, {"z": ~truths}) == 1


def test_the_relative_error_of_the_mean_is_one():
    assert relative_error({"y": A}, {"y": np.full_like(A, A.mean())}) == pytest.approx(1)


def test_the_relative_error_of_constant_outputs():
    constant = np.ones((3, 2))
    assert relative_error({"y": constant}, {"y": constant.copy()}) == 0
    assert relative_error({"y": constant}, {"y": constant + 0.1}) > 1
