"""Which variables decay."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_tricks import patterns
from tf_tricks.optimizers.wrapper import OptimizerWrapper
from tf_tricks.registry import register


@register(
    "optimizers",
    "weight_decay_exclusions",
    example={"optimizer": {"name": "adam_w", "weight_decay": 0.1}},
    parts={"optimizer": "optimizers"},
)
@keras.saving.register_keras_serializable("tf_tricks")
class WeightDecayExclusions(OptimizerWrapper):
    """Weight decay only where it belongs, by patterns over variable paths.

    Decay is meant for kernels. On biases and on batch norm's γ and β it does harm at large batches, and large-batch
    recipes leave it out (Goyal et al. 2017, arXiv:1706.02677, section 5.1; He et al. 2019, arXiv:1812.01187). Keras's
    `exclude_from_weight_decay` looks at names, which are the same in every layer, and is forgotten when saved.

    Use it when you train with `keras.Model.fit` and an optimizer with `weight_decay`.

    Avoid it when you train with `tt.Trainer`: its own `exclude_from_weight_decay` does the same.

    Config:
        config.optimizer = dict(name="weight_decay_exclusions", optimizer=dict(name="adam_w", weight_decay=0.05))
        config.exclude_from_weight_decay = ["bias$", "gamma$", "beta$"]

    Args:
        optimizer: a new Keras optimizer with `weight_decay`.
        exclude: regular expressions; a variable in whose path one is found does not decay.
        name: the name.

    Example:
        >>> import keras
        >>> w, b = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="bias")
        >>> optimizer = WeightDecayExclusions(keras.optimizers.SGD(1.0, weight_decay=0.5))
        >>> optimizer.apply([keras.ops.zeros(1), keras.ops.zeros(1)], [w, b])
        >>> print(keras.ops.convert_to_numpy(w), keras.ops.convert_to_numpy(b))
        [0.5] [1.]
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        exclude: Sequence[str] = ("bias$", "gamma$", "beta$"),
        name: str = "weight_decay_exclusions",
    ):
        super().__init__(optimizer, name)
        self._exclude = patterns.compiled("exclude", exclude)
        self._chosen_elsewhere = False

    def exclude_from_weight_decay(
        self, var_list: Sequence[keras.Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Takes variables in place of the patterns."""
        self._chosen_elsewhere = True
        super().exclude_from_weight_decay(var_list, var_names)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Excludes the variables."""
        if not self.built and not self._chosen_elsewhere:
            excluded = [v for v in variables if patterns.found(self._exclude, v)]
            self.inner.exclude_from_weight_decay(var_list=excluded)
        super().build(variables)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"exclude": [p.pattern for p in self._exclude]}
