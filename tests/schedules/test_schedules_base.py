import doctest
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import keras
import ml_collections
import numpy as np
import pytest

from tf_tricks import schedules
from tf_tricks.errors import RequestError
from tf_tricks.named_parts import NamedParts
from tf_tricks.registry import entries

EXAMPLES = {name: entry.example for name, entry in entries("schedules").items()}
MODULES = [f"tf_tricks.schedules.{module.name}" for module in pkgutil.iter_modules(schedules.__path__)]
EPOCHS = (0.0, 0.5, 3.0, 5.0, 29.99, 30.0, 77.7, 1000.0)


@pytest.fixture
def example(request):
    return schedules.get({"name": request.param, **EXAMPLES[request.param]})


every_schedule = pytest.mark.parametrize("example", sorted(EXAMPLES), indirect=True)


@every_schedule
def test_config_makes_an_equal_schedule(example):
    assert schedules.get({"name": example.name, **example.get_config()}) == example


@every_schedule
def test_config_makes_a_schedule_with_the_same_values(example):
    config = json.loads(json.dumps(example.get_config()))
    again = schedules.get({"name": example.name, **config})
    assert [again(epoch) for epoch in EPOCHS] == [example(epoch) for epoch in EPOCHS]


def test_config_holds_schedules_as_dicts_and_constants_as_numbers():
    scaled = schedules.linear_scaling(0.1, schedules.grow(64, epochs=(30,), factor=2))
    assert schedules.concatenate([scaled, 0.2], epochs=(60,)).get_config() == {
        "schedules": [
            {
                "name": "linear_scaling",
                "schedule": 0.1,
                "batch_size": {"name": "grow", "initial": 64, "epochs": [30], "factor": 2, "maximum": None},
                "base_batch_size": 256,
            },
            0.2,
        ],
        "epochs": [60],
    }


@every_schedule
def test_repr_is_the_call_that_makes_an_equal_schedule(example):
    assert eval(repr(example), vars(schedules) | schedules.TRICKS) == example


@every_schedule
def test_values_are_never_negative(example):
    assert all(example(epoch) >= 0 for epoch in EPOCHS)


@every_schedule
def test_card_names_arguments_returns_errors_and_an_example(example):
    card = inspect.getdoc(schedules.TRICKS[example.name])
    assert all(f"\n{title}:\n" in card for title in ("Args", "Returns", "Raises", "Example"))
    assert all(f"    {name}: " in card for name in inspect.signature(schedules.TRICKS[example.name]).parameters)


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    results = doctest.testmod(importlib.import_module(module))
    assert (results.failed, results.attempted > 0) == (0, True)


def test_importing_schedules_imports_no_framework():
    program = (
        "import sys, tf_tricks.schedules; print([m for m in ('tensorflow', 'keras', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_signature_is_that_of_the_function():
    assert list(inspect.signature(schedules.step_decay).parameters) == ["initial", "epochs", "factor"]


def test_a_registry_can_build_a_schedule():
    registry = NamedParts("schedule", {"step_decay": schedules.step_decay})
    made = registry.get({"name": "step_decay", "initial": 1.0, "epochs": [1], "factor": 0.5})
    assert made(1.0) == 0.5


@pytest.mark.parametrize("name", ["StepDecay", "stepdecay", "STEP_DECAY"])
def test_a_registry_takes_other_spellings_of_a_name(name):
    registry = NamedParts("schedule", {"step_decay": schedules.step_decay})
    assert registry.get({"name": name, "initial": 1.0, "epochs": [1], "factor": 0.5})(0.0) == 1.0


def test_positions_keywords_and_defaults_make_equal_schedules():
    assert schedules.warm_up(0.1, 5) == schedules.warm_up(epochs=5, schedule=schedules.constant(0.1), start=0.0)


def test_schedules_with_other_arguments_differ():
    assert schedules.warm_up(0.1, 5) != schedules.warm_up(0.1, 6)


def test_a_schedule_differs_from_its_number():
    assert schedules.constant(0.1) != 0.1


def test_equal_schedules_have_equal_hashes():
    assert len({schedules.constant(1), schedules.constant(1.0)}) == 1


def test_numpy_arguments_become_plain_ones():
    made = schedules.step_decay(np.float64(0.5), epochs=np.array([30, 60]), factor=np.float32(0.5))
    assert json.dumps(made.get_config()) == '{"initial": 0.5, "epochs": [30, 60], "factor": 0.5}'


def test_get_config_of_a_plain_function_says_what_to_do():
    made = schedules.warm_up(lambda epoch: 0.1, epochs=5)
    with pytest.raises(RequestError, match="make it a schedule with @schedule"):
        made.get_config()


def test_missing_arguments_name_the_schedule():
    with pytest.raises(TypeError, match=r"step_decay\(\): missing a required argument: 'factor'"):
        schedules.step_decay(0.1, epochs=[30])


def test_a_name_cannot_be_taken_twice():
    def step_decay():
        return lambda epoch: 0.0

    with pytest.raises(RequestError, match="there is a schedule 'step_decay' already"):
        schedules.schedule(step_decay)


def test_a_number_is_a_constant():
    assert schedules.get(np.float32(0.5)) == schedules.constant(0.5)


def test_a_schedule_is_returned_as_it_is():
    rate = schedules.constant(0.1)
    assert schedules.get(rate) is rate


def test_a_function_is_returned_as_it_is():
    def rate(epoch):
        return 0.1 / (1 + epoch)

    assert schedules.get(rate) is rate


def test_a_name_alone_takes_what_the_run_knows():
    assert schedules.get("per_replica", batch_size=64, num_replicas=8)(0.0) == 512


def test_a_config_dict_is_a_dict():
    config = ml_collections.ConfigDict()
    config.rate = dict(name="warm_up", epochs=1)
    config.rate.schedule = dict(name="step_decay", initial=1.0, epochs=(2, 4), factor=0.5)
    expected = schedules.warm_up(schedules.step_decay(1.0, (2, 4), 0.5), 1)
    assert schedules.get(config.rate) == expected


def test_what_the_run_knows_reaches_schedules_within_schedules():
    inner = {"name": "linear_scaling", "schedule": {"name": "cosine_decay", "initial": 0.1}}
    rate = schedules.get(
        {"name": "warm_up", "schedule": inner, "epochs": 5},
        batch_size=schedules.grow(256, epochs=[45], factor=4),
        total_epochs=90,
        num_replicas=8,
    )
    assert rate(45.0) == pytest.approx(0.05 * 4)


def test_what_the_config_says_wins_over_what_the_run_knows():
    rate = schedules.get({"name": "cosine_decay", "initial": 0.1, "total_epochs": 10}, total_epochs=90)
    assert rate(10.0) == 0.0


def test_a_piece_of_a_concatenation_lasts_until_the_next():
    piece = {"name": "polynomial_decay", "initial": 1.0}
    rate = schedules.get({"name": "concatenate", "schedules": [piece, piece], "epochs": [10]}, total_epochs=30)
    assert [rate(epoch) for epoch in (0.0, 5.0, 10.0, 20.0, 30.0)] == [1.0, 0.5, 1.0, 0.5, 0.0]


def test_a_piece_beyond_the_end_of_the_run_can_be_made():
    piece = {"name": "polynomial_decay", "initial": 1.0}
    rate = schedules.get({"name": "concatenate", "schedules": [1.0, piece], "epochs": [60]}, total_epochs=30)
    assert rate(30.0) == 1.0


@pytest.mark.parametrize("value", [None, True, [0.1], (0.1, 0.2), b"step_decay", object()])
def test_what_is_no_schedule_is_refused(value):
    with pytest.raises(RequestError, match="a schedule must be a number, a name, a dict with 'name', or a function"):
        schedules.get(value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("fast", "there is no schedule 'fast'"),
        ("step_deacy", "did you mean 'step_decay'?"),
        ({"initial": 0.1}, "this schedule has no 'name'"),
        ({"name": "step_decay", "initial": 0.1}, "the schedule 'step_decay' needs epochs, factor"),
        ({"name": "constant", "valeu": 1}, "there is no argument of the schedule 'constant' called 'valeu'"),
        ({"name": "warm_up", "schedule": "fast", "epochs": 5}, "there is no schedule 'fast'"),
        ({"name": "warm_up", "schedule": None, "epochs": 5}, "a schedule must be a number"),
        ({"name": "warm_up", "schedule": -0.1, "epochs": 5}, "schedule must be a number at least 0, not -0.1"),
        ({"name": "concatenate", "schedules": 0.1, "epochs": [5]}, "schedules must be a list of schedules, not 0.1"),
        (-0.1, "a constant schedule must be a number at least 0, not -0.1"),
        (float("nan"), "a constant schedule must be finite, not nan"),
        (float("inf"), "a constant schedule must be finite, not inf"),
        (schedules.step_decay, r"step_decay needs its arguments: step_decay\(initial, epochs, factor\)"),
    ],
)
def test_a_mistake_gets_a_sentence(value, sentence):
    with pytest.raises(RequestError, match=sentence.replace("?", r"\?")):
        schedules.get(value)


def test_a_schedule_of_keras_is_refused_because_it_counts_updates():
    with pytest.raises(RequestError, match="CosineDecay is a schedule of Keras, which counts updates"):
        schedules.get(keras.optimizers.schedules.CosineDecay(0.1, 100))


@pytest.mark.parametrize("value", [-1.0, "0.1", None, True, float("inf")])
def test_constant_refuses(value):
    with pytest.raises(RequestError, match="value must be"):
        schedules.constant(value)
