"""How something becomes known by a name."""

import keras
import pytest

import tf_tricks as tt
from tf_tricks import registry


@pytest.fixture
def taken():
    """A name that is registered, and forgotten again."""

    @tt.register("optimizers", "mine", example={"rate": 0.5}, parts={"optimizer": "optimizers"})
    class Mine(tt.optimizers.Momentum):
        def __init__(self, optimizer="sgd", rate=0.1, **keywords):
            super().__init__(**keywords)
            self.optimizer, self.rate = optimizer, rate

    yield Mine
    registry.forget("optimizers", "mine")


def test_it_is_made_by_its_name_and_listed(taken):
    made = tt.optimizers.get({"name": "mine", "optimizer": {"name": "adam", "beta_1": 0.5}})
    assert isinstance(made, taken)
    assert (made.optimizer.beta_1, made.rate) == (0.5, 0.1)
    assert tt.optimizers.TRICKS["mine"] is taken
    assert registry.entries("optimizers")["mine"].example == {"rate": 0.5}


def test_a_name_is_given_once(taken):
    with pytest.raises(tt.RequestError, match=r"^there is an optimizer 'mine' already, in .*test_registry: choose"):
        tt.register("optimizers", "mine")(tt.optimizers.Momentum)
    assert tt.register("optimizers", "mine")(taken) is taken  # a cell of a notebook that is run again


def test_one_of_the_package_cannot_be_replaced():
    with pytest.raises(tt.RequestError, match=r"^there is an augmentation 'flip' already, in tf_tricks\.augment\.geom"):
        tt.register("augment", "flip")(lambda images, labels, seed, positions: (images, labels))


def test_nothing_takes_the_name_of_one_of_kerass():
    tt.register("layers", "dense")(_as_they_are)
    try:
        with pytest.raises(tt.RequestError, match=r"^Keras has a layer 'dense': choose another name"):
            tt.layers.get("dense")
    finally:
        registry.forget("layers", "dense")


@pytest.mark.parametrize("name", ["", None, "AdamW", "my:part", "2d"])
def test_no_name(name):
    with pytest.raises(tt.RequestError, match=r"^a name must be a text in snake case"):
        tt.register("layers", name)


@pytest.mark.parametrize("made", [3, "dense"])
def test_nothing_that_can_make_a_part(made):
    with pytest.raises(tt.RequestError, match=r"^'mine' must be a class or a function that makes a layer, not"):
        tt.register("layers", "mine")(made)


def test_an_unknown_kind_of_part():
    with pytest.raises(tt.RequestError, match="there is no kind of part for the argument 'inner' called 'optimizer'"):
        tt.register("optimizers", "mine", parts={"inner": "optimizer"})


def test_two_functions_without_a_name():
    tt.register("augment", "mine")(lambda: None)
    try:
        with pytest.raises(tt.RequestError, match=r"^there is an augmentation 'mine' already"):
            tt.register("augment", "mine")(lambda: None)
    finally:
        registry.forget("augment", "mine")


def test_what_tells_nothing_of_its_arguments():
    tt.register("augment", "mine")(dict)
    try:
        with pytest.raises(tt.RequestError, match=r"^the augmentation 'mine' cannot be made by name"):
            tt.augment.get("mine")
    finally:
        registry.forget("augment", "mine")


def test_an_unknown_kind():
    with pytest.raises(tt.RequestError, match="there is no kind of trick 'optimizer'; did you mean 'optimizers'"):
        tt.register("optimizer", "mine")


def test_a_card_cannot_be_named_in_a_config():
    assert "lsuv" in tt.initializers.TRICKS
    with pytest.raises(tt.RequestError, match="there is no initializer 'lsuv'"):
        tt.initializers.get("lsuv")


def test_what_needs_a_newer_keras_is_not_known():
    assert tt.register("layers", "of_tomorrow", needs_keras="99.0")(keras.layers.Dense) is keras.layers.Dense
    assert "of_tomorrow" not in tt.layers.TRICKS


def test_a_function_is_registered_as_well():
    tt.register("augment", "as_they_are")(_as_they_are)
    try:
        assert tt.augment.get("as_they_are") is None
    finally:
        registry.forget("augment", "as_they_are")


def _as_they_are():
    return None


def test_a_name_that_is_no_text():
    with pytest.raises(tt.RequestError, match=r"^the name of an optimizer must be a text, not \['sgd'\]$"):
        tt.optimizers.get({"name": ["sgd"]})
