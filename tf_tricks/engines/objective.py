"""What a step makes of its examples: the model's loss and outputs, as Keras's own `train_step` computes them."""

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
from keras import ops

from tf_tricks.annotations import Augment, Forward, Structure, Tensor
from tf_tricks.data.stream import augmented
from tf_tricks.engines.places import Place, places_from, seeds_at
from tf_tricks.engines.shares import Shares
from tf_tricks.seeds import seed_states


class Outcome(NamedTuple):
    """What one forward and backward pass gives.

    Attributes:
        loss: this pass's share of the loss of the whole update.
        gradients: one tensor for each trainable variable.
        states: the new values of `Objective.changed_variables`, such as batch norm's moving statistics.
        metrics: the new values of `Objective.changed_metrics`, the variables of Keras metrics.
        outputs: the model's outputs.
    """

    loss: Any
    gradients: list
    states: list
    metrics: list
    outputs: Any


class Objective:
    """The loss of `model` on examples of the stream; each engine takes its gradient.

    Randomness: every layer that draws from a `keras.random.SeedGenerator` (dropout, noise) gets a seed that depends on
    the position of the batch's first example in the stream. So masks are independent across replicas, micro-batches
    and steps, and a resumed run draws the very same ones. (Keras by itself gives every replica the same mask.)

    Args:
        model: a `keras.Model` that `compile_model` has compiled.
        shares: what `compile_model` has returned.
        augment: function (images, labels, seed, positions) -> (images, labels), or None.
        seed: the stream's seed.
        class_weights: float32 [K], what an example of each class counts in training, or None.
        forward: function (inputs, training) that gives the model's outputs in another way; None calls the model.
    """

    def __init__(
        self,
        model: keras.Model,
        shares: Shares,
        augment: Augment | None = None,
        seed: int = 0,
        class_weights: Tensor | None = None,
        forward: Forward | None = None,
    ):
        self.model = model
        self.shares = shares
        self.augment = augment
        self.seed = seed
        self.class_weights = class_weights
        self.forward = forward
        self.trainable_variables = list(model.trainable_variables)
        self.changed_variables: list = []  # the weights that a pass itself changes; known once it is traced
        self.changed_metrics: list = []  # the metrics' variables that it changes, likewise
        self.seed_states = seed_states(model)

    def prepared(self, examples: Structure, position: Place) -> tuple[Structure, Structure, Structure]:
        """Returns (inputs, labels, weights) as the model and its losses get them.

        Args:
            examples: (inputs,), (inputs, labels) or (inputs, labels, weights), raw, in structures of tensors [b, ...].
            position: of the first example.
        """
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        if self.augment is not None:
            positions = places_from(position, ops.shape(inputs)[0])
            inputs, labels = augmented(self.augment, inputs, labels, self.seed, positions)
        if self.class_weights is not None:
            weights = weights_of_classes(self.class_weights, labels)
        return inputs, labels, weights

    def loss(
        self, examples: Structure, parts: int = 1, micro_batches: int = 1, divisors: Tensor | None = None
    ) -> tuple[Tensor, Structure]:
        """Returns the share of these examples in the loss of the update, float32, and the outputs.

        Args:
            examples: as `prepared` gives them.
            parts: in how many parts the update is computed, micro-batches times replicas.
            micro_batches: how many make an update.
            divisors: float32 [losses], the sums of `divisors` over all parts, if they are needed.
        """
        share = self.shares.part(parts, micro_batches, divisors) if parts > 1 else contextlib.nullcontext()
        with share:
            loss, outputs = compute(self.model, *examples, training=True, forward=self.forward)  # type: ignore[misc]
            return ops.cast(loss, "float32") / micro_batches, outputs

    def divisors(self, examples: Structure, position: Place) -> Tensor:
        """Returns what the masks and weights of raw examples make each loss divide by, float32 [losses]."""
        examples = self.prepared(examples, position)
        scope = stateless(self.model, self.seed_states, position)
        with scope, self.shares.measured() as found:
            compute(self.model, *examples, training=True, forward=self.forward)  # type: ignore[misc]
        return ops.stack(found)


def compute(
    model: keras.Model,
    inputs: Structure,
    labels: Structure,
    weights: Structure,
    training: bool,
    forward: Forward | None = None,
) -> tuple[Tensor, Structure]:
    """Returns the loss and the outputs, as Keras's own `train_step` and `test_step` compute them.

    Under replicas the loss is this replica's part of the sum, as Keras has it.
    """
    if forward is not None:
        outputs = forward(inputs, training)
    else:
        outputs = model(inputs, **({"training": training} if model._call_has_training_arg else {}))
    loss = model._compute_loss(x=inputs, y=labels, y_pred=outputs, sample_weight=weights, training=training)
    return loss, outputs


def stateless(model: keras.Model, states: Iterable[keras.Variable], position: Place) -> keras.StatelessScope:
    """Returns the scope in which a pass changes nothing, draws by its position and finds the weights to penalize."""
    # In such a scope Keras finds only the values of those variables to penalize that are in the mapping.
    penalized = [(v, v.value) for v in model.trainable_variables if v.regularizer is not None]
    return keras.StatelessScope(state_mapping=seeds_at(states, position) + penalized, collect_losses=True)


def changed(
    scope: keras.StatelessScope, variables: Iterable[keras.Variable]
) -> tuple[list[keras.Variable], list[Tensor]]:
    """Returns the variables that have a new value in a `keras.StatelessScope`, and these values."""
    new = [(v, scope.get_current_value(v)) for v in variables]
    return [v for v, value in new if value is not None], [value for _, value in new if value is not None]


def weights_of_classes(class_weights: Tensor, labels: Tensor) -> Tensor:
    """Returns what each example counts, float32 [b].

    Args:
        class_weights: float32 [K].
        labels: integers [b] or [b, 1]; or one-hot rows or distributions [b, K], whose classes' weights are averaged.
    """
    if len(labels.shape) == 2 and labels.shape[-1] != 1:
        return ops.sum(ops.cast(labels, "float32") * class_weights, axis=-1)
    return ops.take(class_weights, ops.cast(ops.round(ops.reshape(labels, [-1])), "int32"))
