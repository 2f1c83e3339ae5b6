"""Keras's own Adam and its variants, with a card that says where they differ from their papers."""

import keras

from tf_tricks.registry import register


@register("optimizers", "adam")
def adam(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **keywords,
) -> "keras.optimizers.Adam":
    """Adam: momentum and RMSprop together, corrected for their start at 0.

    Kingma & Ba 2015, arXiv:1412.6980:

        m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²
        θ ← θ − η m̂/(√v̂ + ε),   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)

    Keras follows the paper's section 2, last paragraph: it puts the corrections into the rate and adds ε to √v instead
    of √v̂, so that its ε counts for more in the first steps, by 1/√(1 − β₂ᵗ); its ε is 10⁻⁷, the paper's 10⁻⁸.

    Use it when a first model has to train with little tuning.

    Avoid it when weights decay: with Adam L2 is not decay, take `adam_w`. Tuned `momentum` often ends better on images.

    Config:
        config.optimizer = dict(name="adam", beta_2=0.99)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in [0, 1).
        epsilon: ε.
        **keywords: arguments of `keras.optimizers.Adam`.

    Example:
        >>> adam(beta_2=0.99).beta_2
        0.99
    """
    return keras.optimizers.Adam(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **keywords)


@register("optimizers", "amsgrad")
def amsgrad(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **keywords,
) -> "keras.optimizers.Adam":
    """AMSGrad: Adam whose rates never rise, which repairs its proof of convergence.

    Reddi, Kale & Kumar 2018, arXiv:1904.09237, with v̂ the largest v so far:

        v̂ ← max(v̂, v)
        θ ← θ − η m/√v̂

    Keras keeps Adam's bias corrections, which the paper drops, and takes the maximum before they are applied.

    Use it when rare, large gradients carry the information and Adam forgets them.

    Avoid it when Adam works: in practice the two are rarely told apart.

    Config:
        config.optimizer = dict(name="amsgrad", beta_2=0.99)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in [0, 1).
        epsilon: ε.
        **keywords: arguments of `keras.optimizers.Adam`.

    Example:
        >>> amsgrad().amsgrad
        True
    """
    return keras.optimizers.Adam(
        learning_rate=learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        amsgrad=True,
        **keywords,
    )


@register("optimizers", "adam_w")
def adam_w(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    **keywords,
) -> "keras.optimizers.AdamW":
    """AdamW: Adam with weight decay that is not divided by the gradients' size.

    Loshchilov & Hutter 2019, arXiv:1711.05101. L2 in the loss would be scaled by 1/√v̂ like every gradient; here

        θ ← θ − ηλθ
        θ ← θ − η m̂/(√v̂ + ε)

    Keras's decay is 0.004 if none is given; the paper's schedule multiplier is η itself. For ε see `adam`.

    Use it when you train transformers, or want Adam to generalize better.

    Avoid it when the batch is in the thousands: `lamb`. For small convolutional networks `momentum` with `l2` is as
    good.

    Config:
        config.optimizer = dict(name="adam_w", weight_decay=0.05)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        weight_decay: λ, at least 0.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in [0, 1).
        epsilon: ε.
        **keywords: arguments of `keras.optimizers.AdamW`.

    Example:
        >>> adam_w(weight_decay=0.05).weight_decay
        0.05
    """
    return keras.optimizers.AdamW(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        **keywords,
    )
