"""One run: the steps from where it stands to its end, with callbacks, validation, log lines and checkpoints between."""

import dataclasses
import math
import time
from typing import Any

import keras
import numpy as np

from tf_tricks.data import Source, Stream
from tf_tricks.engines import engine, hosts
from tf_tricks.schedules import plan
from tf_tricks.seeds import seed_states
from tf_tricks.training import contact_sheet, state
from tf_tricks.training.averaging import averaged_weights, finalize_averaged_weights, keeps_average
from tf_tricks.training.checkpoint import Checkpoints
from tf_tricks.training.checks import check_batch, wants_every_step
from tf_tricks.training.early_ends import diverged, interrupted
from tf_tricks.training.feed import Feeds
from tf_tricks.training.interrupt import StopRequests
from tf_tricks.training.metrics import MetricSums
from tf_tricks.training.rates import noise_scale, note_rate, rate_now, scaled_rate
from tf_tricks.training.run_log import RunLog
from tf_tricks.training.task import Task
from tf_tricks.weights import described

SECONDS_A_CALL = 0.3  # of device time for each call from Python: short enough for Ctrl-C, long enough to cost nothing


class Run:
    """Carries out one call of `Trainer.fit`.

    Args:
        trainer: the `Trainer`, whose model, optimizer and settings are used.
        stream: `tt.data.Stream`.
        task: the `Task`: how long to train, at what rates, in what batches.
        callbacks: a `keras.callbacks.CallbackList`.
        validation: a source to evaluate after each epoch, or None.
        class_weights: float32 [K], what an example of each class counts, or None.
        workdir: the run's folder as an `etils.epath.Path`, for callbacks that write there; or None.
    """

    def __init__(
        self,
        trainer: Any,
        stream: Stream,
        task: Task,
        callbacks: keras.callbacks.CallbackList,
        validation: Source | None = None,
        class_weights: np.ndarray | None = None,
        workdir: Any = None,
    ):
        self.trainer = trainer
        self.model = trainer.model
        self.optimizer = trainer.optimizer
        self.stream = stream
        self.num_examples = stream.source.num_examples
        self.task = task
        self.callbacks = callbacks
        self.validation = validation
        self.class_weights = class_weights
        self.workdir, self.best = workdir, task.best
        self.progress = state.Progress()
        self.epoch: int | None = None  # the one that the run is in the middle of, from 0; None between epochs
        self.sums = MetricSums(trainer.model)
        self._steps_a_call = 1
        self._span = [0, 0.0]  # examples and seconds since the last log line
        self._layers = described(self.model)
        features_folder = workdir if hosts.is_chief() else None  # hosts may share the folder, and each keeps its own
        self._feeds = Feeds(trainer, stream, validation, class_weights, task.frozen_features, features_folder)
        self._feed: Any = None  # a Feed, once it is known what is trained
        self._loop_batch_size: int | None = None

    @property
    def batch_size(self) -> int | None:
        """Examples of the coming update; a callback that sets it takes over from the schedule."""
        step = self.next_step()
        return self._loop_batch_size if step is None else step.batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        check_batch(size, self.num_examples, self.trainer.num_replicas, self.trainer.micro_batch)
        self.progress.batch_size = int(size)

    def retrace(self) -> None:
        """Makes the compiled loop anew, for the variables that are trainable now."""
        self.trainer.prepared.drop_loop()
        self.trainer.update.variables = list(self.model.trainable_variables)
        self._loop_batch_size = self._feed = None

    def next_step(self) -> plan.Step | None:
        """Returns the `schedules.plan.Step` that comes next, or None at the end of the run."""
        if self.progress.stopped:
            return None
        return next(self._steps_from_here(), None)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Returns all that the rest of the run depends on: a dict of arrays, and a dict of what JSON can hold."""
        arrays = state.variable_arrays(self._variables())
        values = {
            "progress": dataclasses.asdict(self.progress),
            "epoch": self.epoch,
            "sums": state.pack(self.sums.state(), arrays),
            "callbacks": state.callback_states(self.callbacks.callbacks, arrays),
            "best": None if self.best is None else state.pack(self.best.state(), arrays),
            "layers": self._layers,
        }
        return arrays, values

    def set_state(self, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
        """Puts the state of `state()` back.

        Raises:
            RequestError: it is the state of another model, and nothing has changed.
        """
        state.assign_variables(self._variables(), arrays)
        state.finalize_layers(self.model)
        self.progress = state.Progress(**values["progress"])
        self.epoch = values["epoch"]
        self.sums.set_state(state.unpack(values["sums"], arrays))
        state.restore_callbacks(self.callbacks.callbacks, values["callbacks"], arrays)
        if self.best is not None and values.get("best") is not None:
            self.best.set_state(state.unpack(values["best"], arrays))

    def __call__(self, log: RunLog, checkpoints: Checkpoints | None, stop_requests: StopRequests) -> None:
        """Trains to the end.

        Args:
            log: `RunLog`, already entered.
            checkpoints: `Checkpoints`, or None to keep none.
            stop_requests: `StopRequests`, already entered.
        """
        self.model.stop_training = False
        self._leave_learning_rate(self.next_step())
        self.callbacks.on_train_begin()
        self._take_learning_rate()
        self._restore(log, checkpoints)
        self._known_rate = rate_now(self.optimizer)  # that of the step before, if restored
        signal = 0
        while not signal and (step := self.next_step()) is not None:
            if self.epoch is None:
                self.epoch = self.epoch_of(step)
                self.callbacks.on_epoch_begin(self.epoch)
                self._take_learning_rate()
            self._run_steps(log)
            if self._ends_epoch():
                self._end_epoch(log)
            mine = checkpoints is not None and checkpoints.is_due(ends_epoch=self.epoch is None)
            due, signal = hosts.largest([mine, stop_requests.received or 0])  # each host has its own clock and signals
            if due:
                self._save(log, checkpoints)
        self._save(log, checkpoints)
        if checkpoints is not None:
            checkpoints.wait()
        if signal:
            raise interrupted(self.progress.step, self.workdir, signal)
        if keeps_average(self.optimizer):
            finalize_averaged_weights(self.optimizer)
        self.callbacks.on_train_end()
        self._feeds.close()

    def _restore(self, log, checkpoints):
        """Goes on from the newest checkpoint, if there is one."""
        saved = None if checkpoints is None else checkpoints.newest()
        if saved is not None:
            self.set_state(*saved)
            if log.verbose:
                print(f"resuming {self.workdir} at step {self.progress.step}")
        size = saved[1]["metrics_size"] if saved else 0
        log.start(self.progress, self.num_examples, self.task.total_epochs, size)
        if self.progress.step == 0 and self.stream.augment is not None and contact_sheet.shows(self.stream.source):
            log.image("augmented", contact_sheet.of_stream(self.stream, self.task.total_epochs))

    def _save(self, log, checkpoints):
        if checkpoints is not None:
            arrays, values = self.state()
            size = log.size()  # the lines are on the disk before the checkpoint that counts them
            checkpoints.save(self.progress.step, arrays, values | {"metrics_size": size})

    def _run_steps(self, log):
        """One call of the compiled loop: as many steps as have the same batch size, and no log line between them."""
        steps = self._coming_steps(log)
        batch_size = steps[0].batch_size
        if batch_size != self._loop_batch_size:
            check_batch(batch_size, self.num_examples, self.trainer.num_replicas, self.trainer.micro_batch)
            with engine().told("training", batch_size, "micro_batch", self.stream.source):
                self._feed = self._feed or self._feeds.now(log.tell)
                self._feed.loop.start(self._feed.stream, batch_size, self.progress.examples_seen)
            self._loop_batch_size = batch_size
            steps = steps[:1]  # the first call compiles: it tells nothing about the time of a step
        self.callbacks.on_train_batch_begin(self.progress.step)
        self._take_learning_rate()
        began = time.perf_counter()
        with engine().told("training", batch_size, "micro_batch", self.stream.source):
            step_losses, norms = self._feed.loop.run([scaled_rate(step, self.progress) for step in steps])
        seconds = time.perf_counter() - began
        self._steps_a_call = max(1, min(1000, int(SECONDS_A_CALL * len(steps) / seconds)))
        if not np.all(np.isfinite(step_losses)):
            self._diverge(step_losses)
            return
        examples = batch_size * len(steps)
        self.progress.step += len(steps)
        self.progress.examples_seen += examples
        self._known_rate = rate_now(self.optimizer)
        self.sums.add_losses(step_losses, batch_size)
        self._tell(log, batch_size, norms, float(step_losses[-1]), examples, seconds)
        self.callbacks.on_train_batch_end(self.progress.step - 1, {"loss": float(step_losses[-1])})
        self._take_learning_rate()
        self.progress.stopped = self.progress.stopped or bool(self.model.stop_training)

    def _tell(self, log, batch_size, norms, loss, examples, seconds):
        """Shows how far the run is, and writes a line if one is due."""
        self._span[0] += examples
        self._span[1] += seconds
        log.advance(self.progress.step, self.epoch, examples, loss)
        if not log.is_due(self.progress.step) and not self._ends_epoch():
            return
        values = {
            "learning_rate": self._known_rate,
            "batch_size": batch_size,
            "noise_scale": noise_scale(self.optimizer, self._known_rate, batch_size, self.num_examples),
            "gradient_norm": float(norms[0]),
            "weight_norm": float(norms[1]),
            "examples_per_second": self._span[0] / max(self._span[1], 1e-9),
        }
        log.line("train", self.progress, self.sums.line() | values)
        self._span = [0, 0.0]

    def _coming_steps(self, log):
        steps = []
        at_most = 1 if any(map(wants_every_step, self.callbacks.callbacks)) else self._steps_a_call
        for step in self._steps_from_here():
            if steps and (step.batch_size != steps[0].batch_size or self.epoch_of(step) != self.epoch_of(steps[0])):
                break
            steps.append(step)
            if len(steps) >= at_most or log.wants_control(self.progress.step + len(steps)):
                break
        return steps[: hosts.smallest(len(steps))]  # each host measures another time

    def _steps_from_here(self):
        progress, task = self.progress, self.task
        batch_size = progress.batch_size or task.batch_size
        return plan.steps(self.num_examples, task.total_epochs, task.learning_rate, batch_size, progress.examples_seen)

    def _diverge(self, step_losses):
        """A callback may handle the divergence and end the run; otherwise it fails here."""
        step = self.progress.step + (first := int(np.argmin(np.isfinite(step_losses))))
        self.callbacks.on_train_batch_end(step, {"loss": float(step_losses[first])})
        if not self.model.stop_training:
            raise diverged(step + 1)
        self.progress.stopped = True

    def _ends_epoch(self):
        following = self.next_step()
        return following is None or self.epoch_of(following) != self.epoch

    def _end_epoch(self, log):
        epoch, self.epoch = self.epoch, None
        logs, results = self.sums.epoch_results(), None
        with averaged_weights(self.optimizer):  # what is validated is what callbacks see and keep
            if self.validation is not None:
                self.callbacks.on_test_begin()
                results = self._feed.evaluate()
                logs |= {f"val_{name}": value for name, value in results.items()}
            if self.best is not None:  # before a callback takes back what it has lent for the validation
                self.best.look(epoch, logs, self.model, self.progress)
            if results is not None:
                self.callbacks.on_test_end(dict(results))
            self.callbacks.on_epoch_end(epoch, dict(logs))
        self._take_learning_rate()
        if results is not None:
            log.line("validation", self.progress, results)
        log.end_epoch(epoch, logs, self.progress.step, self.model.trainable_variables)
        self.sums.clear()
        self.progress.stopped = self.progress.stopped or bool(self.model.stop_training)

    def epoch_of(self, step: plan.Step) -> int:
        """Returns the epoch, from 0, that a step belongs to: the one in which its middle lies."""
        return min(int(step.epoch), math.ceil(self.task.total_epochs) - 1)

    def _variables(self):
        return state.variable_groups(self.trainer, seed_states(self.model), self.sums.variables)

    def _leave_learning_rate(self, step):
        """Puts the rate where callbacks look for it."""
        if step is not None:
            self.optimizer.learning_rate = scaled_rate(step, self.progress)
        self._known_rate = rate_now(self.optimizer)

    def _take_learning_rate(self):
        """A rate that a callback has set stays as a factor on the schedule; a scheduler's takes its place."""
        rate = rate_now(self.optimizer)
        note_rate(rate, self._known_rate, self.progress, self.callbacks.callbacks, self.next_step)
        self._known_rate = rate
