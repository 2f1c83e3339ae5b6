"""What the tricks that wrap another optimizer have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError
from tf_tricks.optimizers.traits import needs_two_gradients


class OptimizerWrapper(keras.optimizers.Optimizer):
    """An optimizer that changes what another one does: its gradients, its rates or its weights.

    The two are one to the outside: learning rate, step counter, weight decay, clipping and moving average are those
    that the inner one was made with. A subclass overrides `update_step` and calls `self.inner.update_step` in it.

    Args:
        optimizer: a new Keras optimizer, possibly a wrapper itself.
        name: the name.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, name: str):
        _check(optimizer, type(self).__name__)
        settings: Any
        settings = ("clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency")
        settings = {key: getattr(optimizer, key) for key in settings}
        super().__init__(0.0, name=name, loss_scale_factor=optimizer.loss_scale_factor, **settings)
        self.inner = optimizer
        self._untrack_variable(self._learning_rate)
        self._untrack_variable(self._iterations)
        # Both are the inner one's, and are listed among its variables.
        vars(self)["_learning_rate"] = optimizer._learning_rate  # type: ignore[index]
        vars(self)["_iterations"] = optimizer._iterations  # type: ignore[index]

    @property
    def core(self) -> keras.optimizers.Optimizer:
        """The innermost optimizer."""
        return getattr(self.inner, "core", self.inner)

    @property
    def momentum(self) -> float:
        """The innermost optimizer's momentum; 0 if it has none."""
        return getattr(self.core, "momentum", 0.0)

    @property
    def variables(self) -> list[keras.Variable]:
        """The inner optimizer's variables, then the wrapper's own."""
        return [*self.inner.variables, *super().variables]

    @property
    def weight_decay(self) -> float | None:
        """The inner optimizer's."""
        return self.inner.weight_decay

    @weight_decay.setter
    def weight_decay(self, value: float | None) -> None:
        if hasattr(self, "inner"):  # the base class sets it, before there is an inner one
            self.inner.weight_decay = value

    def exclude_from_weight_decay(
        self, var_list: Sequence[keras.Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Excludes variables from the inner optimizer's decay."""
        self.inner.exclude_from_weight_decay(var_list, var_names)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Builds the inner optimizer and the moving average, if any."""
        if not self.built:
            super().build(variables)
            self.inner.use_ema = False  # the average is the wrapper's, after its own step
            self.inner.build(variables)
            self.inner.use_ema = self.use_ema

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        self.inner.update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        self.inner._apply_weight_decay(variables)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # What the inner optimizer does once a step, beside its variables: Nadam's product.
        self.inner._backend_update_step([], [], learning_rate)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the inner optimizer's config and the name."""
        return {"optimizer": keras.saving.serialize_keras_object(self.inner), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes the wrapper and its inner optimizer."""
        config = dict(config)
        config["optimizer"] = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        return cls(**config)


def _check(optimizer, wrapper):
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise RequestError(f"{wrapper} wraps a Keras optimizer, such as keras.optimizers.Adam(), not {optimizer!r}")
    reason = None
    if isinstance(optimizer, (keras.optimizers.LossScaleOptimizer, getattr(keras.optimizers, "MultiOptimizer", ()))):
        reason = f"wrap the {wrapper} in it instead"
    elif optimizer.built:
        reason = "it is in use already: make a new one"
    elif optimizer.gradient_accumulation_steps:
        reason = "it accumulates gradients itself: leave gradient_accumulation_steps out"
    elif needs_two_gradients(optimizer):
        reason = f"SAM belongs outside: SAM({wrapper}(...))"
    if reason:
        raise RequestError(f"{wrapper} cannot wrap the optimizer {optimizer.name!r}: {reason}")
