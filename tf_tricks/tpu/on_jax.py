"""The step of the JAX engine, compiled for TPUs by public parts of JAX: exported here, compiled by `worker`."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
from jax import export

from tf_tricks.data import Stream
from tf_tricks.engines.jax.devices import DataParallel, Described
from tf_tricks.engines.jax.input import examples_spec
from tf_tricks.engines.jax.loop import compiled, one_update
from tf_tricks.engines.jax.order import Turn
from tf_tricks.engines.jax.step import Step
from tf_tricks.engines.jax.variables import Variables, step_variables
from tf_tricks.engines.objective import Objective
from tf_tricks.optimizers.traits import needs_two_gradients
from tf_tricks.tpu import compiler
from tf_tricks.tpu.blame import line_of, name_of, plainly
from tf_tricks.training.trainer import Trainer


def step(
    trainer: Trainer, stream: Stream, topology: compiler.Topology, batch_size: int, micro_batch: int | None = None
) -> compiler.Program:
    """Returns the `Program` of one update; arguments as for `train_step`.

    Raises:
        RequestError: the examples have no fixed shape.
        NotCompilable: JAX or the compiler refuses.
        OutOfMemory: a chip has not enough memory.
    """
    chips = Described(len(topology.devices), "TPU")
    with _named(trainer.model):
        function, arguments = train_step(trainer, stream, chips, batch_size, micro_batch)
        exported = exported_for_tpu(function, arguments)
    return compiler.compile_exported(exported, topology)


def train_step(
    trainer: Trainer, stream: Stream, chips: DataParallel, batch_size: int, micro_batch: int | None = None
) -> tuple[Any, tuple]:
    """Returns the compiled function of the engine's `Loop`, and what it is to be lowered for.

    Args:
        trainer: `Trainer`, of however many devices.
        stream: `Stream`; it says what the examples are, and none is read.
        chips: the devices.
        batch_size: examples of the update, over all chips.
        micro_batch: most examples in the chips' memory at once, over all chips, or None.
    """
    objective = Objective(trainer.model, trainer.shares, stream.step_augment, stream.seed)
    variables = step_variables(trainer.model, trainer.optimizer, trainer.loss_scale)
    made = Step(objective, trainer.update, variables, chips, micro_batch, trainer.loss_scale)
    at_once = made.at_once(batch_size)
    split, spec = chips.split(1), jax.ShapeDtypeStruct
    examples = jax.tree.map(
        lambda one: spec((batch_size // at_once, *one.shape), one.dtype, sharding=split), examples_spec(stream, at_once)
    )
    turn = Turn(*[spec((), "uint32", sharding=chips.replicated)] * 4)
    scalars = [spec((), dtype, sharding=chips.replicated) for dtype in ("float32", "bool")]
    function = compiled(functools.partial(one_update, made, batch_size, stream.source.num_examples, None))
    return function, (specs_of(variables.variables, chips), examples, turn, *scalars)


def update(trainer: Trainer, topology: compiler.Topology) -> compiler.Program:
    """Returns the `Program` of what follows on the passes forward and backward: clipping and the optimizer."""
    chips = Described(len(topology.devices), "TPU")
    variables = step_variables(trainer.model, trainer.optimizer, trainer.loss_scale)

    def updated(values, gradients, learning_rate, log_norms):
        with variables.scope(values) as scope:
            trainer.optimizer.learning_rate.assign(learning_rate)
            norms = trainer.update(gradients, log_norms)
        return variables.after(scope), norms

    spec = jax.ShapeDtypeStruct
    gradients = [spec(v.shape, _sum_dtype(v), sharding=chips.replicated) for v in trainer.update.variables]
    scalars = [spec((), dtype, sharding=chips.replicated) for dtype in ("float32", "bool")]
    values = specs_of(variables.variables, chips)
    return compiler.compile_exported(exported_for_tpu(compiled(updated), (values, gradients, *scalars)), topology)


def counted(trainer: Trainer, passes: int) -> tuple[int, int]:
    """Returns how many of the passes of an update the compiler counts, and in how many loops they are."""
    if passes <= 2:  # the first stands before the loop, and XLA makes no loop of one
        return passes, 0
    return 2, 2 if needs_two_gradients(trainer.optimizer) else 1


def explain(text: str, model: keras.Model) -> str:
    """Returns the sentence that says what is to blame; arguments as for `blame.explain`."""
    return text if text.startswith("the layer ") else plainly(text)


def culprit(
    trainer: Trainer, stream: Stream, topology: compiler.Topology, by_compiler: bool, batch: int = 8
) -> str | None:
    """Returns the name of the first part of a step that by itself does not compile; arguments as for `culprit`."""
    one_chip = topology._replace(devices=topology.devices[:1])
    layer = _failing_layer(trainer.model, one_chip, by_compiler, batch)
    if layer is not None:
        return name_of(layer)
    try:
        update(trainer, one_chip)
    except compiler.NotCompilable:
        return "the update of the weights"
    return None


def exported_for_tpu(function: Any, arguments: tuple) -> bytes:
    """Returns a jitted function, traced for arguments and lowered for TPUs, as bytes.

    Args:
        function: its first argument is a list.
        arguments: `jax.ShapeDtypeStruct`s in any structures; those that `export` does not know are taken apart.

    Raises:
        NotCompilable: JAX refuses.
    """
    first, *rest = arguments
    leaves, structure = jax.tree.flatten(rest)

    def flat(first, *leaves):
        return jax.tree.leaves(function(first, *jax.tree.unflatten(structure, leaves)))

    try:
        return bytes(export.export(jax.jit(flat), platforms=["tpu"])(first, *leaves).serialize())
    except Exception as error:  # JAX and Keras have many kinds for what cannot be traced or lowered
        raise compiler.NotCompilable(str(error)) from error


def specs_of(variables: list[keras.Variable], chips: DataParallel) -> list[jax.ShapeDtypeStruct]:
    """Returns what stands for the values of variables, each whole on every chip."""
    return [jax.ShapeDtypeStruct(v.shape, v.value.dtype, sharding=chips.replicated) for v in variables]


def _sum_dtype(variable):
    return "float64" if variable.value.dtype == jnp.float64 else "float32"


@contextlib.contextmanager
def _named(model: keras.Model) -> Iterator[None]:
    """Names the layer in whose call what is raised within this context has been raised."""
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()  # the frames of Keras's own layers are wanted, too
    try:
        yield
    except compiler.NotCompilable as error:
        cause = error.__cause__
        layer = _layer_of(cause, model)
        if layer is None:
            raise
        where = None if cause is None else line_of(cause)
        made = "" if where is None else f", made in {where},"
        raise compiler.NotCompilable(
            f"{name_of(layer)}{made} cannot be compiled by JAX: {plainly(str(cause))}"
        ) from cause
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def _layer_of(error, model):
    """The innermost layer of the model in whose call an error was raised, or None."""
    layers = {id(layer) for layer in model._flatten_layers(include_self=False)}
    found, frame = None, error.__traceback__
    while frame is not None:
        given = frame.tb_frame.f_locals.get("self")
        if id(given) in layers:
            found = given
        frame = frame.tb_next
    return found


def _failing_layer(model, topology, by_compiler, batch):
    """The first layer that fails with its gradient; of a model within the model, the layer in that."""
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        try:
            shapes = [((batch, *t.shape[1:]), t.dtype) for t in keras.tree.flatten(layer.input)]
        except (AttributeError, ValueError):  # it is called not once but several times, or never by itself
            continue
        if not shapes or not all(isinstance(size, int) for shape, _ in shapes for size in shape):
            continue
        if _fails(layer, shapes, topology, by_compiler):
            return (
                _failing_layer(layer, topology, by_compiler, batch) or layer
                if isinstance(layer, keras.Model)
                else layer
            )
    return None


def _fails(layer, shapes, topology, by_compiler):
    """Whether a layer does not compile, its gradient by inputs and weights with it."""
    one, variables = Described(1, "TPU"), Variables(layer.variables)

    def both_passes(values, tensors):
        def total(values, floats):
            rest = iter(floats)
            inputs = [next(rest) if jnp.issubdtype(t.dtype, jnp.floating) else t for t in tensors]
            with variables.scope(values):
                outputs = layer(keras.tree.pack_sequence_as(layer.input, inputs))
            floats = [t for t in keras.tree.flatten(outputs) if jnp.issubdtype(t.dtype, jnp.floating)]
            return sum((jnp.sum(jnp.square(t.astype("float32"))) for t in floats), jnp.float32(0)), outputs

        floats = [t for t in tensors if jnp.issubdtype(t.dtype, jnp.floating)]
        return jax.grad(total, argnums=1, has_aux=True)(values, floats)

    tensors = [jax.ShapeDtypeStruct(shape, dtype, sharding=one.replicated) for shape, dtype in shapes]
    try:
        exported = exported_for_tpu(jax.jit(both_passes), (specs_of(variables.variables, one), tensors))
        compiler.compile_exported(exported, topology)
    except compiler.NotCompilable as error:
        return error.by_compiler == by_compiler
    except compiler.OutOfMemory:
        pass
    return False
