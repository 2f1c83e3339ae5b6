"""How long the parts of a step take, and what bounds it: the examples, the host, or the device."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_tricks.data import Stream
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.short_runs import ShortRuns, number_of_updates
from tf_tricks.engines import engine
from tf_tricks.engines.objective import compute, stateless
from tf_tricks.optimizers.traits import needs_two_gradients

_SECONDS = 2.0  # for each part, about
_MOST, _WARM_UP = 30, 10  # times that a part is run, and batches that are made ahead when nothing has been timed yet
_WAITS, _IDLE = 0.4, 0.003  # share of a step, and seconds, above which waiting counts
_BY_INPUT = 0.7  # share of a step that the input alone takes, where it is what is waited for
_BY_INPUT_ALONE = 0.95  # the same, where the step's parts are not known
_AUGMENTS = 0.4  # share of a step on an accelerator


@dataclasses.dataclass(frozen=True)
class StepTimes:
    """What the check has measured, in seconds an update; NaN for what could not be taken apart.

    Attributes:
        batch_size: examples of an update.
        updates: of the whole run.
        device: `"CPU"`, `"GPU"` or `"TPU"`.
        step: in the compiled loop, as in training.
        input: of the input pipeline alone.
        reading: of the examples alone, without what is done to them on the host.
        host: what a call from Python adds, where each update is a call of its own.
        augmentation: in the step.
        forward: likewise.
        backward: likewise.
        update: of the weights, by the optimizer.
    """

    batch_size: int
    updates: int
    device: str
    step: float
    input: float
    reading: float
    host: float
    augmentation: float = math.nan
    forward: float = math.nan
    backward: float = math.nan
    update: float = math.nan

    @property
    def waiting(self) -> float:
        """What is left of a step that none of its parts takes: the device waits."""
        parts = (self.augmentation, self.forward, self.backward, self.update)
        return max(0.0, self.step - sum(part for part in parts if math.isfinite(part)))


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Times the step and its parts; with several replicas, or two passes a step, the step and its input only.

    Args:
        patient: `Patient`.
        progress: function of a line that says what is being done.
    """
    progress("speed: the parts of a step")
    try:
        times = _measure(patient)
    finally:
        patient.restore()
    finding = _input_bound(patient, times) or _augmentation_bound(patient, times)
    return Checked([finding] if finding else [], times)


def _measure(patient):
    runs, stream = ShortRuns(patient), patient.stream
    runs.warm_up()
    a_call = min(10, max(1, int(_SECONDS / 3 / max(runs.seconds, 1e-9))))
    step = _fastest(lambda: runs.loop.run([0.0] * a_call), runs.seconds * a_call) / a_call
    single = _fastest(lambda: runs.loop.run([0.0]), runs.seconds)
    plain = Stream(stream.source, seed=stream.seed)
    return StepTimes(
        batch_size=runs.batch_size,
        updates=number_of_updates(patient),
        device=engine().device_kind(patient.trainer.strategy),
        step=step,
        input=_input_time(stream, runs.batch_size),
        reading=_input_time(plain, runs.batch_size),
        host=max(0.0, single - step),
        **(_parts(patient, runs) if _has_parts(patient.trainer) else {}),
    )


def _has_parts(trainer):
    """Whether a step is one forward and one backward pass on one device."""
    return trainer.num_replicas == 1 and not needs_two_gradients(trainer.update.optimizer)


def _parts(patient, runs):
    """The parts of the computation, each as a function of its own over one batch that is there already."""
    trainer, stream, objective = patient.trainer, patient.stream, runs.objective
    size = runs.batch_size if trainer.micro_batch is None else min(trainer.micro_batch, runs.batch_size)
    positions = tf.range(size, dtype=tf.int64)
    examples = stream.fetch(positions)
    if stream.step_augment is None:
        examples = stream.augmented(examples, positions)
    position = tf.constant(0, tf.int64)

    def augment():
        return objective.prepared(examples, position)[0]

    def forward():
        with stateless(trainer.model, objective.seed_states, position):
            return compute(trainer.model, *objective.prepared(examples, position), training=True)[0]

    def backward():
        outcome = runs.loop.passes(examples, position)
        return outcome.loss, tf.add_n([tf.reduce_sum(tf.cast(g, tf.float32)) for g in outcome.gradients])

    def update():
        return trainer.update([tf.zeros(v.shape, v.dtype) for v in trainer.update.variables], tf.constant(False))

    times = runs.batch_size / size
    augmenting = 0.0 if stream.step_augment is None else times * _time_of(augment)
    until_outputs, until_gradients = times * _time_of(forward), times * _time_of(backward)
    return dict(
        augmentation=augmenting,
        forward=max(0.0, until_outputs - augmenting),
        backward=max(0.0, until_gradients - until_outputs),
        update=_time_of(update),
    )


def _time_of(function):
    compiled = tf.function(function, autograph=False)

    def run():
        tf.nest.map_structure(lambda tensor: tensor.numpy() if tensor.shape.rank == 0 else tensor, compiled())

    run()
    began = time.perf_counter()
    run()
    return _fastest(run, time.perf_counter() - began)


def _fastest(run: Callable[[], Any], seconds: float) -> float:
    """The least time of several: other programs only add to it."""
    times = []
    for _ in range(max(2, min(_MOST, int(_SECONDS / max(seconds, 1e-9))))):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def _input_time(stream, batch_size):
    """Seconds a batch of the pipeline by itself, once those that were made ahead are used up."""
    iterator = iter(stream.dataset(batch_size))
    began = time.perf_counter()
    for _ in range(_WARM_UP):
        next(iterator)
        if time.perf_counter() - began > 2 * _SECONDS:
            break
    began, number = time.perf_counter(), 0
    while number < _MOST and (number < 3 or time.perf_counter() - began < _SECONDS):
        next(iterator)
        number += 1
    return (time.perf_counter() - began) / number


def _input_bound(patient, times):
    waiting, least = times.waiting, _BY_INPUT if math.isfinite(times.forward) else _BY_INPUT_ALONE
    if times.input < least * times.step or waiting < max(_WAITS * times.step, _IDLE):
        return None
    on_host = patient.stream.augment is not None and patient.stream.step_augment is None
    made = times.input - times.reading
    if on_host and made > times.reading:
        what = f", {_milliseconds(made)} of them for the augmentation"
        change = 'config.augment_on = "step" (tt.data.Stream(augment_on="step"))'
    else:
        what = f", {_milliseconds(min(times.reading, times.input))} of them to read the examples"
        change = (
            "keep the examples in memory as arrays, pictures at the size that the model takes (config.data.image_size),"
            " or make the source's fetch one call for a whole batch"
        )
    share = waiting / times.step
    return Finding(
        "input_pipeline_bound",
        f"a batch takes {_milliseconds(times.input)} to make{what}, a step {_milliseconds(times.step)}, of which "
        f"the device waits {share:.0%}",
        "The input pipeline works beside the device; where it is the slower one it alone says how long training takes "
        "(Mohan et al. 2021, arXiv:2007.06775).",
        change,
        0.9 if share > 0.7 else 0.7,
    )


def _augmentation_bound(patient, times):
    """On an accelerator only: a CPU that trains has no other for the augmentation."""
    if times.device == "CPU" or not times.augmentation > max(_AUGMENTS * times.step, _IDLE):
        return None
    return Finding(
        "slow_step",
        f"the augmentation takes {_milliseconds(times.augmentation)} of a step's {_milliseconds(times.step)} on the "
        f"{times.device}",
        "Beside a slow augmentation the host's CPUs are idle.",
        'config.augment_on = "host" (tt.data.Stream(augment_on="host"))',
        0.3,
    )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
