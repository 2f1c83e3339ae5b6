"""The variables of a run as a list of arrays, which compiled functions take and give back."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from tf_tricks.annotations import Tensor
from tf_tricks.engines.jax.devices import DataParallel


class Variables:
    """Variables in a fixed order, each once.

    Args:
        variables: Keras variables.
    """

    def __init__(self, variables: Iterable[keras.Variable]):
        self.variables = list({id(v): v for v in variables}.values())
        self._places = {id(v): i for i, v in enumerate(self.variables)}

    def values(self, strategy: DataParallel) -> list[jax.Array]:
        """Returns their arrays, on all devices of `strategy`: each its own, so that a function may use them up."""
        seen: set[int] = set()
        values = []
        for variable in self.variables:
            array = variable.value
            values.append(jnp.copy(array) if id(array) in seen else array)
            seen.add(id(array))
        return strategy.replicate(values)

    def assign(self, values: Sequence[Tensor]) -> None:
        """Puts arrays in the place of those that they had."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def of(self, variables: Iterable[keras.Variable], values: Sequence[Tensor]) -> list[Tensor]:
        """Returns what some of the variables have among `values`."""
        return [values[self._places[id(v)]] for v in variables]

    def replaced(
        self, variables: Iterable[keras.Variable], new: Iterable[Tensor], values: Sequence[Tensor]
    ) -> list[Tensor]:
        """Returns `values` with new ones for some of the variables."""
        changed = list(values)
        for variable, value in zip(variables, new, strict=True):
            changed[self._places[id(variable)]] = value
        return changed

    def scope(
        self, values: Sequence[Tensor], others: Sequence[tuple[keras.Variable, Tensor]] = (), losses: bool = False
    ) -> keras.StatelessScope:
        """Returns the scope in which the variables have these values, and assigning to them changes nothing outside.

        Args:
            values: one for each variable.
            others: pairs (variable, value) that go before.
            losses: whether the scope collects what layers add to the loss.
        """
        mapping = {id(v): (v, value) for v, value in [*zip(self.variables, values, strict=True), *others]}
        return keras.StatelessScope(state_mapping=list(mapping.values()), collect_losses=losses)

    def after(self, scope: keras.StatelessScope) -> list[Tensor]:
        """Returns the values that the variables have at the end of `scope`."""
        return [scope.get_current_value(v) for v in self.variables]


def variables_of(model: keras.Model, *others: Iterable[Any]) -> Variables:
    """Returns the `Variables` of a model, its metrics and seed generators, and of further lists."""
    seeds = [generator.state for layer in model._flatten_layers() for generator in layer._seed_generators]
    return Variables([*model.weights, *model.metrics_variables, *seeds, *[v for group in others for v in group]])


def step_variables(model: keras.Model, optimizer: Any, loss_scale: Any) -> Variables:
    """Returns the `Variables` of a step: the model's, the optimizer's, and those of a `LossScale` or None."""
    return variables_of(model, optimizer.variables, [] if loss_scale is None else loss_scale.variables)
