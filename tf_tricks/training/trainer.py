"""The trainer: schedules, the compiled loop, callbacks, checkpoints and logs put together."""

import math

import keras
import tensorflow as tf
from etils import epath

from tf_tricks import losses, optimizers, schedules
from tf_tricks.data import Stream, as_source
from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules import plan
from tf_tricks.training.checks import (
    check_batch,
    check_built,
    check_jit_compile,
    check_loss,
    check_optimizer,
    check_pairs,
)
from tf_tricks.training.evaluation import Evaluation
from tf_tricks.training.interrupt import StopRequests
from tf_tricks.training.loss_scale import LossScale
from tf_tricks.training.metrics import choose_modes, get_metric
from tf_tricks.training.run import Run
from tf_tricks.training.run_folder import RunFolder
from tf_tricks.training.update import Update


class Trainer:
    """Trains any Keras model, on one device or many, with the same result.

    Args:
        model: a built `keras.Model`; with several replicas, built inside `with strategy.scope():`.
        optimizer: a Keras optimizer, or what `tt.optimizers.get` takes.
        learning_rate: schedule of the epoch, or a number.
        batch_size: schedule of the epoch, or a number: examples an update, over all replicas.
        loss: a `keras.losses.Loss`, or what `tt.losses.get` takes; by default cross-entropy of logits and labels, whole
            numbers or distributions.
        metrics: Keras metrics, or their names.
        l2: λ of the penalty λ|θ|² in the loss (the lecture's; papers that call λ' "weight decay" with SGD mean
            λ = λ'/2).
        weight_decay: λ of the decoupled decay θ ← θ − ηλθ, or None.
        exclude_from_weight_decay: regular expressions over variable paths that have neither L2 nor decay; by default
            biases and batch norm's γ and β.
        clip_value: bound on each element of the gradient, or None.
        clip_norm: bound on the norm of each tensor's gradient, or None.
        clip_global_norm: bound on the norm of the whole gradient, or None.
        micro_batch: most examples in the devices' memory at once, over all replicas; larger batches are accumulated.
        strategy: from `tt.strategy`; None is the strategy in whose scope the trainer is made.
        jit_compile: whether XLA compiles the forward and backward pass; "auto" does so on a single GPU.
        evaluation_batch_size: examples a step of evaluation, over all replicas.

    Example:
        >>> import keras, numpy as np
        >>> import tf_tricks as tt
        >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> trainer = tt.Trainer(model, "momentum", learning_rate=0.1, batch_size=16, loss="mean_squared_error")
        >>> history = trainer.fit((x, 3 * x), epochs=20, verbose=0)
        >>> history.history["loss"][-1] < 0.01
        True
    """

    def __init__(
        self,
        model,
        optimizer="momentum",
        learning_rate=0.1,
        batch_size=32,
        loss=None,
        metrics=(),
        l2=0.0,
        weight_decay=None,
        exclude_from_weight_decay=("bias", "gamma", "beta"),
        clip_value=None,
        clip_norm=None,
        clip_global_norm=None,
        micro_batch=None,
        strategy=None,
        jit_compile="auto",
        evaluation_batch_size=512,
    ):
        self.model = model
        self.strategy = strategy or tf.distribute.get_strategy()
        self.num_replicas = self.strategy.num_replicas_in_sync
        check_built(model, self.strategy)
        self.learning_rate = schedules.get(learning_rate)
        self.batch_size = schedules.get(batch_size)
        self.micro_batch = micro_batch
        self.loss = losses.get(loss or {"name": "sparse_categorical_crossentropy", "from_logits": True})
        self.jit_compile = check_jit_compile(jit_compile, self.strategy)
        with self.strategy.scope():
            self.optimizer = check_optimizer(optimizers.get(optimizer), weight_decay, self.strategy)
            self.metrics = [get_metric(m) for m in metrics]
            evaluation_metrics = [type(m).from_config(m.get_config()) for m in self.metrics]
            self.update = Update(
                self.optimizer,
                model.trainable_variables,
                l2=l2,
                weight_decay=weight_decay,
                exclude_from_weight_decay=exclude_from_weight_decay,
                clip_value=clip_value,
                clip_norm=clip_norm,
                clip_global_norm=clip_global_norm,
            )
            self.loss_scale = LossScale() if keras.mixed_precision.dtype_policy().name == "mixed_float16" else None
        self._evaluation = Evaluation(self.strategy, model, self.loss, evaluation_metrics, evaluation_batch_size)
        model.optimizer = self.optimizer  # where Keras callbacks look for it

    def evaluate(self, source):
        """Returns a dict of `loss` (with L2) and metrics, floats, over every example of `source`, each exactly once.

        Args:
            source: a source of `tf_tricks.data`, or a pair of arrays.
        """
        results = self._evaluation(as_source(source))
        results["loss"] += float(self.update.penalty())
        return results

    def fit(self, stream, epochs, validation=None, callbacks=(), workdir=None, verbose=1, **folder_options):
        """Trains, or goes on where the run in `workdir` was left.

        Args:
            stream: `tt.data.Stream`, or a pair of arrays.
            epochs: how long to train, a number above 0; fractions are fine.
            validation: a source to evaluate after each epoch, a pair of arrays, or None.
            callbacks: Keras callbacks. Epoch hooks run as in Keras, batch hooks once a call of the compiled loop.
            workdir: the run's folder, local or remote; None writes nothing.
            verbose: 0 prints nothing.
            **folder_options: arguments of `RunFolder`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            RequestError: the request cannot be carried out; nothing was written.
            RunError: the run diverged, or ran out of memory, disk or data.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
        """
        stream = stream if isinstance(stream, Stream) else Stream(as_source(stream))
        validation = None if validation is None else as_source(validation)
        callbacks = list(callbacks)
        self.check(stream, epochs, callbacks)
        choose_modes(callbacks, self.metrics)
        callback_list = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self.model, epochs=math.ceil(epochs), verbose=0, steps=None
        )
        self.run = Run(self, stream, epochs, callback_list, validation)
        self.run.workdir = None if workdir is None else epath.Path(workdir)
        with RunFolder(workdir, self.run, verbose, **folder_options) as folder, StopRequests() as stop_requests:
            self.run(folder, stop_requests)
        return self.model.history

    def check(self, stream, epochs, callbacks=()):
        """Raises a `RequestError` if `fit` could not carry this out; looks at every batch size that will be asked for.

        Args:
            stream: `tt.data.Stream`.
            epochs: how long to train.
            callbacks: Keras callbacks; those that know the trainer hand it their schedules.
        """
        check_number("epochs", epochs, above=0)
        for callback in callbacks:
            if hasattr(callback, "set_trainer"):
                callback.set_trainer(self)
        num_examples = stream.source.num_examples
        sizes = (step.batch_size for step in plan.steps(num_examples, epochs, self.learning_rate, self.batch_size))
        self.batch_sizes = list(dict.fromkeys(sizes))
        first = plan.next_step(0, num_examples, math.inf, self.learning_rate, self.batch_size).batch_size
        for size in self.batch_sizes or [first]:
            check_batch(size, num_examples, self.num_replicas, self.micro_batch)
            check_pairs(stream.augment, size, self.num_replicas, self.micro_batch)
        if not self.batch_sizes:
            raise RequestError(f"epochs={epochs} is less than half a batch of {first}: nothing would be trained")
        check_loss(self.loss, self.metrics, self.model, stream)
