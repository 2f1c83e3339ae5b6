"""Hyper-parameter search and ablation on Optuna; the distributions here are what a space file is made of."""

from tf_tricks.search.distributions import choice, integers, log_integers, log_uniform, uniform

__all__ = ["choice", "integers", "log_integers", "log_uniform", "uniform"]
