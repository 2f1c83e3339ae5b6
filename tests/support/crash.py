"""Breaks a run off, or keeps what a kill would leave of it."""

import shutil

import keras


class Crash(keras.callbacks.Callback):
    """Raises ZeroDivisionError at an update, or at the end of an epoch; a resumed run does not inherit this.

    Args:
        step: the update, from 0, or None. With it the trainer returns to Python after every update.
        epoch: the epoch, from 0, or None.
    """

    def __init__(self, step=None, epoch=None):
        super().__init__()
        self.step, self.epoch = step, epoch
        self.every_step = step is not None

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.step:
            raise ZeroDivisionError

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise ZeroDivisionError


class KeepWorkdir(keras.callbacks.Callback):
    """Copies the run's folder as an epoch begins: a kill at that moment leaves these files.

    Args:
        workdir: the run's folder.
        copy: where its copy goes.
        epoch: the epoch, from 0.
    """

    def __init__(self, workdir, copy, epoch):
        super().__init__()
        self.workdir, self.copy, self.epoch = workdir, copy, epoch

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            shutil.copytree(self.workdir, self.copy)
