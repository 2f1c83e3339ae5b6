"""Breaks a run off."""

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
