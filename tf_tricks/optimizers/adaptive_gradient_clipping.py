"""Clipping by the ratio of gradient to weight."""

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.wrapper import OptimizerWrapper


@keras.saving.register_keras_serializable("tf_tricks")
class AdaptiveGradientClipping(OptimizerWrapper):
    """Adaptive gradient clipping around any optimizer: bounds a unit's gradient by its weights.

    A step hurts when it is large beside the weights that it changes. For each unit i, that is each output column of a
    kernel, its gradient is scaled down to λ times the norm of its weights (Brock et al. 2021, arXiv:2102.06171, eq. 3):

        gᵢ ← λ max(|wᵢ|, ε)/|gᵢ| gᵢ   where   |gᵢ| > λ max(|wᵢ|, ε)

    A vector (bias, scale) is one unit. Gradients are those of the whole batch, as in the paper, so that `tt.Trainer`
    clips after the sum over replicas.

    Use it when a network without batch normalisation has to bear a large rate or a large batch.

    Avoid it when there is batch normalisation, which makes the size of the weights a matter of taste.

    Config:
        config.optimizer = dict(name="adaptive_gradient_clipping", optimizer=dict(name="momentum"), clip_factor=0.02)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        clip_factor: λ, above 0; the paper's is 0.01 for batches of 4096 and up to 0.16 for 256.
        epsilon: ε, above 0: what a unit's weights count for at least, so that zero weights can grow.
        exclude: regular expressions; a variable in whose path one is found is not clipped (the paper leaves the last
            layer alone; this package's models call it "logits").
        name: the name.

    Example:
        >>> import keras
        >>> w = keras.Variable([[1.0, 1.0]], name="kernel")
        >>> optimizer = AdaptiveGradientClipping(keras.optimizers.SGD(1.0), clip_factor=0.5)
        >>> optimizer.apply([keras.ops.convert_to_tensor([[4.0, 0.25]])], [w])
        >>> print(keras.ops.convert_to_numpy(w))
        [[0.5  0.75]]
    """

    def __init__(
        self, optimizer, clip_factor=0.01, epsilon=1e-3, exclude=("logits",), name="adaptive_gradient_clipping"
    ):
        super().__init__(optimizer, name)
        self.clip_factor = check_number("clip_factor", clip_factor, above=0)
        self.epsilon = check_number("epsilon", epsilon, above=0)
        self._exclude = patterns.compiled("exclude", exclude)

    def build(self, variables):
        """Finds the variables that are excluded."""
        if not self.built:
            super().build(variables)
            self._clipped = [not patterns.found(self._exclude, v) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""
        if self._clipped[self._get_variable_index(variable)]:
            gradient = self._clip(dense(gradient, variable.dtype), ops.convert_to_tensor(variable))
        self.inner.update_step(gradient, variable, learning_rate)

    def _clip(self, gradient, weight):
        bound = self.clip_factor * ops.maximum(_unit_norm(weight), self.epsilon)
        size = _unit_norm(gradient)
        scale = ops.where(size > bound, bound / ops.where(size > bound, size, 1.0), 1.0)
        return gradient * ops.cast(scale, gradient.dtype)

    def get_config(self):
        """Returns the arguments."""
        exclude = [p.pattern for p in self._exclude]
        return super().get_config() | {"clip_factor": self.clip_factor, "epsilon": self.epsilon, "exclude": exclude}


def _unit_norm(x):
    """Returns the norm of each output unit, the last axis of a kernel; of a vector, its norm."""
    axes = tuple(range(len(x.shape) - 1)) if len(x.shape) > 1 else None
    squares = ops.square(ops.cast(x, keras.backend.result_type(x.dtype, "float32")))
    return ops.sqrt(ops.sum(squares, axis=axes, keepdims=True))
