"""A run's folder: its lock, its logs and its checkpoints, and the order in which they are written.

The order is what makes resume exact: log lines reach the disk before the checkpoint that counts them, and a resumed run
first cuts the log back to what its checkpoint knew.
"""

import contextlib
import dataclasses
import time

from absl import logging
from etils import epath

from tf_tricks.errors import RequestError, RunError, check_number
from tf_tricks.schedules import noise_scale_of
from tf_tricks.training import checkpoint, contact_sheet, fingerprint, state
from tf_tricks.training.lock import locked
from tf_tricks.training.logging import MetricsFile, ProgressBar, TensorBoard, numbers
from tf_tricks.training.profiler import Profiler


class RunFolder:
    """Writes what one call of `Trainer.fit` has to tell and to keep.

    Args:
        workdir: the folder, local or remote; None keeps nothing and shows the progress only.
        run: the `Run` whose state is kept.
        verbose: 0 prints nothing.
        log_every: updates between log lines; there is one at the end of each epoch, too.
        checkpoint_epochs: epochs between checkpoints.
        checkpoint_minutes: minutes between checkpoints within an epoch.
        keep: how many checkpoints to keep, the newest.
        histograms: whether to write histograms of the weights after each epoch.
        profile_steps: (first, last) update to profile for TensorBoard, or None.
        description: text in Markdown that TensorBoard shows with the run.
    """

    def __init__(
        self,
        workdir,
        run,
        verbose=1,
        log_every=50,
        checkpoint_epochs=1,
        checkpoint_minutes=10.0,
        keep=3,
        histograms=False,
        profile_steps=None,
        description="",
    ):
        self.log_every = check_number("log_every", log_every, minimum=1, integer=True)
        self._checkpoint_epochs = check_number("checkpoint_epochs", checkpoint_epochs, minimum=1, integer=True)
        self._checkpoint_seconds = 60 * check_number("checkpoint_minutes", checkpoint_minutes, above=0)
        self._keep = check_number("keep", keep, minimum=1, integer=True)
        self._path = None if workdir is None else epath.Path(workdir)
        self._run = run
        self._verbose = verbose
        self._histograms = histograms
        self._description = description
        self._profiler = Profiler(profile_steps, None if workdir is None else self._path / "tensorboard" / "train")
        self._resources = contextlib.ExitStack()
        self._span = [0, 0.0]  # examples and seconds since the last log line

    def __enter__(self):
        if self._path is not None:
            try:
                self._path.mkdir(parents=True, exist_ok=True)
                self._resources.enter_context(locked(self._path))
            except OSError as error:
                raise RequestError(f"the workdir {self._path} cannot be written: {error.strerror or error}") from error
            self._metrics = MetricsFile(self._path / "metrics.jsonl")
        return self

    def __exit__(self, *exception):
        self._profiler.stop()
        self._resources.close()

    def restore(self):
        """Puts the newest checkpoint back, if there is one, and opens the logs.

        Returns:
            The epoch that the run was in the middle of, or None at a start or between epochs.
        """
        run, epoch = self._run, None
        if self._path is not None:
            fingerprint.check_folder(self._path, fingerprint.fingerprint(run))
        saved = None if self._path is None else checkpoint.load_newest(self._path / "checkpoints")
        if saved is not None:
            arrays, values = saved
            try:
                state.assign_variables(run.state_variables, arrays)
            except ValueError as error:
                raise RequestError(f"the run in {self._path} is another one: {error}") from error
            run.progress = type(run.progress)(**values["progress"])
            run.sums.set_state(state.unpack(values["sums"], arrays))
            for name, callback in state.named_callbacks(run.callbacks.callbacks).items():
                if name in values["callbacks"]:
                    state.restore_callback(callback, state.unpack(values["callbacks"][name], arrays))
            epoch = values["epoch"]
            if self._verbose:
                print(f"resuming {self._path} at step {run.progress.step}")
        self._open_logs(values["metrics_size"] if saved else 0)
        self._profiler.after(run.progress.step)
        return epoch

    def wants_control(self, step):
        """Returns whether the compiled loop should return to Python after update number `step`."""
        return step % self.log_every == 0 or self._profiler.wants_control(step)

    def after_call(self, step, learning_rate, norms, loss, examples, seconds):
        """Follows one call of the compiled loop; `step` is its last step, `norms` those of gradient and weights."""
        progress = self._run.progress
        self._span[0] += examples
        self._span[1] += seconds
        self._bar.advance(self._run.epoch_of(step), examples, loss)
        self._profiler.after(progress.step)
        following = self._run.next_step()
        ends_epoch = following is None or self._run.epoch_of(following) != self._run.epoch_of(step)
        if progress.step % self.log_every == 0 or ends_epoch:
            self._line(
                "train",
                self._run.sums.line()
                | {
                    "learning_rate": learning_rate,
                    "batch_size": step.batch_size,
                    "noise_scale": self._noise_scale(learning_rate, step.batch_size),
                    "gradient_norm": float(norms[0]),
                    "weight_norm": float(norms[1]),
                    "examples_per_second": self._span[0] / max(self._span[1], 1e-9),
                },
            )
            self._span = [0, 0.0]

    def _noise_scale(self, learning_rate, batch_size):
        if batch_size == self._run.num_examples:
            return 0.0  # as the formula has it; a single example has no other batch
        momentum = getattr(self._run.optimizer, "momentum", 0.0) or 0.0
        return noise_scale_of(learning_rate, batch_size, self._run.num_examples, float(momentum))

    def end_epoch(self, epoch, logs, validation):
        """Follows an epoch; `validation` is the dict of results, or None."""
        self._bar.epoch_line(epoch, logs)
        if validation is not None:
            self._line("validation", validation)
        if self._path is None:
            return
        if self._histograms:
            for variable in self._run.model.trainable_variables:
                self._boards["train"].histogram(self._run.progress.step, variable.path, variable)
        for board in self._boards.values():
            board.flush()

    def save_if_due(self, epoch):
        """Saves at the end of every so many epochs (`epoch` is None between epochs) and after so many minutes."""
        if epoch is None:
            self._epochs_unsaved += 1
        if self._epochs_unsaved >= self._checkpoint_epochs or time.time() - self._saved_at > self._checkpoint_seconds:
            self.save(epoch)

    def save(self, epoch):
        """Writes a checkpoint; `epoch` is the one that the run is in the middle of, or None."""
        self._epochs_unsaved, self._saved_at = 0, time.time()
        if self._path is None:
            return
        run = self._run
        arrays = state.variable_arrays(run.state_variables)
        with self._writing():
            values = {
                "progress": dataclasses.asdict(run.progress),
                "epoch": epoch,
                "sums": state.pack(run.sums.state(), arrays),
                "callbacks": {
                    name: state.pack(state.callback_state(callback), arrays)
                    for name, callback in state.named_callbacks(run.callbacks.callbacks).items()
                },
                "metrics_size": self._metrics.size(),
            }
            checkpoint.save(self._path / "checkpoints", run.progress.step, arrays, values, self._keep)

    def advice(self):
        """Returns the end of the sentence that tells an interrupted user what is left."""
        if self._path is None:
            return "; nothing is saved, since there is no workdir"
        return f"; the state is saved, the same command goes on from there ({self._path})"

    def _open_logs(self, metrics_size):
        run = self._run
        self._epochs_unsaved, self._saved_at = 0, time.time()
        total = round(run.total_epochs * run.num_examples)
        self._bar = ProgressBar(total, run.progress.examples_seen, run.total_epochs, self._verbose)
        self._resources.callback(self._bar.close)
        if self._path is None:
            return
        with self._writing():
            fingerprint.keep(self._path, fingerprint.fingerprint(run))
            self._metrics.cut(metrics_size)
            self._boards = {
                split: TensorBoard(self._path / "tensorboard" / split, run.progress.step + 1)
                for split in ("train", "validation")
            }
            for board in self._boards.values():
                self._resources.callback(board.close)
            if run.progress.step == 0:
                self._describe(self._boards["train"])

    def _describe(self, board):
        """Shows what is about to be trained on: once, at the start."""
        if self._description:
            board.text(0, "config", self._description)
        if self._run.stream.augment is not None and contact_sheet.shows(self._run.stream.source):
            board.image(0, "augmented", contact_sheet.of_stream(self._run.stream, self._run.total_epochs))

    def _line(self, split, values):
        if self._path is None:
            return
        progress, values = self._run.progress, numbers(values)
        epoch = progress.examples_seen / self._run.num_examples
        with self._writing():
            self._metrics.write(
                split=split,
                step=progress.step,
                epoch=epoch,
                examples_seen=progress.examples_seen,
                **values,
                wall_time=time.time(),
            )
            self._boards[split].scalars(progress.step, values | {"epoch": epoch})

    def _writing(self):
        return writing(self._path)


@contextlib.contextmanager
def writing(folder):
    """Tells in a sentence what the disk refuses within this context."""
    try:
        yield
    except OSError as error:
        logging.debug("writing failed", exc_info=True)
        raise RunError(
            f"cannot write to {folder}: {error.strerror or error}; the last complete checkpoint is kept, "
            "and the same command goes on from it"
        ) from error
