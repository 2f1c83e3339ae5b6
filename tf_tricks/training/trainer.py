"""The trainer: schedules, the compiled loop, callbacks, checkpoints and logs put together."""

import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf

from tf_tricks import losses, optimizers, schedules
from tf_tricks.data import Stream, as_source
from tf_tricks.errors import RunError, check_number
from tf_tricks.schedules import plan
from tf_tricks.training.checks import check_batch, check_built, check_optimizer
from tf_tricks.training.averaging import averaged_weights, finalize_averaged_weights
from tf_tricks.training.devices import device_kind
from tf_tricks.training.evaluation import Evaluation
from tf_tricks.training.interrupt import Interrupted, StopRequests
from tf_tricks.training.loop import Loop
from tf_tricks.training.loss_scale import LossScale
from tf_tricks.training.metrics import MetricSums, get_metric
from tf_tricks.training.objective import Objective
from tf_tricks.training.run_folder import RunFolder
from tf_tricks.training.update import Update

SECONDS_A_CALL = 0.3  # of device time for each call from Python: short enough for Ctrl-C, long enough to cost nothing


@dataclasses.dataclass
class Progress:
    """How far a run has come; all that its future depends on, beside the variables.

    Attributes:
        examples_seen: k, the position in the stream.
        step: updates done.
        learning_rate_factor: what callbacks such as `ReduceLROnPlateau` have made of the schedule, as a factor on it.
        stopped: whether a callback has ended the run.
    """

    examples_seen: int = 0
    step: int = 0
    learning_rate_factor: float = 1.0
    stopped: bool = False


class Trainer:
    """Trains any Keras model, on one device or many, with the same result.

    Args:
        model: a built `keras.Model`; with several replicas, built inside `with strategy.scope():`.
        optimizer: a Keras optimizer, or what `tt.optimizers.get` takes.
        learning_rate: schedule of the epoch, or a number.
        batch_size: schedule of the epoch, or a number: examples an update, over all replicas.
        loss: a `keras.losses.Loss`, or what `tt.losses.get` takes; by default cross-entropy of logits and whole-number
            labels.
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
        jit_compile: whether XLA compiles the forward and backward pass; "auto" does so on GPUs.
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
        for name, value in [("l2", l2), ("weight_decay", weight_decay)]:
            if value is not None:
                check_number(name, value, minimum=0)
        for name, value in [("clip_value", clip_value), ("clip_norm", clip_norm), ("clip_global_norm", clip_global_norm)]:
            if value is not None:
                check_number(name, value, above=0)
        self.model = model
        self.strategy = strategy or tf.distribute.get_strategy()
        self.num_replicas = self.strategy.num_replicas_in_sync
        check_built(model, self.strategy)
        self.learning_rate = schedules.get(learning_rate)
        self.batch_size = schedules.get(batch_size)
        self.micro_batch = micro_batch
        self.loss = losses.get(loss or {"name": "sparse_categorical_crossentropy", "from_logits": True})
        self._jit_compile = device_kind(self.strategy) == "GPU" if jit_compile == "auto" else jit_compile
        with self.strategy.scope():
            self.optimizer = check_optimizer(optimizers.get(optimizer), weight_decay, self.strategy)
            self.metrics = [get_metric(m) for m in metrics]
            evaluation_metrics = [type(m).from_config(m.get_config()) for m in self.metrics]
            self._update = Update(
                self.optimizer,
                model.trainable_variables,
                l2=l2,
                weight_decay=weight_decay,
                exclude_from_weight_decay=exclude_from_weight_decay,
                clip_value=clip_value,
                clip_norm=clip_norm,
                clip_global_norm=clip_global_norm,
            )
            self._loss_scale = LossScale() if keras.mixed_precision.dtype_policy().name == "mixed_float16" else None
        self._evaluation = Evaluation(self.strategy, model, self.loss, evaluation_metrics, evaluation_batch_size)
        model.optimizer = self.optimizer  # where Keras callbacks look for it

    def evaluate(self, source):
        """Returns a dict of `loss` (with L2) and metrics, floats, over every example of `source`, each exactly once.

        Args:
            source: a source of `tf_tricks.data`, or a pair of arrays.
        """
        results = self._evaluation(as_source(source))
        results["loss"] += float(self._update.penalty())
        return results

    def fit(self, stream, epochs, validation=None, callbacks=(), workdir=None, verbose=1, **folder_options):
        """Trains, or goes on where the run in `workdir` was left.

        Args:
            stream: `tt.data.Stream`, or a pair of arrays.
            epochs: how long to train, a number above 0; fractions are fine.
            validation: a source to evaluate after each epoch, a pair of arrays, or None.
            callbacks: Keras callbacks. Epoch hooks run as in Keras, batch hooks once for each call of the compiled loop.
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
        self._bind(stream, epochs)
        callback_list = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self.model, epochs=math.ceil(epochs), verbose=0, steps=None
        )
        folder = RunFolder(workdir, self, callback_list.callbacks, verbose=verbose, **folder_options)
        with folder, StopRequests() as stop_requests:
            self._train(callback_list, validation, folder, stop_requests)
        if self.optimizer.use_ema:
            finalize_averaged_weights(self.optimizer, self.model)
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
        for size in self.batch_sizes:
            check_batch(size, num_examples, self.num_replicas, self.micro_batch)

    def next_step(self):
        """Returns the `schedules.plan.Step` that comes next, or None at the end of the run."""
        if self.progress.stopped:
            return None
        return plan.next_step(
            self.progress.examples_seen, self.num_examples, self.total_epochs, self.learning_rate, self.batch_size
        )

    @property
    def state_variables(self):
        """The groups of variables that a checkpoint holds."""
        groups = {
            "model": [*self.model.weights, *self._objective.seed_states],
            "optimizer": self.optimizer.variables,
            "metrics": self.sums.variables,
        }
        return groups if self._loss_scale is None else groups | {"loss_scale": self._loss_scale.variables}

    def _bind(self, stream, epochs):
        self.stream = stream
        self.num_examples = stream.source.num_examples
        self.total_epochs = epochs
        self.progress = Progress()
        self.sums = MetricSums(self.metrics)
        self._objective = Objective(self.model, self.loss, stream.augment, stream.seed, self._jit_compile)
        self._loop = Loop(
            self.strategy, self._objective, self._update, self.metrics, self.micro_batch, self._loss_scale
        )
        self._loop_batch_size = None
        self._steps_a_call = 1

    def _train(self, callbacks, validation, folder, stop_requests):
        self.model.stop_training = False
        self._leave_learning_rate(self.next_step())
        callbacks.on_train_begin()
        epoch = folder.restore()  # None, or the epoch that the restored state is in the middle of
        self._leave_learning_rate(self.next_step())
        while (step := self.next_step()) is not None:
            if epoch is None:
                epoch = self.epoch_of(step)
                callbacks.on_epoch_begin(epoch)
                self._take_learning_rate()
            self._run_steps(callbacks, folder)
            if (following := self.next_step()) is None or self.epoch_of(following) != epoch:
                self._end_epoch(epoch, callbacks, validation, folder)
                epoch = None
            folder.save_if_due(epoch)
            if stop_requests.received:
                folder.save(epoch)
                raise Interrupted(f"stopped at step {self.progress.step}{folder.advice()}", stop_requests.received)
        callbacks.on_train_end()
        folder.save(epoch=None)

    def _run_steps(self, callbacks, folder):
        """One call of the compiled loop: as many steps as have the same batch size, and no log line between them."""
        steps = self._coming_steps(folder)
        batch_size = steps[0].batch_size
        if batch_size != self._loop_batch_size:
            check_batch(batch_size, self.num_examples, self.num_replicas, self.micro_batch)
            self._loop.start(self.stream, batch_size, self.progress.examples_seen)
            self._loop_batch_size = batch_size
            steps = steps[:1]  # the first call compiles: it tells nothing about the time of a step
        callbacks.on_train_batch_begin(self.progress.step)
        self._take_learning_rate()
        began = time.perf_counter()
        step_losses, norms = self._call_loop([self._scaled_rate(step) for step in steps])
        seconds = time.perf_counter() - began
        self._steps_a_call = max(1, min(1000, int(SECONDS_A_CALL * len(steps) / seconds)))
        self._check_finite(step_losses)
        self.progress.step += len(steps)
        self.progress.examples_seen += batch_size * len(steps)
        self._known_rate = float(self.optimizer.learning_rate.numpy())
        self.sums.add_losses(step_losses, batch_size)
        folder.after_call(steps[-1], self._known_rate, norms, float(step_losses[-1]), batch_size * len(steps), seconds)
        callbacks.on_train_batch_end(self.progress.step - 1, {"loss": float(step_losses[-1])})
        self._take_learning_rate()
        self.progress.stopped = self.progress.stopped or bool(self.model.stop_training)

    def _coming_steps(self, folder):
        steps = []
        for step in plan.steps(
            self.num_examples, self.total_epochs, self.learning_rate, self.batch_size, self.progress.examples_seen
        ):
            if steps and (step.batch_size != steps[0].batch_size or self.epoch_of(step) != self.epoch_of(steps[0])):
                break
            steps.append(step)
            if len(steps) >= self._steps_a_call or folder.wants_control(self.progress.step + len(steps)):
                break
        return steps

    def _call_loop(self, learning_rates):
        try:
            return self._loop.run(learning_rates)
        except tf.errors.ResourceExhaustedError as error:
            half = max(1, self._loop_batch_size // 2)
            raise RunError(
                f"out of memory with a batch of {self._loop_batch_size} examples: set micro_batch to {half} or less, "
                "and the same batches are accumulated from smaller pieces"
            ) from error
        except (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.OutOfRangeError) as error:
            raise RunError(f"the training data cannot be read any more: {str(error).splitlines()[0]}") from error

    def _check_finite(self, step_losses):
        if np.all(np.isfinite(step_losses)):
            return
        step = self.progress.step + int(np.argmin(np.isfinite(step_losses)))
        raise RunError(
            f"the loss is not finite at step {step + 1}: the run has diverged. Try a learning rate ten times smaller, "
            "a warm-up, clip_global_norm=1.0, or look for NaN in the data"
        )

    def _end_epoch(self, epoch, callbacks, validation, folder):
        logs, results = self.sums.epoch_results(), None
        if validation is not None:
            with averaged_weights(self.optimizer, self.model):
                results = self.evaluate(validation)
            logs |= {f"val_{name}": value for name, value in results.items()}
        callbacks.on_epoch_end(epoch, dict(logs))
        self._take_learning_rate()
        folder.end_epoch(epoch, logs, results)
        self.sums.clear()
        self.progress.stopped = self.progress.stopped or bool(self.model.stop_training)

    def epoch_of(self, step):
        """Returns the epoch, from 0, that a step belongs to: the one in which its middle lies."""
        return min(int(step.epoch), math.ceil(self.total_epochs) - 1)

    def _scaled_rate(self, step):
        return np.float32(step.learning_rate * self.progress.learning_rate_factor)

    def _leave_learning_rate(self, step):
        """Puts the rate where callbacks look for it."""
        if step is not None:
            self.optimizer.learning_rate = self._scaled_rate(step)
        self._known_rate = float(self.optimizer.learning_rate.numpy())

    def _take_learning_rate(self):
        """A rate that a callback has set stays as a factor on the schedule from there on."""
        rate = float(self.optimizer.learning_rate.numpy())
        if rate != self._known_rate and self._known_rate > 0:
            self.progress.learning_rate_factor *= rate / self._known_rate
            self._known_rate = rate

