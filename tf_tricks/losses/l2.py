"""The lecture's penalty on large weights."""

from collections.abc import Sequence

import keras

from tf_tricks import patterns
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import card


@card("losses", "l2")
def l2(model: keras.Model, factor: float = 1e-4, exclude: Sequence[str] = ("bias$", "gamma$", "beta$")) -> keras.Model:
    """L2: adds λ|θ|² to the loss of a model, for its kernels.

    The lecture's penalty. With plain gradient descent it shrinks the weights by 2ηλ in each step, so that papers which
    speak of a weight decay λ' with SGD mean λ = λ'/2; with Adam the two are different things (Loshchilov & Hutter 2019,
    arXiv:1711.05101):

        loss ← loss + λ Σ θ²

    Keras's regularizers are the same formula, layer by layer; this sets them for a whole model, by patterns over paths.
    The model's config does not know of it: call it again after `keras.models.load_model`.

    Use it when a model overfits and you train with SGD and momentum.

    Avoid it when the optimizer is adaptive: decay by `adam_w`. With `tt.Trainer` say `l2=` instead; not both.

    Config:
        config.l2 = 5e-4

    Args:
        model: a built `keras.Model`.
        factor: λ, at least 0.
        exclude: regular expressions; a variable in whose path one is found has no penalty.

    Returns:
        The same model.

    Raises:
        RequestError: the model has no weights yet, or an argument cannot be used.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
        >>> [float(penalty) for penalty in l2(model, 0.5).losses]  # 0.5 (1² + 1²)
        [1.0]
    """
    check_number("factor", factor, minimum=0)
    excluded = patterns.compiled("exclude", exclude)
    if not model.trainable_variables:
        raise RequestError(f"the model {model.name!r} has no weights yet: give it a keras.Input, or call model.build")
    for variable in model.trainable_variables:
        if not patterns.found(excluded, variable):
            variable.regularizer = keras.regularizers.L2(factor)
    return model
