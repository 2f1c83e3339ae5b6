"""The trainer: schedules, the compiled loop, callbacks, checkpoints and logs put together."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from etils import epath

from tf_tricks import optimizers, schedules
from tf_tricks.annotations import Named, Structure
from tf_tricks.data import Source, Stream, as_source
from tf_tricks.engines import engine, hosts
from tf_tricks.engines.devices import replicas
from tf_tricks.engines.loss_scale import LossScale, computes_in_float16
from tf_tricks.engines.update import Update
from tf_tricks.errors import call_checked, check_number
from tf_tricks.storage import path_of
from tf_tricks.training.checkpoint import Checkpoints
from tf_tricks.training.checks import (
    check_built,
    check_model,
    check_optimizer,
    check_workdir,
    listed,
)
from tf_tricks.training.class_weights import class_weights
from tf_tricks.training.compiled import compile_model, compiled_arguments, rate_of
from tf_tricks.training.ending import leave_models, test_once
from tf_tricks.training.examples import check_examples
from tf_tricks.training.fingerprint import fingerprint
from tf_tricks.training.interrupt import StopRequests
from tf_tricks.training.many_hosts import agree_on, claimed_by_chief, hosts_own
from tf_tricks.training.metrics import choose_modes, directions
from tf_tricks.training.prepared import Prepared
from tf_tricks.training.run import Run
from tf_tricks.training.run_log import RunLog
from tf_tricks.training.settings import flattened
from tf_tricks.training.signature import signature
from tf_tricks.training.task import plan_task

NOT_DECAYED = ("bias$", "gamma$", "beta$")


class Trainer:
    """Trains any Keras model, on one device or many, with the same result.

    Args:
        model: a built `keras.Model`; with several replicas, built inside `with strategy.scope():`.
        optimizer: a Keras optimizer, or what `tt.optimizers.get` takes; by default that with which the model is
            compiled, else momentum.
        learning_rate: schedule of the epoch, or a number; by default that of the Keras optimizer given, else 0.1.
        batch_size: schedule of the epoch, or a number: examples an update, over all replicas.
        loss: what `keras.Model.compile` takes: a loss, its name, a function, or a structure of them for several
            outputs; or what `tt.losses.get` takes. By default that with which the model is compiled, with its
            `loss_weights` and metrics; else cross-entropy of logits and labels, integers or distributions.
        loss_weights: what `compile` takes.
        metrics: what `compile` takes: names, metrics, functions, or a structure of them.
        weighted_metrics: likewise; these see the weights of the examples.
        l2: λ of the penalty λ|θ|² in the loss (the lecture's; papers that call λ' "weight decay" with SGD mean
            λ = λ'/2).
        weight_decay: λ of the decoupled decay θ ← θ − ηλθ, or None.
        exclude_from_weight_decay: regular expressions over variable paths that have neither L2 nor decay; None is
            biases and batch norm's γ and β, but an optimizer that brings a decay of its own keeps its own exclusions.
        clip_value: bound on each element of the gradient, or None.
        clip_norm: bound on the norm of each tensor's gradient, or None.
        clip_global_norm: bound on the norm of the whole gradient, or None.
        micro_batch: most examples in the devices' memory at once, over all replicas; larger batches are accumulated.
        strategy: from `tt.strategy`; None is the strategy in whose scope the trainer is made.
        jit_compile: whether XLA compiles the forward and backward pass; "auto" does so on a single GPU.
        evaluation_batch_size: examples a step of evaluation, over all replicas; None takes the first batch of training,
            or the micro-batch.

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
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | Named | None = None,
        learning_rate: float | Named | Callable[[float], float] | None = None,
        batch_size: int | Named | Callable[[float], float] = 32,
        loss: Any = None,
        metrics: Any = None,
        l2: float = 0.0,
        weight_decay: float | None = None,
        exclude_from_weight_decay: Sequence[str] | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        clip_global_norm: float | None = None,
        micro_batch: int | None = None,
        strategy: Any = None,
        jit_compile: bool | str = "auto",
        evaluation_batch_size: int | None = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
    ):
        using = engine()
        using.check_strategy(strategy)
        check_built(model)
        self.model = model
        self.strategy = strategy or using.current_strategy()
        self.num_replicas = self.strategy.num_replicas_in_sync
        using.check_built(model, self.strategy)
        check_model(model, self.num_replicas)
        arguments = dict(loss=loss, loss_weights=loss_weights, metrics=metrics, weighted_metrics=weighted_metrics)
        if loss is None:
            arguments = compiled_arguments(model, arguments)
        if optimizer is None:
            optimizer = model.optimizer if getattr(model, "optimizer", None) is not None else "momentum"
        self.learning_rate = schedules.get(rate_of(optimizer) if learning_rate is None else learning_rate)
        self.batch_size = schedules.get(batch_size)
        self.micro_batch = micro_batch
        self.jit_compile = using.check_jit_compile(jit_compile, self.strategy, model)
        if evaluation_batch_size is not None:
            check_number("evaluation_batch_size", evaluation_batch_size, minimum=1, integer=True)
        self.evaluation_batch_size = evaluation_batch_size
        with self.strategy.scope():
            made = optimizers.get(optimizer)
            if weight_decay is None and (made is not optimizer or exclude_from_weight_decay is not None):
                weight_decay = made.weight_decay
            self.optimizer = check_optimizer(made, model, weight_decay, self.strategy)
            self.update_arguments: dict[str, Any] = dict(
                l2=l2,
                weight_decay=weight_decay,
                exclude_from_weight_decay=NOT_DECAYED
                if exclude_from_weight_decay is None
                else exclude_from_weight_decay,
                clip_value=clip_value,
                clip_norm=clip_norm,
                clip_global_norm=clip_global_norm,
            )
            self.update = Update(self.optimizer, model.trainable_variables, **self.update_arguments)
            self.loss_scale = LossScale() if computes_in_float16(model) else None
            self.shares = compile_model(model, self.optimizer, **arguments)
        self.settings = flattened(
            {
                "optimizer": {"name": type(self.optimizer).__name__},
                "learning_rate": _shown(self.learning_rate),
                "batch_size": _shown(self.batch_size),
                "micro_batch": micro_batch,
            }
            | self.update_arguments
        )
        self.prepared = Prepared()
        self._evaluations: dict[int, Any] = {}

    @call_checked("inputs and labels are one argument, evaluate((x, y))")
    def evaluate(self, source: Source | tuple[Structure, ...] | list[Structure]) -> dict[str, Any]:
        """Returns a dict of `loss` (with L2) and metrics, floats, over every example of `source`, each exactly once.

        Args:
            source: a source of `tf_tricks.data`, or arrays (inputs, labels) or (inputs, labels, weights).
        """
        source = as_source(source)
        if not self.prepared.holds(source):
            check_examples(self, source, "the data to evaluate")
        size = self.evaluation_size()
        if size not in self._evaluations:
            self._evaluations[size] = engine().Evaluation(self.strategy, self.model, self.shares, size)
        return self.update.penalized(self._evaluations[size](source))

    def evaluation_size(self) -> int:
        """Returns how many examples are evaluated at once, over all replicas."""
        size = int(self.batch_size(0.0))
        return self.evaluation_batch_size or min(size, self.micro_batch or size)

    @call_checked("inputs and labels are one argument, fit((x, y), epochs=5)")
    def fit(
        self,
        stream: Stream | Source | tuple[Structure, ...] | list[Structure],
        epochs: float,
        validation: Source | tuple[Structure, ...] | list[Structure] | None = None,
        callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None = (),
        workdir: epath.PathLike | None = None,
        verbose: int = 1,
        class_weight: Mapping[int, float] | str | None = None,
        test: Source | tuple[Structure, ...] | list[Structure] | None = None,
        settings: Mapping[str, Any] | None = None,
        log_every: int = 50,
        histograms: bool = False,
        profile_steps: Sequence[int] | None = None,
        checkpoint_epochs: int = 1,
        checkpoint_minutes: float = 10.0,
        keep: int = 3,
        keep_best: Named | None = None,
        frozen_features: str | None = None,
    ) -> keras.callbacks.History:
        """Trains, or goes on where the run in `workdir` was left.

        Args:
            stream: `tt.data.Stream`, a source, or arrays (inputs, labels) or (inputs, labels, weights); each of these
                may be a dict, tuple or list of arrays, as the model takes and gives them. Or a `tf.data.Dataset`, a
                `keras.utils.PyDataset` or another that `tt.data.read` takes: it is read once, and its batches taken
                apart.
            epochs: how long to train, a number above 0; fractions are fine.
            validation: a source to evaluate after each epoch, arrays likewise, or None.
            callbacks: Keras callbacks. Epoch hooks run as in Keras, batch hooks once a call of the compiled loop.
            workdir: the run's folder, local or remote; None writes nothing. At the end it holds model.keras, and
                best.keras with `keep_best`. Other files, as a CSVLogger's, may lie in it, but none of another run.
            verbose: 0 prints nothing.
            class_weight: dict of class to what its examples count in training, 1 where none is given, as in Keras; or
                `"balanced"`, n / (K · examples of the class).
            test: a source to evaluate once, at the end; its results are in the log and in the history, as `test_loss`.
                With `keep_best` they are those of the best model.
            settings: a dict that config.json keeps and TensorBoard's HParams page shows; by default the trainer's.
            log_every: updates between log lines; there is one at the end of each epoch, too.
            histograms: whether to write histograms of the weights after each epoch.
            profile_steps: (first, last) update to profile for TensorBoard, or None.
            checkpoint_epochs: epochs between checkpoints.
            checkpoint_minutes: the most minutes between checkpoints within an epoch.
            keep: how many checkpoints to keep, the newest.
            keep_best: by which value of the history the best model is kept, such as `"val_accuracy"`: the weights that
                were validated then, moving averages too. Or a dict with `name` and `mode`, `"min"` or `"max"`, for a
                metric of one's own. The first of equal values counts, NaN never. `trainer.model` is the last model.
            frozen_features: None does with frozen layers as Keras does. `"memory"` or `"disk"`: the model up to the
                first trainable weights runs in inference mode, once for each example if nothing changes what it gets.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            RequestError: the request cannot be carried out; nothing was written.
            RunError: the run diverged, or ran out of memory, disk or data.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
        """
        # What is asked for, and whether it can be done: nothing is written up to the end of this part
        check_workdir(workdir)
        folder = None if workdir is None else path_of(workdir)
        stream = stream if isinstance(stream, Stream) else Stream(as_source(stream))
        validation = None if validation is None else as_source(validation)
        test = None if test is None else as_source(test)
        callbacks = listed(callbacks)
        self._follow_unfrozen()
        verbose = verbose if hosts.is_chief() else 0
        callbacks = hosts_own(callbacks)
        task = plan_task(self, stream, epochs, callbacks, validation, test, keep_best, frozen_features)
        weights = class_weights(class_weight, stream.source)
        settings = self.settings if settings is None else settings
        log = RunLog(folder if hosts.is_chief() else None, verbose, log_every, histograms, profile_steps, settings)
        checkpoints = Checkpoints(folder / "checkpoints" if folder else "", checkpoint_epochs, checkpoint_minutes, keep)
        if verbose:
            print(task.description)

        # The run
        for callback in callbacks:
            if hasattr(callback, "set_trainer"):
                callback.set_trainer(self)
        metrics = [] if self.model._compile_metrics is None else self.model._compile_metrics.metrics
        choose_modes(callbacks, metrics)
        callback_list = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self.model, epochs=math.ceil(epochs), verbose=0, steps=None
        )
        self.run = run = Run(self, stream, task, callback_list, validation, weights, folder)
        agree_on(run, settings)
        if folder is None:
            with log, StopRequests() as stop_requests:
                run(log, None, stop_requests)
                test_once(run, log, test)
            return self.model.history
        about = signature(self.model, stream.source) | {"directions": directions(metrics)}
        claim = claimed_by_chief(folder, fingerprint(run), settings, replicas(self.strategy), about)
        with claim as checkpoints.run_id, log, checkpoints, StopRequests() as stop_requests:
            run(log, checkpoints, stop_requests)
            test_once(run, log, test)
            log.end()
            if hosts.is_chief():
                leave_models(folder, run, epochs)
        return self.model.history

    def _follow_unfrozen(self):
        """Makes the optimizer anew if variables were unfrozen since; the state of those that stayed is kept."""
        known = {id(v) for v in self.update.all_variables}
        if all(id(v) in known for v in self.model.trainable_variables):
            return
        before = {variable.path: np.asarray(variable) for variable in self.optimizer.variables}
        with self.strategy.scope():
            self.optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
            self.update = Update(self.optimizer, self.model.trainable_variables, **self.update_arguments)
        for variable in self.optimizer.variables:
            if variable.path in before and before[variable.path].shape == tuple(variable.shape):
                variable.assign(before[variable.path])
        self.model.optimizer = self.optimizer


def _shown(schedule):
    """A schedule in a line; a number where it is constant."""
    arguments = getattr(schedule, "arguments", {})
    return arguments["value"] if getattr(schedule, "name", "") == "constant" else repr(schedule)
