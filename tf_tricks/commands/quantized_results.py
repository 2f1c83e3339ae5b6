"""What a run's model makes of held-out examples in 8-bit integers, beside what it makes of them as it is."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.commands import finished_run
from tf_tricks.data import Source
from tf_tricks.engines import devices
from tf_tricks.errors import RequestError
from tf_tricks.export.exported import Run
from tf_tricks.export.signature import Signature, made_up, named_outputs
from tf_tricks.training.metrics_file import numbers


def results_of(
    run: Run,
    signature: Signature,
    folder: Any,
    config: dict[str, Any] | None,
    checkpoint: str,
    name: str,
    source: Source,
) -> list[str]:
    """Returns a line with loss and metrics of an exported model, and one with those of the run's own.

    Args:
        run: the exported model.
        signature: the inputs of the run's own.
        folder: the run's.
        config: its config, or None of a run of `Trainer.fit`.
        checkpoint: which of the run's models was exported.
        name: of the split.
        source: to evaluate on.
    """
    try:
        trainer = _trainer(folder, config, checkpoint)
    except RequestError as error:
        return [f"not evaluated: {error}"]
    before = trainer.evaluate(source)
    trainer = _trainer(folder, config, checkpoint)
    compute_by(run, trainer.model, signature)
    after = trainer.evaluate(source)
    return [_line("in int8:  ", name, after), _line("in floats:", name, before)]


def compute_by(run: Run, model: keras.Model, signature: Signature) -> None:
    """Has a model's outputs computed by what was exported of it; losses and metrics remain its own.

    Args:
        run: what was exported.
        model: changed in place.
        signature: its inputs.
    """
    example = model(signature.inputs(made_up(signature, 1)), training=False)
    outputs = named_outputs(example)
    dtypes = [output.dtype for output in outputs.values()]

    def exported(*arrays):
        found = run(dict(zip(signature.specs, arrays)))
        return [np.asarray(found[name], dtype.as_numpy_dtype) for name, dtype in zip(outputs, dtypes)]

    def call(inputs, training=None, mask=None):
        flat = [_cast(x, spec.dtype) for x, spec in zip(keras.tree.flatten(inputs), signature.specs.values())]
        computed = tf.nest.flatten(tf.numpy_function(exported, flat, dtypes))  # a single one comes alone
        for tensor, output in zip(computed, outputs.values()):
            tensor.set_shape([None, *output.shape[1:]])
        return keras.tree.pack_sequence_as(example, computed)

    model.call = call


def _trainer(folder, config, checkpoint):
    return finished_run.load(folder, config, devices.strategy("cpu"), checkpoint).trainer()


def _cast(tensor, dtype):
    return tensor if dtype == tf.string else tf.cast(tensor, dtype)


def _line(what, name, results):
    return f"{what} " + "  ".join(f"{name} {metric} {value:.4f}" for metric, value in numbers(results).items())
