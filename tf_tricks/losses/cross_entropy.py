"""Cross-entropy of whole-number labels, with label smoothing, which Keras has for one-hot labels only."""

import keras
from keras import ops

from tf_tricks.errors import check_number


@keras.saving.register_keras_serializable("tf_tricks")
class SparseCategoricalCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits and whole-number labels, with label smoothing.

    With K classes the target is 1 − ε + ε/K for the right class and ε/K for the others, so that the logits need not
    grow for ever (Szegedy et al. 2016, arXiv:1512.00567, section 7). For logits z and the right class y:

        loss = log Σₖ exp zₖ − (1 − ε) z_y − ε/K Σₖ zₖ

    (Keras's own smooths one-hot labels only. In a config this class is taken where `label_smoothing` is above 0.)

    Use it when a classifier is too sure of itself, or labels are noisy: ε = 0.1 is usual.

    Leave it when the model is to be a teacher for distillation (Müller et al. 2019, arXiv:1906.02629), or its
    probabilities are to be calibrated otherwise.

    Config:
        config.loss = dict(name="sparse_categorical_crossentropy", from_logits=True, label_smoothing=0.1)

    Args:
        from_logits: must be True: the loss of logits is exact, that of probabilities is not.
        label_smoothing: ε in [0, 1]; 0 is the plain cross-entropy.
        name: the loss's name.
        **keywords: arguments of `keras.losses.Loss`.

    Example:
        >>> import numpy as np
        >>> loss = SparseCategoricalCrossentropy(label_smoothing=0.1)
        >>> round(float(loss(np.array([1]), np.array([[0.0, 2.0]]))), 4)
        0.2269
    """

    def __init__(self, from_logits=True, label_smoothing=0.0, name="sparse_categorical_crossentropy", **keywords):
        super().__init__(name=name, **keywords)
        if from_logits is not True:
            raise ValueError("label smoothing takes logits: from_logits must be True")
        self.label_smoothing = check_number("label_smoothing", label_smoothing, minimum=0, maximum=1)

    def call(self, y_true, y_pred):
        """Returns the loss of each example.

        Args:
            y_true: whole numbers [...].
            y_pred: logits [..., K].
        """
        classes = ops.cast(ops.reshape(y_true, ops.shape(y_pred)[:-1]), "int32")
        right = ops.one_hot(classes, y_pred.shape[-1], dtype=y_pred.dtype)
        targets = right * (1 - self.label_smoothing) + self.label_smoothing / y_pred.shape[-1]
        return ops.logsumexp(y_pred, axis=-1) - ops.sum(targets * y_pred, axis=-1)

    def get_config(self):
        """Returns the arguments."""
        return super().get_config() | {"from_logits": True, "label_smoothing": self.label_smoothing}
