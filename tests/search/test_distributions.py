"""What a space's values are drawn from: Optuna's own distributions, with sentences."""

import optuna
import pytest

import tf_tricks as tt
from tf_tricks.search import choice, distributions, integers, log_integers, log_uniform, uniform


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (uniform(0, 1), optuna.distributions.FloatDistribution(0.0, 1.0)),
        (log_uniform(1e-4, 1), optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)),
        (integers(1, 8), optuna.distributions.IntDistribution(1, 8)),
        (log_integers(16, 256), optuna.distributions.IntDistribution(16, 256, log=True)),
        (choice(32, 64), optuna.distributions.CategoricalDistribution((32, 64))),
        (choice(True, 1, None), optuna.distributions.CategoricalDistribution((True, 1, None))),
    ],
)
def test_they_are_those_of_optuna(made, wanted):
    assert made == wanted


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "standard", [1, 2], {"name": "mlp", "hidden": [8]}, [], {}])
def test_a_choice_comes_back_as_it_was(value):
    distribution = choice(value, "another")
    kept = optuna.distributions.json_to_distribution(optuna.distributions.distribution_to_json(distribution))
    assert distributions.value_of(kept.choices[0]) == value


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: uniform(1, 0), r"uniform\(1, 0\) has no values between: low must be below high"),
        (lambda: uniform(0.5, 0.5), "low must be below high"),
        (lambda: log_uniform(0, 1), "low of log_uniform must be a number above 0, not 0"),
        (lambda: log_uniform(1e-3, float("inf")), "high of log_uniform must be finite, not inf"),
        (lambda: uniform("a", 1), "low of uniform must be a number, not 'a'"),
        (lambda: integers(0.5, 2), "low of integers must be an integer, not 0.5"),
        (lambda: log_integers(0, 2), "low of log_integers must be an integer above 0, not 0"),
        (lambda: choice(), r"choice needs values to choose from, as choice\(32, 64, 128\)"),
        (lambda: choice([32, 64]), r"choice takes the values one by one, choice\(32, 64\)"),
        (lambda: choice(1, 2, 1), "choice has the value 1 twice"),
        (lambda: choice(print, 2), "which no config can hold"),
    ],
)
def test_what_cannot_be_meant(make, sentence):
    with pytest.raises(tt.RequestError, match=sentence):
        make()
