"""What an optimizer's class declares of itself, where Keras's own have nothing to say.

A class sets `needs_two_gradients = True` if each step takes two passes: one whose gradient goes to its method `ascend`,
and one whose gradient, taken there, goes to `apply`. It sets `keeps_averages = True` if the weights to evaluate are not
those that are trained; its method `averages` returns them. An own optimizer is treated by them as the package's are.
"""

import keras


def needs_two_gradients(optimizer: keras.optimizers.Optimizer) -> bool:
    """Returns whether each step takes the gradient twice."""
    return getattr(optimizer, "needs_two_gradients", False)


def keeps_averages(optimizer: keras.optimizers.Optimizer) -> bool:
    """Returns whether the optimizer, or the one that it goes around, keeps averages of its own of the weights."""
    return getattr(getattr(optimizer, "core", optimizer), "keeps_averages", False)
