"""A penalty on the distance to the weights that fine-tuning starts from."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.start import NOT_STARTED, StartsBeforeDecay, started
from tf_tricks.registry import register

_LOGITS = ("logits",)


@register(
    "optimizers",
    "l2_sp",
    example={"optimizer": {"name": "sgd", "momentum": 0.9}, "alpha": 0.3, "beta": 0.05},
    parts={"optimizer": "optimizers"},
)
@keras.saving.register_keras_serializable("tf_tricks")
class L2SP(StartsBeforeDecay):
    """L2-SP around any optimizer: weights are pulled to where fine-tuning started, not to 0.

    Weight decay takes for granted that small weights are the likely ones. Of a pre-trained model the likely ones are
    those that it has, θ₀, the starting point (Li, Grandvalet & Davoine 2018, arXiv:1802.01483, section 3). A new head
    has none, and its weights are pulled to 0:

        loss ← loss + α/2 |θ − θ₀|² + β/2 |θ_new|²

    of which the gradient, α(θ − θ₀) and β θ_new, is added to that of the loss. θ₀ is a weight's value before its own
    first step, so that weights may be loaded after the optimizer was built, and be frozen at first. It is kept with the
    optimizer's state, as large as the weights. The pull comes after clipping, and is not in the loss that is shown.

    Use it when a pre-trained model is fine-tuned on a few examples a class that are similar to what it knows.

    Avoid it when the model starts from random weights, or weights decay as well: the two pull in different directions.

    Config:
        config.optimizer = dict(name="l2_sp", optimizer=dict(name="momentum"), alpha=0.1, beta=0.01)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        alpha: α, at least 0, for what was there at the start; the paper chooses it by cross-validation.
        beta: β, at least 0, for what is new.
        new: regular expressions; a variable in whose path one is found is new. This package's models call the head
            "logits"; without a layer of that name, and with `[]`, none is new.
        name: the name.

    Raises:
        RequestError: an argument is out of its range, or a pattern, other than that for "logits", is found in no
            variable's path.

    Example:
        >>> import keras
        >>> body, head = keras.Variable([4.0], name="body"), keras.Variable([4.0], name="logits")
        >>> optimizer = L2SP(keras.optimizers.SGD(1.0), alpha=0.5, beta=0.25)
        >>> optimizer.build([body, head])
        >>> for _ in range(2):  # the gradient is 1, and from the second step on 0.5 · (3 − 4) of the body less
        ...     optimizer.apply([keras.ops.ones(1), keras.ops.zeros(1)], [body, head])
        >>> print(keras.ops.convert_to_numpy(body), keras.ops.convert_to_numpy(head))  # 4 → 3 → 2.25
        [2.5] [2.25]
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        alpha: float = 0.1,
        beta: float = 0.01,
        new: Sequence[str] = _LOGITS,
        name: str = "l2_sp",
    ):
        super().__init__(optimizer, name)
        self.alpha = check_number("alpha", alpha, minimum=0)
        self.beta = check_number("beta", beta, minimum=0)
        self._new = patterns.compiled("new", new)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Finds what is new, and makes a place for the start of all else."""
        if not self.built:
            super().build(variables)
            patterns.check_found([p for p in self._new if p.pattern not in _LOGITS], variables)
            old = [v for v in variables if not patterns.found(self._new, v)]
            starts = iter(self.add_optimizer_variables(old, "start", initializer=NOT_STARTED) if old else [])
            self._starts = [None if patterns.found(self._new, v) else next(starts) for v in variables]

    def start(self, variable: Any) -> None:
        """Keeps the variable's value, if it has made no step yet."""
        self._started(variable)

    def step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable, with the pull added to its gradient."""
        start, value = self._started(variable), ops.convert_to_tensor(variable)
        pull = self.beta * value if start is None else self.alpha * (value - start)
        self.inner.update_step(dense(gradient, variable.dtype) + pull, variable, learning_rate)

    def _started(self, variable):
        """The variable's start, which is kept from its first step on; None if it is new."""
        kept = self._starts[self._get_variable_index(variable)]
        if kept is None:
            return None
        start = started(kept, ops.convert_to_tensor(variable))
        self.assign(kept, start)
        return start

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        own = {"alpha": self.alpha, "beta": self.beta, "new": [p.pattern for p in self._new]}
        return super().get_config() | own
