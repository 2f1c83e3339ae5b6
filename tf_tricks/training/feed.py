"""What the compiled loops read: the examples, or what the frozen part of the model makes of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tf_tricks.data import Source, Stream
from tf_tricks.engines import engine
from tf_tricks.errors import RequestError, unknown
from tf_tricks.training.features import FeatureStore, features_of, why_not_kept
from tf_tricks.training.graph_parts import GraphParts, graph_parts
from tf_tricks.training.prepared import prepared_loop
from tf_tricks.training.retracing import expect_retracing

KINDS = ("memory", "disk")


class Feed(NamedTuple):
    """What the compiled loops read.

    Attributes:
        stream: of the training examples.
        loop: the compiled loop of training that reads it.
        evaluate: function without arguments that returns the validation's results, or None for no validation.
    """

    stream: Stream
    loop: Any
    evaluate: Callable[[], dict[str, Any]] | None


def check_frozen_features(kind: Any) -> str | None:
    """Returns how frozen features are kept, which is one of `KINDS` or None; raises a `RequestError` otherwise."""
    if kind is None or kind in KINDS:
        return kind
    if isinstance(kind, str):
        raise unknown("frozen_features", kind, KINDS)
    raise RequestError(f"frozen_features must be 'memory', 'disk' or None, not {kind!r}")


class Feeds:
    """Makes the feed of each stage of a run: anew where other weights are trained.

    Args:
        trainer: `Trainer`.
        stream: `tt.data.Stream`.
        validation: a source, or None.
        class_weights: float32 [K], what an example of each class counts, or None.
        kind: of the frozen features, one of `KINDS`, or None to do as Keras does.
        workdir: the run's folder, or None.
    """

    def __init__(
        self,
        trainer: Any,
        stream: Stream,
        validation: Source | None,
        class_weights: np.ndarray | None,
        kind: str | None,
        workdir: Any = None,
    ):
        self._trainer, self._stream, self._validation = trainer, stream, validation
        self._class_weights, self._kind = class_weights, kind
        self._store = FeatureStore(kind or "memory", workdir)

    def now(self, tell: Callable[[str], None]) -> Feed:
        """Returns the feed for the weights that are trainable now; computes what is kept.

        Args:
            tell: function of a line to print.
        """
        self._store.clear()
        if self._kind is not None:
            expect_retracing()
        parts = None if self._kind is None else graph_parts(self._trainer.model)
        if isinstance(parts, str):
            tell(f"the frozen part of the model is computed in each step: {parts}")
        if not isinstance(parts, GraphParts):
            return self._as_it_is(None)
        reason = self._why_not(parts)
        if reason:
            tell(f"the frozen part of the model is computed in each step: {reason}")
            return self._as_it_is(lambda inputs, training: parts.outputs(parts.features(inputs, training), training))
        return self._kept(parts, tell)

    def close(self) -> None:
        """Takes away what was kept."""
        self._store.clear()

    def _why_not(self, parts):
        if self._stream.augment is not None:
            return "the examples are augmented"
        if parts.augmentation is not None:
            return f"the model's layer {parts.augmentation!r} changes them at random"
        sources = [self._stream.source, *([] if self._validation is None else [self._validation])]
        reasons = (why_not_kept(source, parts, self._trainer.strategy) for source in sources)
        return next(filter(None, reasons), None)

    def _as_it_is(self, forward):
        evaluate = None if self._validation is None else lambda: self._trainer.evaluate(self._validation)
        return Feed(self._stream, self._loop(self._stream, forward), evaluate)

    def _loop(self, stream, forward):
        return prepared_loop(self._trainer, stream, self._class_weights, forward)

    def _kept(self, parts, tell):
        trainer, size = self._trainer, self._trainer.evaluation_size()

        def kept(source):
            return features_of(source, parts, trainer.strategy, size, self._store)

        tell("the frozen part of the model is computed once for each example, and its outputs are kept")
        stream = Stream(kept(self._stream.source), seed=self._stream.seed)
        evaluate = None
        if self._validation is not None:
            validation = kept(self._validation)
            evaluation = engine().Evaluation(trainer.strategy, trainer.model, trainer.shares, size, parts.outputs)
            evaluate = lambda: trainer.update.penalized(evaluation(validation))  # noqa: E731
        tell(f"they take {self._store.bytes / 2**20:,.1f} MB {self._store.place}")
        return Feed(stream, self._loop(stream, parts.outputs), evaluate)
