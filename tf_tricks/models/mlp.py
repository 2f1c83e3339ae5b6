"""The multilayer perceptron."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tf_tricks import initializers, layers
from tf_tricks.activations import RELU_LIKE
from tf_tricks.annotations import Named
from tf_tricks.errors import unknown
from tf_tricks.models.blocks import check_common, fresh, logits
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.blocks import normalization as new_normalization
from tf_tricks.models.stem import check_sizes, standardized_input
from tf_tricks.models.table_stem import table_input
from tf_tricks.registry import register

# Activations that let about half of the signal's power through, for which He's initialization makes up.


@register("models", "mlp")
def mlp(
    input_shape: Sequence[int] | Mapping[str, Sequence[int]],
    num_outputs: int,
    hidden: Sequence[int] = (128, 128),
    activation: str = "relu",
    dropout: float | Named | keras.layers.Layer = 0.0,
    batch_norm: bool = False,
    kernel_initializer: Named | keras.initializers.Initializer | None = None,
    normalization: Named | keras.layers.Layer | None = None,
    dense: Named | keras.layers.Layer | None = None,
    embedding_size: int | None = None,
    *,
    input_dtype: Any = "float32",
    mean: Any = None,
    variance: Any = None,
    preprocessing: keras.layers.Layer | None = None,
    vocabulary: Mapping[str, Sequence[str]] | None = None,
) -> keras.Model:
    """Fully connected layers: for tables, and the simplest model for everything else.

    Each hidden layer is dense → (batch normalization) → activation → dropout: h ← dropout(f(BN(W h))). He's
    initialization (He et al. 2015, arXiv:1502.01852) keeps the variance of the signal through relu-like activations,
    Glorot's (Glorot & Bengio 2010) through the others. Dropout: Srivastava et al. 2014.

    Args:
        input_shape: shape of one example; anything but a vector is flattened. For a table, a dict of column to shape.
        num_outputs: number of classes, or of values to predict.
        hidden: width of each hidden layer; empty for a linear model.
        activation: name of a Keras activation.
        dropout: share of the hidden units that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
        batch_norm: whether to normalize before each activation.
        kernel_initializer: of the hidden layers, as `tf_tricks.initializers.get` takes it; None chooses by
            the activation.
        normalization: the layer that normalizes before each activation, as `tf_tricks.layers.get` takes it, or None.
        dense: the hidden layers, likewise, without units and initializer; None for Keras's.
        embedding_size: of a table's categories, numbers that each is embedded in; None for one-hot.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`; for a table, a dict of column to dtype.
        mean: of the raw inputs, one number for each channel (the last axis), or None; for a table, a dict.
        variance: of the raw inputs, one number for each channel, or None; for a table, a dict.
        preprocessing: a layer in place of the standardization, adapted to the raw inputs, or None.
        vocabulary: of a table, dict of column to the texts that it may hold, or None.

    Returns:
        a `keras.Model` from raw inputs to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: an argument cannot be used.

    Example:
        >>> mlp((28, 28, 1), num_outputs=10, hidden=(64,)).count_params()
        50890
    """
    check_common(num_outputs, dropout)
    hidden = check_sizes("hidden", hidden, example=(128, 128), empty=True)
    _check_activation(activation)
    if kernel_initializer is None:
        kernel_initializer = "he_normal" if activation in RELU_LIKE else "glorot_uniform"

    if isinstance(input_shape, Mapping):
        inputs, x = table_input(input_shape, input_dtype, mean, variance, vocabulary, embedding_size)
    else:
        inputs, x = standardized_input(input_shape, input_dtype, mean, variance, preprocessing)
        x = keras.layers.Flatten()(x)
    normalize = batch_norm or normalization is not None
    for width in hidden:
        initializer = initializers.get(fresh(kernel_initializer))
        arguments = dict(units=width, use_bias=not normalize, kernel_initializer=initializer)
        x = layers.get(fresh(dense or "dense"), **arguments)(x)
        if normalize:
            x = new_normalization(normalization)(x)
        x = keras.layers.Activation(activation)(x)
        x = new_dropout(dropout)(x)
    return keras.Model(inputs, logits(x, num_outputs), name="mlp")


def _check_activation(name):
    helpers = {"get", "serialize", "deserialize"}
    names = {n for n in dir(keras.activations) if not n.startswith("_")} - helpers
    if name not in names:
        raise unknown("activation", name, names)
