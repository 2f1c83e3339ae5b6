"""The loss of one replica's batch and its gradient, as a pure function that XLA can compile."""

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_tricks.annotations import Augment, Forward, Structure, Tensor
from tf_tricks.data.stream import augmented
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
    """Loss and gradient of `model` on one replica's share of a batch.

    Randomness: every layer that draws from a `keras.random.SeedGenerator` (dropout, noise) gets a seed that depends on
    the position of the batch's first example in the stream. So masks are independent across replicas, micro-batches
    and steps, and a resumed run draws the very same ones. (Keras by itself gives every replica the same mask.)

    Args:
        model: a `keras.Model` that `compile_model` has compiled.
        shares: what `compile_model` has returned.
        augment: function (images, labels, seed, positions) -> (images, labels), or None.
        seed: the stream's seed.
        class_weights: float32 [K], what an example of each class counts in training, or None.
        jit_compile: whether XLA compiles forward and backward pass (worth it on GPUs; TPUs always do).
        forward: function (inputs, training) that gives the model's outputs in another way; None calls the model.
    """

    def __init__(
        self,
        model: keras.Model,
        shares: Shares,
        augment: Augment | None = None,
        seed: int = 0,
        class_weights: Tensor | None = None,
        jit_compile: bool = False,
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
        self._compiled = tf.function(self._pass, autograph=False, jit_compile=True) if jit_compile else self._pass

    def __call__(
        self,
        examples: Structure,
        position: Tensor,
        replicas: int = 1,
        micro_batches: int = 1,
        loss_scale: float | Tensor = 1.0,
        divisors: Tensor | None = None,
    ) -> Outcome:
        """Returns the `Outcome` for one replica's examples.

        Args:
            examples: (inputs, labels) or (inputs, labels, weights), raw, in structures of tensors [b, ...].
            position: int64 scalar, k of the first example.
            replicas: how many share a micro-batch.
            micro_batches: how many make an update.
            loss_scale: factor on the gradients, so that small ones survive float16.
            divisors: float32 [losses], the sums of `divisors` over all passes of the update, if they are needed.
        """
        scale = tf.cast(loss_scale, tf.float32)
        return Outcome(*self._compiled(examples, position, replicas, micro_batches, scale, divisors))

    def divisors(self, examples: Structure, position: Tensor) -> Tensor:
        """Returns what the masks and weights of these examples make each loss divide by, float32 [losses]."""
        examples = self._prepared(examples, position)
        scope = stateless(self.model, self.seed_states, position)
        with scope, self.shares.measured() as found:
            compute(self.model, *examples, training=True, forward=self.forward)  # type: ignore[misc]
        return tf.stack(found)

    def _prepared(self, examples, position):
        """The augmented examples as (inputs, labels, weights)."""
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        if self.augment is not None:
            positions = position + tf.range(tf.shape(inputs)[0], dtype=tf.int64)
            inputs, labels = augmented(self.augment, inputs, labels, self.seed, positions)
        if self.class_weights is not None:
            weights = weights_of_classes(self.class_weights, labels)
        return inputs, labels, weights

    def _pass(self, examples, position, replicas, micro_batches, loss_scale, divisors):
        inputs, labels, weights = self._prepared(examples, position)
        parts = replicas * micro_batches
        share = self.shares.part(parts, micro_batches, divisors) if parts > 1 else contextlib.nullcontext()
        scope = stateless(self.model, self.seed_states, position)
        with scope:
            with tf.GradientTape() as tape, share:
                loss, outputs = compute(self.model, inputs, labels, weights, True, self.forward)
                loss = tf.cast(loss, tf.float32) / micro_batches
                scaled_loss = loss * loss_scale
            self.model.compute_metrics(inputs, labels, outputs, sample_weight=weights)
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        gradients = [
            tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g)
            for v, g in zip(self.trainable_variables, gradients)
        ]
        self.changed_variables, states = changed(scope, self.model.non_trainable_weights)
        self.changed_metrics, metrics = changed(scope, self.model.metrics_variables)
        return loss, gradients, states, metrics, outputs


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


def stateless(model: keras.Model, states: Iterable[keras.Variable], position: Tensor) -> keras.StatelessScope:
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


_SPREAD = 0x9E3779B1  # odd: no two positions share a counter. A layer that is called n times takes n counters in a row


def seeds_at(states: Iterable[keras.Variable], position: Tensor) -> list[tuple[keras.Variable, Tensor]]:
    """Returns (state, value) for each of `states`: what it is to be for a pass that begins at `position`, int64."""
    words = tf.stack([position // 2**32, (position % 2**32) * _SPREAD % 2**32])
    return [(state, state.value + tf.cast(words, state.dtype)) for state in states]


def weights_of_classes(class_weights: Tensor, labels: Tensor) -> Tensor:
    """Returns what each example counts, float32 [b].

    Args:
        class_weights: float32 [K].
        labels: integers [b] or [b, 1]; or one-hot rows or distributions [b, K], whose classes' weights are averaged.
    """
    if len(labels.shape) == 2 and labels.shape[-1] != 1:
        return tf.linalg.matvec(tf.cast(labels, tf.float32), class_weights)
    return tf.gather(class_weights, tf.cast(tf.math.round(tf.reshape(labels, [-1])), tf.int32))
