"""Compiles train steps for TPUs, every batch size, and says what the compiler has found."""

import importlib
import importlib.metadata
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_tricks import losses, optimizers
from tf_tricks.annotations import Augment, Named, Structure
from tf_tricks.data import Stream
from tf_tricks.engines import engine
from tf_tricks.errors import RequestError, check_number
from tf_tricks.tpu import compiler
from tf_tricks.tpu.advice import advice, size_of
from tf_tricks.tpu.blank import BlankSource
from tf_tricks.tpu.largest import candidates, largest_batch
from tf_tricks.tpu.report import Report, Result, in_units
from tf_tricks.training.checks import check_batch, check_pairs
from tf_tricks.training.examples import check_task
from tf_tricks.training.trainer import Trainer

PACKAGES = ("tf_tricks", "tensorflow", "keras", *compiler.VERSIONS)
MOST = 2**20
"""Examples a chip, at most, where nothing else bounds the largest batch."""


def check(
    model: keras.Model,
    loss: keras.losses.Loss | Named | Callable[..., Any] | None = None,
    optimizer: keras.optimizers.Optimizer | Named = "momentum",
    augment: Augment | None = None,
    metrics: Any = (),
    batch_size: int | Sequence[int] = 32,
    topology: str | Sequence[str] = "v5e:2x2",
    find_batch: bool = False,
    input_spec: Structure | None = None,
    label_spec: tf.TensorSpec | None = None,
    say: Callable[[str], Any] | None = None,
    **trainer_arguments,
) -> Report:
    """Compiles the train step of a Keras model for TPUs, and says what the compiler finds.

    The step is that of `tt.Trainer`: augmentation, forward and backward pass, loss, clipping, optimizer and metrics,
    the batch split over the chips. No data are needed, and the model stays as it is.

    Args:
        model: a built `keras.Model`.
        loss: as for `tt.Trainer`.
        optimizer: as for `tt.Trainer`.
        augment: an augmentation, or a function (images, labels, seed, positions) -> (images, labels), or None.
        metrics: as for `tt.Trainer`.
        batch_size: examples an update, over all chips; a number or a list of them.
        topology: the TPU, kind of chip and how many in each direction: `"v5e:2x2"`, `"v6e:2x2"`, `"v4:2x2x1"`,
            `"v5p:2x2x1"`, `"v5e:1x1"` for a single chip; or a type of Cloud's, `"v5litepod-8"`, `"v4-8"`; or a list of
            them.
        find_batch: whether to look for the largest batch that fits, by more compilations.
        input_spec: `tf.TensorSpec` of one example's input, without the batch; None for that of the model.
        label_spec: `tf.TensorSpec` of one example's label; None for integers with a loss whose name begins with
            "sparse", and for floats in the shape of the model's outputs with others.
        say: function of a line that tells how far the work is, such as `print`; None for silence.
        **trainer_arguments: more arguments of `tt.Trainer`: `l2`, `clip_norm`, `micro_batch`, …

    Returns:
        A `Report`: print it, or take `report.passes`, `report.results` and `report.to_dict()`.

    Raises:
        RequestError: the compiler is not installed, there is no such topology, or the request cannot be carried out.
    """
    engine()  # there must be one
    sizes = [check_number("batch_size", size, minimum=1, integer=True) for size in _listed(batch_size)]
    topologies = [compiler.topology(name) for name in _listed(topology)]
    loss = losses.get(loss or {"name": "sparse_categorical_crossentropy", "from_logits": True})
    given = optimizers.get(optimizer)
    optimizer_before = getattr(model, "optimizer", None)
    trainer = Trainer(
        model, type(given).from_config(given.get_config()), loss=loss, metrics=metrics, **trainer_arguments
    )
    model.optimizer = optimizer_before
    inputs = _input_spec(model) if input_spec is None else input_spec
    labels = _label_spec(model, loss) if label_spec is None else label_spec
    limit = max(MOST * len(there.devices) for there in topologies)
    stream = Stream(BlankSource(inputs, labels, limit), augment=augment)
    report = Report([])
    for there in topologies:
        report += check_trainer(trainer, stream, there, sizes, find_batch, say)
    return report


def check_trainer(
    trainer: Trainer,
    stream: Stream,
    topology: str | compiler.Topology,
    batch_sizes: Sequence[int],
    find_batch: bool = False,
    say: Callable[[str], Any] | None = None,
) -> Report:
    """Compiles the step of a trainer for one TPU, for each of some batch sizes.

    Args:
        trainer: `Trainer` of a single replica; the compiler splits its batch over the chips.
        stream: `Stream`; its examples are not read, but for their shapes.
        topology: its name, or `compiler.Topology`.
        batch_sizes: examples an update, over all chips.
        find_batch: whether to look for the largest batch that fits, up to the number of examples.
        say: function of a line that tells how far the work is, or None.

    Returns:
        A `Report`.

    Raises:
        RequestError: as in `check`.
    """
    there = compiler.topology(topology) if isinstance(topology, str) else topology
    check_request(trainer, stream, there, batch_sizes)
    checking = _Check(trainer, stream, there, say or (lambda line: None))
    results = [checking.result(size, trainer.micro_batch) for size in batch_sizes]
    largest = {}
    if find_batch and all(result.passes or result.program or result.needed_bytes for result in results):
        largest = {there.name: checking.largest(results)}
    return Report(results, largest, {name: importlib.metadata.version(name) for name in PACKAGES})


def check_request(trainer: Trainer, stream: Stream, topology: compiler.Topology, batch_sizes: Sequence[int]) -> None:
    """Raises a `RequestError` if `check_trainer` could not carry this out; compiles nothing.

    Args:
        trainer: as there.
        stream: as there.
        topology: `compiler.Topology`.
        batch_sizes: as there.
    """
    if trainer.num_replicas != 1:
        raise RequestError(f"the check wants a trainer of one replica, not of {trainer.num_replicas}")
    chips = len(topology.devices)
    for size in batch_sizes:
        check_batch(size, stream.source.num_examples, chips, trainer.micro_batch)
        check_pairs(stream.augment, size, chips, trainer.micro_batch)
    check_task(trainer, stream)


class _Check:
    """Compiles the steps of one trainer for one topology."""

    def __init__(self, trainer, stream, topology, say):
        self.trainer, self.stream, self.topology, self.say = trainer, stream, topology, say
        self.using = importlib.import_module(f".on_{keras.config.backend()}", __package__)
        self.chips = len(topology.devices)
        self.usable = compiler.usable_memory(topology)
        shape = getattr(stream.source, "input_shape", ())
        self.common = dict(
            topology=topology.name,
            chips=self.chips,
            usable_bytes=self.usable,
            parameter_bytes=size_of(trainer.update.variables),
            example="image" if len(shape) == 3 else "example",
        )

    def result(self, batch_size, micro_batch=None):
        """Returns the `Result` of one batch size."""
        began = time.perf_counter()
        at_once = batch_size if micro_batch is None else min(batch_size, micro_batch)
        self.say(
            f"{self.topology.name}: compiling the step of a batch of {batch_size}, {batch_size / self.chips:g} a chip"
        )
        result = Result(
            batch_size=batch_size, at_once=at_once, **self.common, **self._compiled(batch_size, micro_batch)
        )
        what = "it does not compile" if result.needed is None else f"{in_units(result.needed)} a chip"
        too_large = ", too large" if result.needed is not None and not result.passes else ""
        self.say(f"  {what}{too_large}, after {time.perf_counter() - began:.0f} s")
        return result

    def _compiled(self, batch_size, micro_batch):
        """Returns what is to be said of the program, as arguments of `Result`."""
        try:
            program = self.using.step(self.trainer, self.stream, self.topology, batch_size, micro_batch)
            passes = 1 if micro_batch is None else max(1, batch_size // micro_batch)
            counted, loops = self.using.counted(self.trainer, passes)
            if counted < passes:
                program = self._with_all_passes(program, passes / counted)
        except compiler.OutOfMemory as error:
            return dict(problem=self._too_large(error.needed), needed_bytes=error.needed)
        except compiler.NotCompilable as error:
            return dict(problem=self._blame(error))
        problem = self._too_large(program.total_bytes) if program.total_bytes > self.usable else None
        return dict(program=program, problem=problem, loops=program.loops > loops)

    def _with_all_passes(self, program, times):
        """The compiler counts the passes forward and backward of a loop over micro-batches once: there are more."""
        update = self.using.update(self.trainer, self.topology)
        return program._replace(
            flops=times * max(program.flops - update.flops, 0) + update.flops,
            bytes_accessed=times * max(program.bytes_accessed - update.bytes_accessed, 0) + update.bytes_accessed,
        )

    def _too_large(self, needed):
        needs = "more" if needed is None else f"{in_units(needed)} in all"
        return (
            f"the step does not fit: it needs {needs} of a chip's memory, and {in_units(self.usable)} can be used; "
            f"{advice(self.trainer, needed or self.usable, self.usable)}"
        )

    def _blame(self, error):
        sentence = self.using.explain(str(error), self.trainer.model)
        if sentence.startswith("the layer "):
            return sentence
        self.say("  it does not compile; compiling its parts one by one, to see which of them does not")
        part = self.using.culprit(self.trainer, self.stream, self.topology, error.by_compiler)
        return f"{part or 'the step'} does not compile: {sentence}"

    def largest(self, results):
        """Returns the largest batch that fits at once."""
        self.say(f"{self.topology.name}: looking for the largest batch that fits")
        known = {result.batch_size: result for result in results if result.at_once == result.batch_size}

        def measure(batch):
            result = known.get(batch) or self.result(batch)
            if result.program is None and result.needed_bytes is None:
                raise RequestError(f"a batch of {batch} does not compile: {result.problem}")
            return result.needed if result.passes else None

        unit = self.chips * (2 if getattr(self.stream.augment, "mixes", False) else 1)
        batches = candidates(min(self.stream.source.num_examples, MOST * self.chips), unit)
        return largest_batch(measure, self.usable, batches, max(known, default=32 * self.chips))


def _listed(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _input_spec(model):
    """What one example is, as the model's inputs say."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise RequestError(f"the model {model.name!r} does not say what its inputs are: give input_spec")
    inputs = inputs[0] if len(inputs) == 1 else _with_tuples(model.input)
    spec = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape[1:], t.dtype), inputs)
    for one in tf.nest.flatten(spec):
        if not one.shape.is_fully_defined():
            raise RequestError(
                f"a TPU needs fixed shapes, and an input of the model {model.name!r} is {list(one.shape)}: "
                "give input_spec"
            )
    return spec


def _with_tuples(structure):
    """The structure with tuples for its lists, which tf.data takes for tensors."""
    if isinstance(structure, dict):
        return {key: _with_tuples(one) for key, one in structure.items()}
    return tuple(map(_with_tuples, structure)) if isinstance(structure, (list, tuple)) else structure


def _label_spec(model, loss):
    """What a label is, if it is like the model's outputs."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape[1:]):
        raise RequestError(f"the model {model.name!r} does not say what its labels are: give label_spec")
    if loss.name.startswith("sparse"):
        return tf.TensorSpec(shape[1:-1], tf.int32)
    return tf.TensorSpec(shape[1:], tf.float32)
