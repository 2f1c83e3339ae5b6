"""Which part of a step does not compile, found by compiling the parts one by one.

For what only the compiler refuses, whose message names neither layer nor line.
"""

import keras
import tensorflow as tf

from tf_tricks.data import Stream
from tf_tricks.engines.objective import Objective
from tf_tricks.tpu import compiler
from tf_tricks.tpu.blame import name_of
from tf_tricks.tpu.step import update_alone
from tf_tricks.training.trainer import Trainer


def culprit(
    trainer: Trainer, stream: Stream, topology: compiler.Topology, by_compiler: bool, batch: int = 8
) -> str | None:
    """Returns the name of the first part of a step that by itself does not compile for a TPU, or None.

    Looked at are the augmentation, the model's layers, the loss, the metrics and the update of the weights.

    Args:
        trainer: `Trainer`.
        stream: `Stream`.
        topology: `compiler.Topology`; one of its chips does.
        by_compiler: whether it was the compiler that refused the whole step, not TensorFlow. A part that fails at the
            other stage fails for another reason.
        batch: examples to compile for.
    """
    one_chip = topology._replace(devices=topology.devices[:1])

    def fails(function, specs):
        compiled = tf.function(function, autograph=False, jit_compile=True)
        try:
            compiler.compile_function(compiled, specs, [None] * len(specs), one_chip)
        except compiler.NotCompilable as error:
            return error.by_compiler == by_compiler
        except compiler.OutOfMemory:
            pass
        return False

    objective = Objective(trainer.model, trainer.shares, stream.step_augment, stream.seed)
    examples = stream.dataset(batch).element_spec[0]
    position = tf.constant(0, tf.int64)

    def prepared(*tensors):
        return objective.prepared(tf.nest.pack_sequence_as(examples, tensors), position)

    if stream.step_augment is not None and fails(lambda *t: _tensors(prepared(*t)), tf.nest.flatten(examples)):
        return "the augmentation"
    layer = _failing_layer(trainer.model, fails, batch)
    if layer is not None:
        return name_of(layer)
    for name, function, specs in _ends(trainer.model, prepared, tf.nest.flatten(examples)):
        if fails(function, specs):
            return name
    update = update_alone(trainer)
    return "the update of the weights" if fails(update.function.python_function, update.specs) else None


def _failing_layer(model, fails, batch):
    """The first layer that fails with its gradient; of a model within the model, the layer in that."""
    seen = set()
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        try:
            specs = [tf.TensorSpec([batch, *t.shape[1:]], t.dtype) for t in tf.nest.flatten(layer.input)]
        except (AttributeError, ValueError):  # it is called not once but several times, or never by itself
            continue
        alike = _alike(layer, specs)
        if alike in seen or not specs or not all(spec.shape.is_fully_defined() for spec in specs):
            continue
        seen.add(alike)
        if fails(_with_gradient(layer), specs):
            return _failing_layer(layer, fails, batch) or layer if isinstance(layer, keras.Model) else layer
    return None


def _alike(layer, specs):
    """What layers have in common that compile to the same program."""
    if not type(layer).__module__.startswith("keras."):
        return id(layer)
    config = {key: value for key, value in layer.get_config().items() if key != "name"}
    return type(layer).__name__, str(config), str(specs)


def _with_gradient(layer):
    """A function of a layer's inputs: its outputs, and their gradients by its inputs and weights."""

    def both_passes(*tensors):
        watched = [t for t in tensors if t.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = layer(tf.nest.pack_sequence_as(layer.input, tensors), training=True)
            total = _total(outputs)
        return _tensors(outputs, tape.gradient(total, watched + [v.value for v in layer.trainable_variables]))

    return both_passes


def _ends(model, prepared, examples):
    """Yields (name, function, specs) of what follows on the layers: loss and metrics, of labels and outputs."""

    def labels_and_outputs(*tensors):
        inputs, labels, weights = prepared(*tensors)
        return inputs, labels, weights, model(inputs, training=True)

    try:
        traced = tf.function(labels_and_outputs, autograph=False).get_concrete_function(*examples).structured_outputs
    except Exception:  # as many kinds as there are models: then it is not the loss that is to blame
        return
    structure = tf.nest.map_structure(lambda t: None if t is None else tf.TensorSpec(t.shape, t.dtype), traced)
    specs = [spec for spec in tf.nest.flatten(structure) if spec is not None]

    def unpacked(tensors):
        rest = iter(tensors)
        return tf.nest.map_structure(lambda spec: None if spec is None else next(rest), structure)

    def loss(*tensors):
        inputs, labels, weights, outputs = unpacked(tensors)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = model._compute_loss(x=inputs, y=labels, y_pred=outputs, sample_weight=weights, training=True)
        return _tensors(value, tape.gradient(value, outputs))

    def metrics(*tensors):
        inputs, labels, weights, outputs = unpacked(tensors)
        return _tensors(model.compute_metrics(inputs, labels, outputs, sample_weight=weights))

    yield "the loss", loss, specs
    yield "a metric", metrics, specs


def _total(outputs):
    """A number whose gradient is not constant, so that the compiler keeps the pass backward."""
    floats = [t for t in tf.nest.flatten(outputs) if t.dtype.is_floating]
    return tf.add_n([tf.reduce_sum(tf.square(tf.cast(t, tf.float32))) for t in floats]) if floats else tf.constant(0.0)


def _tensors(*structures):
    """All that is there, flat and dense."""
    return [tf.convert_to_tensor(t) for t in tf.nest.flatten(structures) if t is not None]
