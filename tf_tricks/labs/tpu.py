"""Whether the train step of the default config can run on a TPU, by the verdict of the TPU compiler."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.config import config_file, parts
from tf_tricks.errors import RequestError, RunError
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, reported
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

CONFIG, TOPOLOGY = "digits", "v5e:1x1"
BATCHES = (64, 512)


class Tpu(Lab):
    """The step of the config `digits`, with augmentation, gradients and update, compiled for one chip of a TPU v5e.

    The compiler is that of the TPU itself and needs no TPU: what it compiles is not executed here. A model that calls
    Python, which a TPU has none of, is the control: it must be refused.
    """

    claim = "TensorFlow can use TPUs."
    deterministic = False

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Compiles the step for two batch sizes, and the model that cannot be compiled."""
        return {"step": bench.piece("step", compiled), "control": bench.piece("control", refused)}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Every batch size must compile and fit, and the control must not."""
        results = found["step"]
        passing = sum(result["passes"] for result in results) / len(results)
        share = max(result["share of memory"] for result in results)
        quantities = {
            "share of the batch sizes that compile": at_least(passing, 1.0, control=float(found["control"] is None)),
            "share of the chip's memory that is needed": at_most(share, 1.0),
        }
        also = {
            f"operations, GFLOP, batch of {result['batch_size']}": reported(result["flops"] / 1e9) for result in results
        }
        sentence = (
            f"The train step of {CONFIG} compiles for a {TOPOLOGY} in {len(results)} batch sizes and needs {share:.1%} "
            "of its memory: compiled, not executed."
        )
        control = f"A layer that calls Python: {found['control'] or 'it was compiled'}."
        return decide(sentence, quantities, control, found["control"] is not None, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws what each batch size needs of the chip's memory, and how much there is to compute."""
        picture = figure.new(6.0, 2.6)
        left, right = picture.subplots(1, 2)
        names = [str(result["batch_size"]) for result in found["step"]]
        left.bar(names, [100 * result["share of memory"] for result in found["step"]], 0.5, color=figure.BLUE)
        left.set(xlabel="batch size", ylabel="% of the chip's memory")
        right.bar(names, [result["flops"] / 1e9 for result in found["step"]], 0.5, color=figure.ORANGE)
        right.set(xlabel="batch size", ylabel="GFLOP a step")
        picture.tight_layout()
        return picture


def compiled() -> list[dict[str, Any]]:
    """Returns what the compiler says of each batch size."""
    config = parts.resolve(parts.plain(config_file.load(CONFIG)))
    built = parts.build(config, tt.strategy("cpu"))
    trainer = tt.Trainer(built.model, **built.trainer_arguments)
    return [_plain(result) for result in _report(trainer, built.stream, BATCHES).results]


def refused() -> str | None:
    """Returns why a model with a layer that calls Python is refused, or None if it is not."""
    inputs = keras.Input((8, 8, 1))
    computed = keras.layers.Lambda(_in_python, output_shape=(64,))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10)(computed))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    arrays = np.zeros((64, 8, 8, 1), "float32"), np.arange(64) % 10
    try:
        trainer = tt.Trainer(model, loss=loss, batch_size=32)
        [result] = _report(trainer, tt.data.Stream(arrays), (32,)).results
    except RequestError as error:
        return str(error)
    return result.problem


def _in_python(images):
    import tensorflow as tf

    flat = tf.numpy_function(lambda array: array.reshape(len(array), -1), [images], tf.float32)
    return tf.ensure_shape(flat, [None, 64])


def _report(trainer, stream, batches):
    try:
        return tt.tpu.check_trainer(trainer, stream, TOPOLOGY, batches)
    except RequestError as error:
        if "not installed" in str(error):
            raise RunError(str(error)) from error
        raise


def _plain(result):
    needed = result.needed or 0
    flops = 0.0 if result.program is None else result.program.flops
    about = {"passes": result.passes, "share of memory": needed / result.usable_bytes, "flops": flops}
    return {"batch_size": result.batch_size} | about
