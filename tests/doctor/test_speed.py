"""What bounds a step is told from its parts; the figures are made by stand-ins, so that no machine's load counts."""

import dataclasses
import math

import pytest
from support.patients import assert_left_as_found, digits, iris, mlp, patient

from tf_tricks.doctor import speed
from tf_tricks.doctor.pictures import speed as picture

TIMES = speed.StepTimes(
    batch_size=32,
    updates=1000,
    device="CPU",
    step=0.1,
    input=0.01,
    reading=0.01,
    host=0.001,
    augmentation=0.0,
    forward=0.03,
    backward=0.06,
    update=0.005,
)
ON_HOST = 'config.augment_on = "step"'


def found(monkeypatch, one=None, **times):
    monkeypatch.setattr(speed, "_measure", lambda patient: dataclasses.replace(TIMES, **times))
    one = patient(mlp((4,), 3), iris(), optimizer="sgd") if one is None else one
    return speed.check(one, lambda line: None).findings


def test_a_step_that_waits_for_its_examples(monkeypatch):
    (finding,) = found(monkeypatch, input=0.1, reading=0.1, forward=0.01, backward=0.02)
    assert finding.name == "input_pipeline_bound"
    assert finding.confidence >= 0.7
    assert "memory" in finding.change


def test_an_augmentation_on_the_host_is_named(monkeypatch):
    def double(images, labels, seed, positions):
        return images * 2, labels

    one = patient(mlp((8, 8, 1), 10), digits(), augment=double, optimizer="sgd")
    one.stream.augment_on = "host"
    (finding,) = found(monkeypatch, one, input=0.1, reading=0.01, forward=0.01, backward=0.02)
    assert finding.change.startswith(ON_HOST)


@pytest.mark.parametrize(
    "times",
    [
        dict(),
        dict(input=0.1, reading=0.1),  # as long as the step, and beside it
        dict(forward=0.001, backward=0.001),  # waits, but not for the examples
        dict(step=0.001, input=0.001, reading=0.001, forward=0.0, backward=0.0, update=0.0),  # nothing to be won
        dict(augmentation=0.06, forward=0.01, backward=0.02),  # there is no other CPU
    ],
)
def test_other_steps_are_no_finding(monkeypatch, times):
    assert found(monkeypatch, **times) == []


def test_an_accelerator_that_augments_most_of_the_time(monkeypatch):
    (finding,) = found(monkeypatch, device="GPU", augmentation=0.06, forward=0.01, backward=0.02)
    assert finding.name == "slow_step"


def test_the_parts_are_measured_and_add_up():
    one = patient(mlp((8, 8, 1), 10, (64,)), digits(), optimizer="adam")
    times = assert_left_as_found(speed.check, one).measured
    parts = [times.step, times.input, times.reading, times.forward, times.backward, times.update]
    assert all(math.isfinite(part) and part >= 0 for part in parts)
    assert times.step > 0
    assert times.batch_size == 32
    assert times.device == "CPU"
    assert times.updates == 375
    assert times.waiting <= times.step


def test_the_picture_has_a_bar_for_each_part_that_was_measured():
    assert len(picture.draw(TIMES).axes[0].patches) == 8
    unknown = dataclasses.replace(TIMES, forward=math.nan, backward=math.nan, update=math.nan, augmentation=math.nan)
    assert len(picture.draw(unknown).axes[0].patches) == 4


def test_a_step_of_two_passes_is_not_taken_apart():
    sam = {"name": "sam", "rho": 0.05, "optimizer": {"name": "momentum", "momentum": 0.9}}
    times = assert_left_as_found(speed.check, patient(mlp((4,), 3), iris(), optimizer=sam)).measured
    assert math.isnan(times.forward)
    assert times.waiting == times.step > 0
