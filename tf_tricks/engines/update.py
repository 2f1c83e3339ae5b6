"""What happens between the gradient and the weights: the sum over replicas, L2, clipping, the optimizer."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number


class Update:
    """Applies gradients, so that R replicas end with the weights that one device would have.

    The order is: sum over replicas and micro-batches, gradient of L2, clipping, optimizer (with its decoupled weight
    decay and its moving average of the weights). Keras clips before the sum, which is another algorithm.

    Args:
        optimizer: a Keras optimizer; it is built here.
        variables: the trainable Keras variables.
        l2: λ of the penalty λ|θ|² in the loss; 0 for none.
        weight_decay: λ of the decoupled decay θ ← θ − ηλθ (Loshchilov & Hutter 2019, arXiv:1711.05101); None leaves the
            optimizer as it is, with its own decay and exclusions.
        exclude_from_weight_decay: regular expressions; a variable in whose path one is found has no L2 and no decay.
        clip_value: largest absolute value of a gradient's element, or None.
        clip_norm: largest norm of each tensor's gradient, or None.
        clip_global_norm: largest norm of the whole gradient, or None.
    """

    def __init__(
        self,
        optimizer: Any,
        variables: Iterable[Any],
        l2: float = 0.0,
        weight_decay: float | None = None,
        exclude_from_weight_decay: Sequence[str] = (),
        clip_value: float | None = None,
        clip_norm: float | None = None,
        clip_global_norm: float | None = None,
    ):
        check_number("l2", l2, minimum=0)
        if weight_decay is not None:
            check_number("weight_decay", weight_decay, minimum=0)
        for name, bound in [("value", clip_value), ("norm", clip_norm), ("global_norm", clip_global_norm)]:
            if bound is not None:
                check_number(f"clip_{name}", bound, above=0)
        self.optimizer = optimizer
        self.variables = list(variables)
        self.all_variables = tuple(
            self.variables
        )  # those that the optimizer knows; fewer are updated while some are frozen
        self.l2 = l2 or None
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.clip_global_norm = clip_global_norm
        exclude = patterns.compiled("exclude_from_weight_decay", exclude_from_weight_decay)
        excluded = [v for v in self.variables if patterns.found(exclude, v)]
        self._not_decayed = {id(v) for v in excluded}
        if not optimizer.built:
            if weight_decay is not None:
                optimizer.weight_decay = weight_decay
                optimizer.exclude_from_weight_decay(var_list=excluded)
            optimizer.build(self.variables)
        # Gradients arrive here summed over the replicas; Keras would sum them once more.
        optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables

    @property
    def decayed(self) -> list[bool]:
        """Whether each of `variables`, which are fewer while some are frozen, has L2 and decay."""
        return [id(v) not in self._not_decayed for v in self.variables]

    def penalty(self) -> Tensor:
        """Returns λ|θ|², a scalar."""
        decayed = [v for v, d in zip(self.variables, self.decayed) if d]
        if self.l2 is None or not decayed:
            return ops.zeros((), "float32")
        return self.l2 * sum(ops.sum(ops.square(v)) for v in decayed)

    def penalized(self, results: dict[str, Any]) -> dict[str, Any]:
        """Returns results of an evaluation, the penalty added to their `loss`."""
        return results | {"loss": results["loss"] + float(self.penalty())}

    def ascend(self, gradients: Sequence[Tensor]) -> None:
        """Moves the weights to where `SAM` takes the second gradient; for optimizers that need two only."""
        self.optimizer.ascend(self._with_l2(gradients), self.variables)

    def __call__(self, gradients: Sequence[Tensor], log_norms: Tensor | bool) -> Tensor:
        """Applies the summed `gradients` and returns the norms of gradient (before clipping) and weights, float32 [2].

        Args:
            gradients: one dense tensor for each variable.
            log_norms: bool scalar; where it is False the norms are not computed and are returned as 0. Python's True
                computes them without a branch.
        """
        gradients = self._with_l2(gradients)

        def both():
            return ops.cast(ops.stack([norm_of(gradients), norm_of(self.variables)]), "float32")

        norms = both() if log_norms is True else ops.cond(log_norms, both, lambda: ops.zeros([2], "float32"))
        self.optimizer.apply(self._clip(gradients), self.variables)
        return norms

    def _with_l2(self, gradients):
        if self.l2 is None:
            return gradients
        return [g + 2.0 * self.l2 * v if d else g for g, v, d in zip(gradients, self.variables, self.decayed)]

    def _clip(self, gradients):
        if self.clip_value is not None:
            gradients = [ops.clip(g, -self.clip_value, self.clip_value) for g in gradients]
        if self.clip_norm is not None:
            gradients = [_clipped(g, norm_of([g]), self.clip_norm) for g in gradients]
        if self.clip_global_norm is not None:
            norm = norm_of(gradients)
            gradients = [_clipped(g, norm, self.clip_global_norm) for g in gradients]
        return gradients


def norm_of(tensors: Iterable[Tensor]) -> Tensor:
    """Returns the norm of all tensors together, float32 or wider.

    Example:
        >>> float(norm_of([ops.convert_to_tensor([3.0]), ops.convert_to_tensor([[4.0]])]))
        5.0
    """
    return ops.sqrt(sum(ops.sum(ops.square(_wide(tensor))) for tensor in tensors))


def _clipped(gradient, norm, bound):
    """The gradient, shortened where the norm is above the bound; NaN where the norm is not finite."""
    bound = ops.cast(bound, norm.dtype)  # one of NumPy's float64 would make all of it float64
    factor = bound / ops.maximum(norm, bound) + 0 * norm
    return gradient * ops.cast(factor, gradient.dtype)


def _wide(tensor):
    tensor = ops.convert_to_tensor(tensor)
    return tensor if keras.backend.standardize_dtype(tensor.dtype) == "float64" else ops.cast(tensor, "float32")
