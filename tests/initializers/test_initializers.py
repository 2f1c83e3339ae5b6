"""Initializers by name, and the same numbers on both backends."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from support import backends

from tf_tricks import initializers
from tf_tricks.errors import RequestError


@pytest.mark.parametrize("name", ["glorot_uniform", "zeros", "ones", "normal", "HeNormal", "lecun_normal", "identity"])
def test_the_names_of_keras(name):
    assert type(initializers.get(name)) is type(keras.initializers.get(name))


def test_a_dict_with_arguments():
    assert initializers.get({"name": "small_normal", "stddev": 0.1}).get_config()["stddev"] == 0.1


def test_an_object_is_handed_through():
    initializer = keras.initializers.Zeros()
    assert initializers.get(initializer) is initializer


def test_what_keras_serialized():
    initializer = keras.initializers.RandomNormal(stddev=0.3)
    assert initializers.get(keras.initializers.serialize(initializer)).get_config() == initializer.get_config()


def test_what_keras_cannot_make():
    with pytest.raises(RequestError, match=r"Keras cannot make the initializer .*RandmNormal"):
        initializers.get({"class_name": "RandmNormal", "config": {}})


def test_an_unknown_name():
    with pytest.raises(RequestError, match="no initializer 'he_norml'; did you mean 'he_normal'"):
        initializers.get("he_norml")


def test_something_else():
    with pytest.raises(RequestError, match="an initializer must be a name"):
        initializers.get(3)


def test_the_names_of_the_tricks_are_what_the_package_exports():
    made = {trick.__name__ for trick in initializers.TRICKS.values()}
    assert made <= set(initializers.__all__)
    assert all(hasattr(initializers, name) for name in initializers.__all__)


@pytest.mark.parametrize("name", initializers.TRICKS)
def test_a_card_has_its_parts_in_order(name):
    card = inspect.getdoc(initializers.TRICKS[name])
    places = [card.find(part) for part in ("Use it when", "Avoid it when", "Args:", "Example:")]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.slow
def test_both_backends_find_the_same():
    program = Path(__file__).parent / "backends_program.py"
    found = {backend: backends.run(program, backend) for backend in ("tensorflow", "jax")}
    assert found["tensorflow"].keys() == found["jax"].keys()
    for name, expected in found["tensorflow"].items():
        np.testing.assert_allclose(found["jax"][name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
