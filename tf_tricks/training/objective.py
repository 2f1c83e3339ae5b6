"""The loss of one replica's batch and its gradient, as a pure function that XLA can compile."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Outcome(NamedTuple):
    """What one forward and backward pass gives.

    Attributes:
        loss: this pass's share of the loss of the whole update.
        gradients: one tensor for each trainable variable.
        states: the new values of `Objective.changed_variables`, such as batch norm's moving statistics.
        labels: the labels, after augmentation.
        outputs: the model's outputs.
    """

    loss: Any
    gradients: list
    states: list
    labels: Any
    outputs: Any


class Objective:
    """Loss and gradient of `model` on one replica's share of a batch.

    Randomness: every layer that draws from a `keras.random.SeedGenerator` (dropout, noise) gets a seed that depends on
    the position of the batch's first example in the stream. So masks are independent across replicas, micro-batches
    and steps, and a resumed run draws the very same ones. (Keras by itself gives every replica the same mask.)

    Args:
        model: a built `keras.Model`.
        loss: a `keras.losses.Loss`.
        augment: function (images, labels, seed, positions) -> (images, labels), or None.
        seed: the stream's seed.
        jit_compile: whether XLA compiles forward and backward pass (worth it on GPUs; TPUs always do).
    """

    def __init__(self, model, loss, augment=None, seed=0, jit_compile=False):
        self.model = model
        self.loss = loss
        self.augment = augment
        self.seed = seed
        self.trainable_variables = list(model.trainable_variables)
        self.changed_variables = []  # the weights that a pass itself changes; known once it is traced
        self.seed_states = seed_states(model)
        self._compiled = tf.function(self._pass, autograph=False, jit_compile=True) if jit_compile else self._pass

    def __call__(self, inputs, labels, position, passes, loss_scale=1.0):
        """Returns the `Outcome` for one replica's examples.

        Args:
            inputs: tensor [b, ...], raw.
            labels: tensor [b, ...].
            position: int64 scalar, k of the first example.
            passes: how many such passes make an update: replicas times micro-batches.
            loss_scale: factor on the gradients, so that small ones survive float16.
        """
        share = tf.constant(1.0 / passes)
        return Outcome(*self._compiled(inputs, labels, position, share, tf.convert_to_tensor(loss_scale)))

    def _pass(self, inputs, labels, position, share, loss_scale):
        if self.augment is not None:
            positions = position + tf.range(tf.shape(inputs)[0], dtype=tf.int64)
            inputs, labels = self.augment(inputs, labels, seed=self.seed, positions=positions)
        with tf.GradientTape() as tape:
            # In such a scope Keras finds only the values of those variables to penalise that are in the mapping.
            penalised = [(v, v.value) for v in self.trainable_variables if v.regularizer is not None]
            scope = keras.StatelessScope(
                state_mapping=seeds_at(self.seed_states, position) + penalised, collect_losses=True
            )
            with scope:
                outputs = self.model(inputs, training=True)
                penalties = self.model.losses
            loss = tf.reduce_mean(per_example(self.loss, labels, outputs))
            if penalties:
                loss += tf.add_n([tf.cast(p, loss.dtype) for p in penalties])
            loss *= share
            scaled_loss = loss * loss_scale
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        gradients = [
            tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g)
            for v, g in zip(self.trainable_variables, gradients)
        ]
        new = [(v, scope.get_current_value(v)) for v in self.model.non_trainable_weights]
        self.changed_variables = [v for v, value in new if value is not None]
        return loss, gradients, [value for _, value in new if value is not None], labels, outputs


def seed_states(model):
    """Returns the state of every seed generator of the model's layers."""
    return [generator.state for layer in model._flatten_layers() for generator in layer._seed_generators]


def seeds_at(states, position):
    """Returns (state, value) for each of `states`: what it is to be for a pass that begins at `position`, int64."""
    words = tf.stack([position // 2**32, position % 2**32])
    return [(state, state.value + tf.cast(words, state.dtype)) for state in states]


def per_example(loss, labels, outputs):
    """Returns the loss of each example, float32 [b]: `loss` without its reduction, meaned over the inner axes."""
    losses = loss.call(labels, tf.cast(outputs, tf.float32))
    return tf.reduce_mean(tf.reshape(losses, [tf.shape(losses)[0], -1]), axis=1)
