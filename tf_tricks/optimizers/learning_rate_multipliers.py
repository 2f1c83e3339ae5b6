"""A learning rate of its own for each group of variables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.annotations import Tensor
from tf_tricks.block_names import block_of_paths
from tf_tricks.errors import RequestError, check_number
from tf_tricks.optimizers.wrapper import OptimizerWrapper
from tf_tricks.registry import register


@register(
    "optimizers",
    "learning_rate_multipliers",
    example={"optimizer": {"name": "adam_w"}, "multipliers": {"logits": 2.0}},
    parts={"optimizer": "optimizers"},
)
@keras.saving.register_keras_serializable("tf_tricks")
class LearningRateMultipliers(OptimizerWrapper):
    """Learning-rate multipliers around any optimizer, by patterns over variable paths.

    The rate of a variable is η times the multiplier of the first pattern that is found in its path; 1 if none is.
    Decay, which Keras makes proportional to the rate, is multiplied likewise.

    Use it when a new head is trained on a pre-trained body, or biases want twice the rate (Krizhevsky et al. 2012).

    Avoid it when the rate should fall evenly with depth: `layer_wise_decay` writes that in one number.

    Config:
        config.optimizer = dict(
            name="learning_rate_multipliers", optimizer=dict(name="momentum"), multipliers={"logits": 10.0, "bias$":
            2.0}
        )

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        multipliers: dict of regular expression to multiplier, at least 0; the first that is found counts.
        name: the name.

    Raises:
        RequestError: a pattern or a multiplier cannot be used, or a pattern is found in no variable's path.

    Example:
        >>> import keras
        >>> w, b = keras.Variable([0.0], name="kernel"), keras.Variable([0.0], name="bias")
        >>> optimizer = LearningRateMultipliers(keras.optimizers.SGD(1.0), {"bias": 0.5})
        >>> optimizer.apply([keras.ops.ones(1), keras.ops.ones(1)], [w, b])
        >>> print(keras.ops.convert_to_numpy(w), keras.ops.convert_to_numpy(b))
        [-1.] [-0.5]
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        multipliers: Mapping[str, float],
        name: str = "learning_rate_multipliers",
    ):
        super().__init__(optimizer, name)
        if not hasattr(multipliers, "items"):
            raise RequestError(f"multipliers must be a dict such as {{'logits': 10.0}}, not {multipliers!r}")
        self.multipliers = {pattern: factor for pattern, factor in multipliers.items()}
        for pattern, factor in self.multipliers.items():
            check_number(f"the multiplier of {pattern!r}", factor, minimum=0)
            try:
                re.compile(pattern)
            except re.error as error:
                raise RequestError(f"{pattern!r} is not a regular expression: {error}") from error

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Finds the multiplier of each variable."""
        if not self.built:
            super().build(variables)
            self._factors = self.find_factors(variables)

    def find_factors(self, variables: Sequence[keras.Variable]) -> list[float]:
        """Returns the multiplier of each variable."""
        found = [next((p for p in self.multipliers if re.search(p, v.path)), None) for v in variables]
        patterns.check_found(map(re.compile, self.multipliers), variables)
        return [1.0 if pattern is None else float(self.multipliers[pattern]) for pattern in found]

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        factor = self._factors[self._get_variable_index(variable)]
        self.inner.update_step(gradient, variable, ops.multiply(learning_rate, factor))

    def _apply_weight_decay(self, variables):
        core, rate = self.core, self.core._learning_rate
        factors = [self._factors[self._get_variable_index(v)] for v in variables]
        for factor in sorted(set(factors)):
            group = [v for v, f in zip(variables, factors) if f == factor]
            try:
                # Read when it is used, which with several replicas is in another context than here.
                vars(core)["_learning_rate"] = lambda factor=factor: ops.multiply(self.learning_rate, factor)
                super()._apply_weight_decay(group)
            finally:
                vars(core)["_learning_rate"] = rate

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"multipliers": dict(self.multipliers)}


@register("optimizers", "layer_wise_decay", example={"optimizer": {"name": "adam"}}, parts={"optimizer": "optimizers"})
@keras.saving.register_keras_serializable("tf_tricks")
class LayerWiseDecay(LearningRateMultipliers):
    """Layer-wise decay of the learning rate around any optimizer: the deeper down, the slower.

    For fine-tuning: the last of L layers learns at η, each one below at a fraction of the one above,

        η_l = η · decay^(L − l)

    so that the general features of the first layers are kept (Howard & Ruder 2018, arXiv:1801.06146, section 3.2, with
    a decay of 1/2.6; Clark et al. 2020, arXiv:2003.10555). Layers count in the order of the model, by their weights'
    paths. What is called a block or layer with a number (`block_3_norm/gamma`, `encoder/layer_3/query/kernel`) is one
    layer with all that it holds, and so is what comes before the first of them (Bao et al. 2021, arXiv:2106.08254); so
    is an attention. Elsewhere a normalization belongs to the layer before it.

    Use it when a pre-trained model is fine-tuned on a few thousand examples.

    Avoid it when the model starts from random weights: its first layers have as much to learn as the others.

    Config:
        config.optimizer = dict(name="layer_wise_decay", optimizer=dict(name="adam_w"), decay=0.75)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        decay: factor from one layer to the one below, in (0, 1]; the papers' are 0.4 to 0.9.
        name: the name.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1), keras.layers.Dense(1)])
        >>> optimizer = LayerWiseDecay(keras.optimizers.SGD(1.0), decay=0.5)
        >>> optimizer.build(model.trainable_variables)
        >>> optimizer.find_factors(model.trainable_variables)
        [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, decay: float = 0.75, name: str = "layer_wise_decay"):
        super().__init__(optimizer, {}, name)
        self.decay = check_number("decay", decay, above=0, maximum=1)

    def find_factors(self, variables: Sequence[keras.Variable]) -> list[float]:
        """Returns the multiplier of each variable."""
        blocks = block_of_paths([v.path for v in variables])
        depth = {block: i for i, block in enumerate(dict.fromkeys(blocks))}
        return [float(self.decay ** (len(depth) - 1 - depth[block])) for block in blocks]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        del config["multipliers"]
        return config | {"decay": self.decay}
