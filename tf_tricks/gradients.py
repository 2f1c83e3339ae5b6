"""The gradient of a model's loss, on TensorFlow and on JAX, that leaves the model as it was."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.errors import RequestError


def one_loss(
    asker: str, loss: keras.losses.Loss | str | Callable[..., Any] | None, model: keras.Model
) -> Callable[..., Any]:
    """Returns the loss to take the gradient of: the one given, or the model's.

    Args:
        asker: who needs it, for the message.
        loss: a loss, its name, a function, or None for the model's.
        model: a compiled `keras.Model`.

    Raises:
        RequestError: there is none, or there are several.
    """
    loss = model.loss if loss is None else loss
    if not isinstance(loss, str) and not callable(loss):
        raise RequestError(f"{asker} needs one loss to take the gradient of, not {loss!r}: give it loss=")
    return keras.losses.get(loss)


class Gradients:
    """The loss of a model and its gradient on one batch after another, compiled once for each shape of a batch.

    The loss is the mean over the batch plus the model's own penalties (`model.losses`). Nothing in the model changes:
    batch normalization's moving statistics and the seeds of dropout are what they were, so that a second call with the
    same batch gives the same result.

    Args:
        model: a `keras.Model`.
        loss: a `keras.losses.Loss` (its reduction is not used: the mean is taken), or a function of labels and outputs
            that returns a loss for each example, or one number.

    Raises:
        RequestError: the loss cannot be called, or the backend of Keras is neither TensorFlow nor JAX.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.set_weights([np.array([[1.0], [0.0]])])
        >>> gradients = Gradients(model, keras.losses.MeanSquaredError())
        >>> loss, (kernel,) = gradients(np.array([[1.0, 2.0]]), np.array([[0.0]]))
        >>> loss, np.array(kernel).ravel().tolist()
        (1.0, [2.0, 4.0])
    """

    def __init__(self, model: keras.Model, loss: keras.losses.Loss | Callable[..., Any]):
        if not callable(loss):
            raise RequestError(
                f"the loss must be a keras.losses.Loss or a function of labels and outputs, not {loss!r}"
            )
        check_backend()
        self.model = model
        self.loss = loss
        self._compiled: dict[Any, Callable[..., Any]] = {}

    def __call__(self, inputs: Structure, labels: Structure, training: bool = True) -> tuple[float, list[Tensor]]:
        """Returns the loss and its gradient.

        Args:
            inputs: the model's inputs, [batch, ...], or a list or dict of them.
            labels: what the loss takes, [batch, ...].
            training: whether the model runs as in training (dropout on, batch statistics) or as in inference.

        Returns:
            the loss as a float, and a list with the gradient for each of `model.trainable_variables`, tensors of the
            backend.
        """
        inputs, labels = as_tensors(inputs), as_tensors(labels)
        if not self.model.built:
            self.model(inputs)
        trainable, other = self.model.trainable_variables, self.model.non_trainable_variables
        # Freezing a layer changes what the gradient is taken for: the compiled function belongs to these variables.
        key = (bool(training), *map(id, trainable), *map(id, other))
        if key not in self._compiled:
            self._compiled[key] = value_and_gradient(self._loss_function(trainable, other, bool(training)))
        (loss, _), gradients = self._compiled[key](values_of(trainable), values_of(other), inputs, labels)
        return float(loss), gradients

    def _loss_function(self, trainable, other, training):
        def function(trainable_values, other_values, inputs, labels):
            state = [*zip(trainable, trainable_values), *zip(other, other_values)]
            with keras.StatelessScope(state_mapping=state, collect_losses=True):
                outputs = self.model(inputs, training=training)
                penalties = self.model.losses
            loss = mean_loss(self.loss, labels, outputs)
            return sum((ops.cast(penalty, loss.dtype) for penalty in penalties), loss), ()

        return function


def loss_and_gradients(
    model: keras.Model,
    loss: keras.losses.Loss | Callable[..., Any],
    inputs: Structure,
    labels: Structure,
    training: bool = True,
) -> tuple[float, list[Tensor]]:
    """Returns the loss of `model` on one batch as a float, and its gradient for each of the trainable variables.

    For one batch; `Gradients` is the same for many, compiled once.

    Args:
        model: a `keras.Model`; it is left as it was.
        loss: a `keras.losses.Loss`, or a function of labels and outputs.
        inputs: the model's inputs, [batch, ...].
        labels: what the loss takes, [batch, ...].
        training: whether the model runs as in training.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        >>> squared_error = keras.losses.MeanSquaredError()
        >>> loss, (kernel, bias) = loss_and_gradients(model, squared_error, np.ones((4, 1)), np.zeros((4, 1)))
        >>> loss, float(bias[0])
        (1.0, 2.0)
    """
    return Gradients(model, loss)(inputs, labels, training)


def mean_loss(loss: keras.losses.Loss | Callable[..., Any], labels: Structure, outputs: Structure) -> Tensor:
    """Returns the mean loss over the batch, computed in float32 or better.

    Args:
        loss: a `keras.losses.Loss`, or a function of labels and outputs.
        labels: [batch, ...].
        outputs: the model's outputs.
    """
    outputs = keras.tree.map_structure(_at_least_float32, outputs)
    losses = loss.call(labels, outputs) if isinstance(loss, keras.losses.Loss) else loss(labels, outputs)
    return ops.mean(losses)


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a compiled function that gives what `function` gives and the gradient for its first argument.

    Args:
        function: of a list of float tensors and any further structures of tensors; returns a scalar, which is
            differentiated, and a structure of tensors, which is handed on.

    Returns:
        a function of the same arguments that returns `((scalar, structure), gradients)`, the gradients in a list, zero
        where the scalar does not depend on a tensor. It is compiled once for each set of shapes.

    Example:
        >>> from keras import ops
        >>> square = value_and_gradient(lambda values: (ops.sum(values[0] ** 2), ()))
        >>> (value, _), (gradient,) = square([ops.convert_to_tensor([1.0, 2.0])])
        >>> float(value), [float(g) for g in gradient]
        (5.0, [2.0, 4.0])
    """
    if check_backend() == "jax":
        import jax

        return jax.jit(jax.value_and_grad(function, has_aux=True))

    import tensorflow as tf

    @tf.function(autograph=False)
    def compiled(values, *others):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            value, structure = function(values, *others)
        gradients = tape.gradient(value, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return (value, structure), [tf.convert_to_tensor(gradient) for gradient in gradients]

    return compiled


def as_tensors(structure: Structure) -> Structure:
    """Returns a structure of arrays as tensors of the backend; NumPy's floats become Keras's, as in `fit`."""
    return keras.tree.map_structure(_as_tensor, structure)


def values_of(variables: Iterable[keras.Variable]) -> list[Tensor]:
    """Returns the values of variables as tensors of the backend."""
    return [ops.convert_to_tensor(variable.value) for variable in variables]


def check_backend() -> str:
    """Returns the name of Keras's backend, or raises a `RequestError` where it is not one that this module knows."""
    backend = keras.config.backend()
    if backend not in ("tensorflow", "jax"):
        raise RequestError(f"gradients need Keras on TensorFlow or JAX, not on {backend!r}")
    return backend


def _as_tensor(array):
    is_numpy_float = isinstance(array, np.ndarray) and np.issubdtype(array.dtype, np.floating)
    return ops.convert_to_tensor(array, dtype=keras.config.floatx() if is_numpy_float else None)


def _at_least_float32(tensor):
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.cast(tensor, "float32") if dtype in ("float16", "bfloat16") else tensor
