"""Sharpness-aware minimization."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.wrapper import OptimizerWrapper
from tf_tricks.registry import register


@register(
    "optimizers",
    "sam",
    example={"optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": 0.03},
    parts={"optimizer": "optimizers"},
)
@keras.saving.register_keras_serializable("tf_tricks")
class SAM(OptimizerWrapper):
    """Sharpness-aware minimization around any optimizer: descends by the gradient at the worst point nearby.

    A sharp minimum generalizes badly. SAM (Foret et al. 2021, arXiv:2010.01412, eqs. 2 and 3) goes uphill by ρ, takes
    the gradient there, on the same batch, goes back, and lets the inner optimizer step by that gradient:

        e = ρ g(w)/|g(w)|,   w ← step(w, g(w + e))

    Two passes forward and backward for each update, so a step takes twice as long. `tt.Trainer` makes them, with the
    same augmentation and dropout masks in both, and on R replicas with the gradient of the whole batch. In plain
    `keras.Model.fit` make the model a `SharpnessAwareModel`.

    Use it when the model overfits and there is time for twice the work: small data, long training, vision transformers.

    Avoid it when the training loss is still the problem; two epochs of the plain optimizer then do more.

    Config:
        config.optimizer = dict(name="sam", optimizer=dict(name="momentum"), rho=0.05)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        rho: ρ, at least 0: how far to look around. The paper's are 0.05 (CIFAR-10, ImageNet) and 0.1 (CIFAR-100).
        name: the name.

    Raises:
        RequestError: an argument is out of its range, or a training loop makes one pass only.

    Example:
        >>> import keras
        >>> w, sam = keras.Variable([3.0, 4.0]), SAM(keras.optimizers.SGD(0.5), rho=1.0)
        >>> sam.build([w])
        >>> sam.ascend([keras.ops.copy(w)], [w])  # the gradient of |w|²/2 is w: one unit outwards, to [3.6, 4.8]
        >>> sam.apply([keras.ops.copy(w)], [w])  # w − 0.5 [3.6, 4.8]
        >>> print(keras.ops.convert_to_numpy(w).round(4))
        [1.2 1.6]
    """

    needs_two_gradients = True

    def __init__(self, optimizer: keras.optimizers.Optimizer, rho: float = 0.05, name: str = "sam"):
        super().__init__(optimizer, name)
        self.rho = check_number("rho", rho, minimum=0)
        self._ascending = self._ascended = False

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes room for the weights from which each step starts."""
        if not self.built:
            super().build(variables)
            self._origins = self.add_optimizer_variables(variables, "origin")

    def ascend(self, gradients: Sequence[Tensor | None], variables: Sequence[keras.Variable]) -> None:
        """Moves the weights by ρ along the gradient and remembers where they were; `apply` brings them back.

        Nothing else may change the weights in between: it would be undone.

        Args:
            gradients: one for each variable; None counts as 0.
            variables: what the optimizer was built with.
        """
        pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
        squares = [ops.sum(ops.square(dense(g, "float32"))) for g, _ in pairs]
        norm = ops.sqrt(sum(squares))
        scale = ops.where(norm > 0, self.rho / ops.where(norm > 0, norm, 1.0), 0.0)
        self._each(self._go_up, *zip(*pairs), scale)  # type: ignore[call-arg]
        self._ascended = True

    @contextlib.contextmanager
    def ascending(self) -> Iterator[None]:
        """Within this context `apply` is `ascend`."""
        self._ascending = True
        try:
            yield
        finally:
            self._ascending = False

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> None:
        """Goes back to where `ascend` started and steps by `grads`."""
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if not self.built:
            self.build(variables)
        if self._ascending:
            self.ascend(grads, variables)
            return
        if not self._ascended:
            raise RequestError(
                "SAM needs two gradients of every batch: train with tt.Trainer, or make the model a "
                "tt.optimizers.SharpnessAwareModel for keras.Model.fit"
            )
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        self._each(self._go_back, *zip(*pairs), 0.0)  # type: ignore[call-arg]
        self._ascended = False  # in `fit`, of the trace: each second pass has a first one before it
        super().apply(grads, trainable_variables)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        self._step = self.inner.update_step
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _each(self, step, gradients, variables, scale):
        """Calls `step` for each variable where Keras updates variables: it depends on backend and replicas."""
        self._step = step
        keras.optimizers.Optimizer._backend_update_step(self, gradients, variables, scale)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Does to one variable what is to be done to all."""
        self._step(gradient, variable, learning_rate)

    def _go_up(self, gradient, variable, scale):
        self.assign(self._origins[self._get_variable_index(variable)], variable)
        self.assign_add(variable, dense(gradient, variable.dtype) * ops.cast(scale, variable.dtype))

    def _go_back(self, gradient, variable, scale):
        self.assign(variable, self._origins[self._get_variable_index(variable)])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"rho": self.rho}


@keras.saving.register_keras_serializable("tf_tricks")
class SharpnessAwareModel(keras.Model):
    """A `keras.Model` whose `fit` makes the two passes that `SAM` needs.

    Made like a functional model. Metrics and batch norm's statistics see both passes.

    Example:
        >>> import keras, numpy as np
        >>> inputs = keras.Input((2,))
        >>> model = SharpnessAwareModel(inputs, keras.layers.Dense(1)(inputs))
        >>> model.compile(SAM(keras.optimizers.SGD(0.1)), "mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=20, verbose=0)
        >>> history.history["loss"][-1] < 0.01
        True
    """

    def train_step(self, *arguments) -> Any:
        """Ascends, then descends on the same batch."""
        if not isinstance(self.optimizer, SAM):
            hint = ""
            if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
                hint = ", in which Keras wraps it for mixed_float16: use mixed_bfloat16, or tt.Trainer"
            raise RequestError(
                f"a SharpnessAwareModel is compiled with a SAM optimizer, not {self.optimizer.name!r}{hint}"
            )
        with self.optimizer.ascending():
            first = super().train_step(*arguments)
        if keras.config.backend() == "jax":  # the first pass gives (logs, state), the second starts from that state
            return super().train_step(first[1], *arguments[1:])
        return super().train_step(*arguments)
