"""Keras's own optimizers, with a card that says where they differ from their papers.

Each function returns Keras's object, so that a saved optimizer needs nothing of this package.
"""

import keras

from tf_tricks.registry import register


@register("optimizers", "sgd", example={"momentum": 0.9, "learning_rate": 0.03})
def sgd(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    **keywords,
) -> "keras.optimizers.SGD":
    """Gradient descent, with Keras's uncorrected momentum if wanted.

    Keras's SGD is the lecture's eq. (4) to the letter,

        v ← μv − ηg
        θ ← θ + v

    so that its velocity keeps the learning rates of the past: after η has dropped tenfold the next 1/(1 − μ) steps are
    still large, and after a rise too small (Goyal et al. 2017, arXiv:1706.02677, remark 2).

    Use it when you reproduce a result that was made with it, or with `momentum=0` as the plainest of all.

    Avoid it when the learning rate changes: `momentum` is the same with the correction.

    Config:
        config.optimizer = dict(name="sgd", momentum=0.9)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        momentum: μ in [0, 1].
        nesterov: whether to take the gradient ahead of the step.
        **keywords: arguments of `keras.optimizers.SGD`.

    Example:
        >>> sgd(momentum=0.9).momentum
        0.9
    """
    return keras.optimizers.SGD(learning_rate=learning_rate, momentum=float(momentum), nesterov=nesterov, **keywords)


@register("optimizers", "adagrad", example={"learning_rate": 0.05})
def adagrad(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
    **keywords,
) -> "keras.optimizers.Adagrad":
    """AdaGrad: each parameter's rate falls with the gradients that it has seen.

    Duchi, Hazan & Singer 2011 (JMLR 12):

        r ← r + g²
        θ ← θ − η g/√(r + ε)

    The rate only ever falls, so a direction that was steep at first stays slow. The lecture's form lacks ε: a parameter
    whose gradient is always 0 then gives 0/0 on step 1. Keras starts r at 0.1, where the paper starts at 0 (give
    `initial_accumulator_value=0.0` for that), and puts ε inside the root.

    Use it when features are sparse and the rare ones matter: linear models on text or clicks.

    Avoid it when training is long or deep: `rmsprop` and `adam` forget, AdaGrad does not.

    Config:
        config.optimizer = dict(name="adagrad", initial_accumulator_value=0.0)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        initial_accumulator_value: r at the start, at least 0.
        epsilon: ε, inside the root.
        **keywords: arguments of `keras.optimizers.Adagrad`.

    Example:
        >>> adagrad(initial_accumulator_value=0.0).initial_accumulator_value
        0.0
    """
    return keras.optimizers.Adagrad(
        learning_rate=learning_rate,
        initial_accumulator_value=initial_accumulator_value,
        epsilon=epsilon,
        **keywords,
    )


@register("optimizers", "rmsprop")
def rmsprop(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    **keywords,
) -> "keras.optimizers.RMSprop":
    """RMSprop: AdaGrad with a memory that fades.

    Hinton, lecture 6e of "Neural networks for machine learning" (2012):

        r ← ρr + (1 − ρ)g²
        θ ← θ − η g/√(r + ε)

    The lecture's form lacks ε (0/0 where a gradient is always 0). Keras puts it inside the root, where others add it to
    the root: with g near 10⁻⁴ the two differ visibly.

    Use it when gradients differ in size between parameters and change over time: recurrent networks, reinforcement
    learning.

    Avoid it when you would add momentum to it: `adam` does that, with its bias corrected.

    Config:
        config.optimizer = dict(name="rmsprop", rho=0.99)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        rho: ρ in [0, 1).
        momentum: μ in [0, 1].
        epsilon: ε, inside the root.
        centered: whether to subtract the squared mean gradient from r.
        **keywords: arguments of `keras.optimizers.RMSprop`.

    Example:
        >>> rmsprop(rho=0.99).rho
        0.99
    """
    return keras.optimizers.RMSprop(
        learning_rate=learning_rate,
        rho=rho,
        momentum=momentum,
        epsilon=epsilon,
        centered=centered,
        **keywords,
    )


@register("optimizers", "lion", example={"learning_rate": 0.002})
def lion(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    **keywords,
) -> "keras.optimizers.Lion":
    """Lion: steps by the sign of the momentum.

    Chen et al. 2023, arXiv:2302.06675, with one slot a parameter where Adam has two:

        θ ← θ − η sign(β₁m + (1 − β₁)g)
        m ← β₂m + (1 − β₂)g

    Every parameter moves by η in every step, so rates are 3 to 10 times smaller than Adam's, and decay that much
    larger.

    Use it when the batch is large and the optimizer's memory counts.

    Avoid it when the batch is small (below 64): the sign of a noisy gradient is noise.

    Config:
        config.optimizer = dict(name="lion", weight_decay=0.1)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in [0, 1).
        **keywords: arguments of `keras.optimizers.Lion`.

    Example:
        >>> lion().beta_2
        0.99
    """
    return keras.optimizers.Lion(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, **keywords)


@register("optimizers", "muon", needs_keras="3.13")
def muon(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001, **keywords
) -> "keras.optimizers.Muon":
    """Muon: momentum whose matrices are made orthogonal before the step.

    Jordan et al. 2024 (kellerjordan.github.io/posts/muon): the velocity of a kernel is replaced by the nearest
    orthogonal matrix, found by five Newton-Schulz iterations, so that all directions move alike:

        V ← μV + G
        W ← W − η orthogonalise(V)

    Keras steps by AdamW for variables that are not matrices, and for those named in `exclude_layers`.

    Use it when you train transformers from scratch and a step costs much more than its products of square matrices.

    Avoid it when the layers are small or convolutional: its extra work then weighs more than it gains.

    Config:
        config.optimizer = dict(name="muon", exclude_layers=["logits"])

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        **keywords: arguments of `keras.optimizers.Muon`.

    Example:
        >>> import keras
        >>> isinstance(muon(), keras.optimizers.Muon)
        True
    """
    return keras.optimizers.Muon(learning_rate=learning_rate, **keywords)
