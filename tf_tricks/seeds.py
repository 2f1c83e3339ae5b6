"""The seed generators of a model: what its layers draw from."""

import keras


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """Returns the state of every seed generator of the model's layers.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5, seed=3)])
        >>> [int(state[0]) for state in seed_states(model)]
        [3]
    """
    return [generator.state for layer in model._flatten_layers() for generator in layer._seed_generators]
