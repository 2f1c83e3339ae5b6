"""Clipping by the ratio of gradient to weight."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.wrapper import OptimizerWrapper
from tf_tricks.registry import register

UNITS = {
    "depthwise": (-2, -1),  # [height, width, channel, multiplier]: an output channel for each pair of the last two
    r"conv\dd_transpose": (-2,),  # [height, width, output, input]
    r"(query|key|value)/kernel$": (-2, -1),  # [input, head, size]
    "attention_output/kernel$": (-1,),  # [head, size, output]
}
"""Where the units are not told apart by the last axis: regular expressions over paths, and the axes that tell them."""


@register(
    "optimizers",
    "adaptive_gradient_clipping",
    example={"optimizer": {"name": "sgd", "momentum": 0.9}, "clip_factor": 0.1, "learning_rate": 0.03},
    parts={"optimizer": "optimizers"},
)
@keras.saving.register_keras_serializable("tf_tricks")
class AdaptiveGradientClipping(OptimizerWrapper):
    """Adaptive gradient clipping around any optimizer: bounds a unit's gradient by its weights.

    A step hurts when it is large beside the weights that it changes. For each unit i, that is all the weights by which
    one output is computed, the gradient is scaled down to λ times the norm of the weights (Brock et al. 2021,
    arXiv:2102.06171, eq. 3):

        gᵢ ← λ max(|wᵢ|, ε)/|gᵢ| gᵢ   where   |gᵢ| > λ max(|wᵢ|, ε)

    A vector (bias, scale) is one unit. The units of a kernel are told apart by its last axis, but for depthwise and
    transposed convolutions and attention, which are known by the names that Keras gives them: a layer with a name of
    your own needs `units`. Gradients are those of the whole batch, as in the paper, so that `tt.Trainer` clips after
    the sum over replicas.

    Use it when a network without batch normalization has to bear a large rate or a large batch.

    Avoid it when there is batch normalization, which makes the size of the weights a matter of taste.

    Config:
        config.optimizer = dict(name="adaptive_gradient_clipping", optimizer=dict(name="momentum"), clip_factor=0.02)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        clip_factor: λ, above 0; the paper's is 0.01 for batches of 4096 and up to 0.16 for 256.
        epsilon: ε, above 0: what a unit's weights count for at least, so that zero weights can grow.
        exclude: regular expressions; a variable in whose path one is found is not clipped (the paper leaves the last
            layer alone; this package's models call it "logits").
        units: dict of regular expression over paths to the axes of the kernel that tell its units apart, from the end:
            `{"my_depthwise": [-2, -1]}`; the first that is found counts, then what Keras's names say.
        name: the name.

    Raises:
        RequestError: an argument is out of its range, or the units of an `EinsumDense` layer cannot be told.

    Example:
        >>> import keras
        >>> w = keras.Variable([[1.0, 1.0]], name="kernel")
        >>> optimizer = AdaptiveGradientClipping(keras.optimizers.SGD(1.0), clip_factor=0.5)
        >>> optimizer.apply([keras.ops.convert_to_tensor([[4.0, 0.25]])], [w])
        >>> print(keras.ops.convert_to_numpy(w))
        [[0.5  0.75]]
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        clip_factor: float = 0.01,
        epsilon: float = 1e-3,
        exclude: Sequence[str] = ("logits",),
        units: Mapping[str, Sequence[int]] | None = None,
        name: str = "adaptive_gradient_clipping",
    ):
        super().__init__(optimizer, name)
        self.clip_factor = check_number("clip_factor", clip_factor, above=0)
        self.epsilon = check_number("epsilon", epsilon, above=0)
        self._exclude = patterns.compiled("exclude", exclude)
        if units is not None and not hasattr(units, "items"):
            raise RequestError(f"units must be a dict such as {{'depthwise': [-2, -1]}}, not {units!r}")
        self.units = {pattern: [int(axis) for axis in axes] for pattern, axes in (units or {}).items()}
        patterns.compiled("units", self.units)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Finds the variables that are excluded, and the units of the others."""
        if not self.built:
            super().build(variables)
            self._summed = [
                None if patterns.found(self._exclude, v) else self._axes_within_a_unit(v) for v in variables
            ]

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        axes = self._summed[self._get_variable_index(variable)]
        if axes is not None:
            gradient = self._clip(dense(gradient, variable.dtype), ops.convert_to_tensor(variable), axes)
        self.inner.update_step(gradient, variable, learning_rate)

    def _axes_within_a_unit(self, variable):
        rank = len(variable.shape)
        if rank < 2:
            return tuple(range(rank))
        for pattern, axes in [*self.units.items(), *UNITS.items()]:
            if re.search(pattern, variable.path):
                return tuple(axis for axis in range(rank) if axis not in axes and axis - rank not in axes)
        if rank > 2 and re.search(r"einsum_dense(_\d+)?/kernel$", variable.path):
            raise RequestError(
                f"the axes that tell the units of {variable.path!r} {list(variable.shape)} apart are not known: say "
                f"them, units={{{variable.path!r}: [-1]}}"
            )
        return tuple(range(rank - 1))

    def _clip(self, gradient, weight, axes):
        bound = self.clip_factor * ops.maximum(_norm(weight, axes), self.epsilon)
        size = _norm(gradient, axes)
        scale = ops.where(size > bound, bound / ops.where(size > bound, size, 1.0), 1.0)
        return gradient * ops.cast(scale, gradient.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        own = {"clip_factor": self.clip_factor, "epsilon": self.epsilon, "units": self.units}
        return super().get_config() | own | {"exclude": [p.pattern for p in self._exclude]}


def _norm(x, axes):
    squares = ops.square(ops.cast(x, keras.backend.result_type(x.dtype, "float32")))
    return ops.sqrt(ops.sum(squares, axis=axes, keepdims=True))
