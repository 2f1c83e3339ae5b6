"""The examples of all docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import tf_tricks

MODULES = [module.name for module in pkgutil.walk_packages(tf_tricks.__path__, "tf_tricks.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
