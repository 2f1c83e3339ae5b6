"""Where a model of tables begins: raw columns, standardized, looked up and put together inside the model."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.models.stem import standardized_input


def table_input(
    input_shape: Mapping[str, Sequence[int]],
    input_dtype: Mapping[str, str],
    mean: Mapping[str, Sequence[float]] | None = None,
    variance: Mapping[str, Sequence[float]] | None = None,
    vocabulary: Mapping[str, Sequence[str]] | None = None,
    embedding_size: int | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Returns a model's inputs, one for each column, and the vector of all of them.

    Args:
        input_shape: dict of column to the shape of one example, `(1,)` for texts.
        input_dtype: dict of column to its dtype; `"string"` for categories.
        mean: dict of column to its mean, for the columns of numbers.
        variance: dict of column to its variance.
        vocabulary: dict of column to the texts that are known; others are all looked up as one that is unknown.
        embedding_size: numbers that a category is embedded in; None for one-hot.

    Returns:
        dict of column to its `keras.Input`, and float32 [batch, features].

    Raises:
        RequestError: a column of texts has no vocabulary.

    Example:
        >>> shape, dtype = {"size": (1,), "kind": (1,)}, {"size": "float32", "kind": "string"}
        >>> _, x = table_input(shape, dtype, {"size": [2.0]}, {"size": [1.0]}, {"kind": ["a", "b"]})
        >>> x.shape  # the size; a, b and what is unknown
        (None, 4)
    """
    if embedding_size is not None:
        check_number("embedding_size", embedding_size, minimum=1, integer=True)
    inputs, features = {}, []
    for name, shape in input_shape.items():
        if input_dtype[name] == "string":
            known = (vocabulary or {}).get(name)
            if not known:
                raise RequestError(f"the input {name!r} is of texts, and there is no vocabulary for it")
            inputs[name] = keras.Input(shape, dtype="string", name=name)
            features.append(_looked_up(inputs[name], list(known), embedding_size, name))
        else:
            moments = (mean or {}).get(name), (variance or {}).get(name)
            inputs[name], x = standardized_input(shape, input_dtype[name], *moments, name=name)
            features.append(keras.layers.Flatten()(x))
    return inputs, features[0] if len(features) == 1 else keras.layers.Concatenate()(features)


def _looked_up(texts, vocabulary, embedding_size, name):
    width = int(np.prod(texts.shape[1:]))
    if embedding_size is None and width == 1:
        return keras.layers.StringLookup(vocabulary=vocabulary, output_mode="one_hot")(texts)
    numbers = keras.layers.StringLookup(vocabulary=vocabulary)(texts)
    if embedding_size is None:
        return keras.layers.Flatten()(keras.layers.CategoryEncoding(len(vocabulary) + 1, "one_hot")(numbers))
    embedded = keras.layers.Embedding(len(vocabulary) + 1, embedding_size, name=f"{name}_embedding")(numbers)
    return keras.layers.Flatten()(embedded)
