"""A look inside the network after each epoch, for TensorBoard: activations and gradients on a fixed batch."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Structure
from tf_tricks.callbacks.training_batches import num_examples, training_batches
from tf_tricks.errors import RequestError, check_number
from tf_tricks.gradients import Gradients, one_loss
from tf_tricks.initializers.advice import ACTIVATIONS
from tf_tricks.initializers.walk import calls_replaced, layers_in
from tf_tricks.registry import register

_EXAMPLES = 256


@register("callbacks", "monitor")
class Monitor(keras.callbacks.Callback):
    """Writes activations and gradients of every layer to TensorBoard after each epoch.

    On one fixed batch, with the weights of the epoch's end and the model as in training, it writes for each layer with
    weights or an activation

        monitor/activations/LAYER            histogram
        monitor/activations/LAYER/mean, /variance, and /dead, the share of units that are 0 on the whole batch

    and for each trainable variable θ with gradient g of the loss

        monitor/gradients/VARIABLE           histogram
        monitor/gradients/VARIABLE/norm      |g|
        monitor/gradients/VARIABLE/ratio     |g| / |θ|, where θ is not all 0

    over the number of updates. Activations and gradients should keep their size from layer to layer (Glorot & Bengio
    2010; He et al. 2015, arXiv:1502.01852); η times the ratio is the size of a step of SGD, for which 1e-3 is a rule of
    thumb. Training goes on as if the callback were not there, bit for bit. It does not see into layers that are made of
    layers. TensorFlow must be installed, on Keras's JAX backend, too.

    Use it when a network does not learn or stops learning: dead ReLUs, gradients that vanish on their way back, a layer
    that moves a hundred times faster than the others.

    Avoid it when all is well: each time costs a forward and a backward pass without the compiler's help, and histograms
    of every layer. `initializers.signal_propagation` is the same look once, with a diagnosis.

    Config:
        config.callbacks = [dict(name="monitor", every=5)]

    Args:
        batch: pair (inputs [n, ...], labels [n, ...]); None (default) for the first 256 examples of the stream of a
            `tt.Trainer`, augmented as in training. All activations of the batch are held at once.
        log_dir: folder to write to; None (default) for `tensorboard/monitor` in the workdir of a `tt.Trainer`.
        every: epochs from one look to the next, at least 1, default 1.
        loss: a Keras loss, by default the one that the model is trained with. The trainer's `l2` is not part of it.

    Raises:
        RequestError: there is no batch, folder or loss, or `every` is out of range.

    Example:
        >>> import keras, numpy as np, os, tempfile
        >>> from tf_tricks.callbacks import Monitor
        >>> x = np.ones((8, 2), "float32")
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = model.fit(x, x[:, :1], callbacks=[Monitor((x, x[:, :1]), folder)], verbose=0)
        ...     len(os.listdir(folder))
        1
    """

    def __init__(
        self,
        batch: Sequence[Structure] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        every: int = 1,
        loss: keras.losses.Loss | Callable[..., Any] | str | None = None,
    ):
        super().__init__()
        self.batch = batch
        self.log_dir = log_dir
        self.every = check_number("every", every, minimum=1, integer=True)
        self.loss = loss
        self._trainer = None
        self._writer: Any = None

    def set_trainer(self, trainer: Any) -> None:
        """Notes the `tt.Trainer`, which has batch, folder and loss."""
        self._trainer = trainer

    def get_state(self) -> dict[str, Any]:
        """Returns nothing: all that it needs is there again in a resumed run."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes nothing back."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks for batch, folder and loss."""
        del logs
        self._inputs, self._labels = self._find_batch()
        self._folder = self._find_folder()
        self._gradients = Gradients(self.model, one_loss(type(self).__name__, self.loss, self.model))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes what there is to see."""
        del logs
        if (epoch + 1) % self.every:
            return
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        with self._writer.as_default(step=int(np.asarray(self.model.optimizer.iterations))):
            self._write_activations(tf.summary)
            self._write_gradients(tf.summary)
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Closes the file."""
        del logs
        if self._writer is not None:
            self._writer.close()
        self._writer = self._trainer = None

    def _write_activations(self, summary):
        for name, layer, activation in _activations(self.model, self._inputs):
            _write_histogram(summary, f"monitor/activations/{name}", activation)
            summary.scalar(f"monitor/activations/{name}/mean", np.mean(activation, dtype=np.float64))
            summary.scalar(f"monitor/activations/{name}/variance", np.var(activation, dtype=np.float64))
            summary.scalar(f"monitor/activations/{name}/dead", _share_of_dead_units(layer, activation))

    def _write_gradients(self, summary):
        _, gradients = self._gradients(self._inputs, self._labels)
        for variable, gradient in zip(self.model.trainable_variables, gradients):
            gradient = _float(gradient)
            norm, weight_norm = np.linalg.norm(gradient.ravel()), np.linalg.norm(_float(variable).ravel())
            _write_histogram(summary, f"monitor/gradients/{variable.path}", gradient)
            summary.scalar(f"monitor/gradients/{variable.path}/norm", norm)
            if weight_norm > 0:
                summary.scalar(f"monitor/gradients/{variable.path}/ratio", norm / weight_norm)

    def _find_batch(self):
        if self.batch is not None:
            if not isinstance(self.batch, (tuple, list)) or len(self.batch) != 2:
                raise RequestError(f"batch must be a pair (inputs, labels), not {type(self.batch).__name__}")
            return self.batch
        if self._trainer is None:
            raise RequestError("Monitor needs a batch to look at: in plain fit give it batch=(inputs, labels)")
        stream = self._trainer.run.stream
        return next(training_batches(stream, min(_EXAMPLES, num_examples(stream)), number=1))

    def _find_folder(self):
        if self.log_dir is not None:
            return self.log_dir
        if self._trainer is None or self._trainer.run.workdir is None:
            raise RequestError("Monitor has no folder to write to: give it log_dir, or the trainer a workdir")
        return self._trainer.run.workdir / "tensorboard" / "monitor"


def _activations(model, inputs):
    """Returns name, layer and output for each call of a layer that has weights or is an activation."""
    layers = {name: v for name, v in layers_in(model).items() if v.weights or isinstance(v, ACTIVATIONS)}
    names, found, seen = {id(layer): name for name, layer in layers.items()}, [], {}

    def note(layer, call):
        def noted(*args, **kwargs):
            output = call(*args, **kwargs)
            if "float" in keras.backend.standardize_dtype(getattr(output, "dtype", "int32")):
                name = names[id(layer)]
                seen[name] = seen.get(name, 0) + 1
                label = name if seen[name] == 1 else f"{name} ({seen[name]})"
                found.append((label, layer, _float(output)))
            return output

        return noted

    with calls_replaced(layers.values(), note), keras.StatelessScope():
        model(keras.tree.map_structure(ops.convert_to_tensor, inputs), training=True)
    return found


def _share_of_dead_units(layer, activation):
    channels_first = getattr(layer, "data_format", None) == "channels_first" and activation.ndim > 2
    units = 1 if channels_first else activation.ndim - 1
    return np.mean(np.all(activation == 0, axis=tuple(axis for axis in range(activation.ndim) if axis != units)))


def _write_histogram(summary, tag, values):
    summary.histogram(tag, values[np.isfinite(values)])


def _float(tensor):
    """As float32, or float64: NumPy reckons bfloat16 badly and float16 overflows in a sum."""
    array = np.asarray(ops.convert_to_numpy(tensor))
    return array if array.dtype == np.float64 else array.astype(np.float32)
