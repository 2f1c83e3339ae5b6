"""Cross-entropy of integer labels or of distributions, with label smoothing."""

from typing import Any

import keras
from keras import ops
from keras.src.backend import set_keras_mask

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@keras.saving.register_keras_serializable("tf_tricks")
class SparseCategoricalCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits and labels, which are integers or distributions, with label smoothing.

    With K classes the target is 1 − ε + ε/K for the right class and ε/K for the others, so that the logits need not
    grow for ever (Szegedy et al. 2016, arXiv:1512.00567, section 7). For logits z and the right class y:

        loss = log Σₖ exp zₖ − (1 − ε) z_y − ε/K Σₖ zₖ

    Labels [..., K], as mixup and cutmix make them, are distributions p: the target is (1 − ε) pₖ + ε/K. (Keras's own
    smooths one-hot labels only.)

    Args:
        from_logits: must be True: the loss of logits is exact, that of probabilities is not.
        label_smoothing: ε in [0, 1]; 0 is the plain cross-entropy.
        ignore_class: a label whose examples do not count, or None.
        name: the loss's name.
        **keywords: arguments of `keras.losses.Loss`.

    Example:
        >>> import numpy as np
        >>> loss = SparseCategoricalCrossentropy(label_smoothing=0.1)
        >>> round(float(loss(np.array([1]), np.array([[0.0, 2.0]]))), 4)
        0.2269
    """

    def __init__(
        self,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        name: str = "sparse_categorical_crossentropy",
        ignore_class: int | None = None,
        **keywords,
    ):
        super().__init__(name=name, **keywords)
        if from_logits is not True:
            raise RequestError("SparseCategoricalCrossentropy takes logits: from_logits must be True")
        self.label_smoothing = check_number("label_smoothing", label_smoothing, minimum=0, maximum=1)
        self.from_logits = True
        self.ignore_class = ignore_class

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the loss of each example.

        Args:
            y_true: integers [...] or [..., 1], or distributions [..., K].
            y_pred: logits [..., K].
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        soft = are_distributions(y_true, y_pred)
        if not soft and self.label_smoothing == 0:
            return keras.losses.sparse_categorical_crossentropy(
                y_true, y_pred, from_logits=True, ignore_class=self.ignore_class
            )
        number = y_pred.shape[-1]
        if soft:
            targets = ops.cast(y_true, y_pred.dtype)
        else:
            classes = ops.cast(ops.reshape(y_true, ops.shape(y_pred)[:-1]), "int32")
            targets = ops.one_hot(classes, number, dtype=y_pred.dtype)
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / number
        values = keras.losses.categorical_crossentropy(targets, y_pred, from_logits=True)
        if soft or self.ignore_class is None:
            return values
        counts = ops.not_equal(classes, self.ignore_class)
        values = ops.where(counts, values, 0.0)
        set_keras_mask(values, counts)  # where Keras's own has it, too
        return values

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "from_logits": True,
            "label_smoothing": self.label_smoothing,
            "ignore_class": self.ignore_class,
        }

    def keras_own(self) -> keras.losses.Loss | None:
        """Returns Keras's own loss that is the same for integers, or None if there is none."""
        if self.label_smoothing:
            return None
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=self.ignore_class, reduction=self.reduction, name=self.name
        )


def are_distributions(y_true: Tensor, y_pred: Tensor) -> bool:
    """Returns whether labels are distributions over the K classes, not integers: both shapes are [..., K], K > 1.

    Args:
        y_true: labels.
        y_pred: what a model says of them, [..., K].

    Example:
        >>> import numpy as np
        >>> [are_distributions(np.zeros(shape), np.zeros((2, 5))) for shape in [(2,), (2, 1), (2, 5)]]
        [False, False, True]
    """
    true, predicted = y_true.shape, y_pred.shape
    return len(true) == len(predicted) and true[-1] == predicted[-1] and true[-1] not in (None, 1)


@register("losses", "sparse_categorical_crossentropy", example={"from_logits": True, "label_smoothing": 0.1})
def sparse_categorical_crossentropy(
    from_logits: bool = False, label_smoothing: float = 0.0, ignore_class: int | None = None
) -> keras.losses.Loss:
    """Cross-entropy of logits and labels, which are integers or distributions, with label smoothing.

    With K classes the target is 1 − ε + ε/K for the right class and ε/K for the others, so that the logits need not
    grow for ever (Szegedy et al. 2016, arXiv:1512.00567, section 7). For logits z and the right class y:

        loss = log Σₖ exp zₖ − (1 − ε) z_y − ε/K Σₖ zₖ

    Of logits it is `SparseCategoricalCrossentropy`, which takes distributions, too, as mixup and cutmix make them; of
    probabilities, or with a class that is ignored and no smoothing, Keras's own.

    Use it when a classifier is too sure of itself, or labels are noisy: ε = 0.1 is usual.

    Avoid it when the model is to be a teacher for distillation (Müller et al. 2019, arXiv:1906.02629), or its
    probabilities are to be calibrated otherwise.

    Config:
        config.loss = dict(name="sparse_categorical_crossentropy", from_logits=True, label_smoothing=0.1)

    Args:
        from_logits: whether the model gives logits, of which the loss is exact; `label_smoothing` needs them.
        label_smoothing: ε in [0, 1]; 0 is the plain cross-entropy.
        ignore_class: a label whose examples do not count, or None.

    Raises:
        RequestError: ε is out of its range, or smooths the labels of a model that gives probabilities.

    Example:
        >>> import numpy as np
        >>> loss = sparse_categorical_crossentropy(from_logits=True, label_smoothing=0.1)
        >>> round(float(loss(np.array([1]), np.array([[0.0, 2.0]]))), 4)
        0.2269
    """
    if label_smoothing or (from_logits is True and ignore_class is None):
        return SparseCategoricalCrossentropy(from_logits, label_smoothing, ignore_class=ignore_class)
    return keras.losses.SparseCategoricalCrossentropy(from_logits, ignore_class)
