"""Loss and metrics over a whole data set, every example counted exactly once."""

import math
from typing import Any

import jax
import keras
import numpy as np

from tf_tricks.annotations import Forward
from tf_tricks.data import Source
from tf_tricks.data.in_order import placed_in_order
from tf_tricks.engines.jax.device_errors import told
from tf_tricks.engines.jax.devices import DataParallel
from tf_tricks.engines.jax.input import narrowed
from tf_tricks.engines.jax.variables import Variables, variables_of
from tf_tricks.engines.objective import compute
from tf_tricks.engines.places import seeds_at, words
from tf_tricks.engines.results import results
from tf_tricks.engines.shares import Shares
from tf_tricks.seeds import seed_states


class Evaluation:
    """Evaluates a model batch by batch, as `keras.Model.evaluate` does.

    Each device has a part of every batch; of what remains at the end every device computes all.

    Layers that draw at inference too, such as Monte-Carlo dropout, draw as a function of the place in the data, so that
    an evaluation can be repeated.

    Args:
        strategy: `DataParallel`.
        model: a `keras.Model` that `compile_model` has compiled, its metrics built.
        shares: what `compile_model` has returned.
        batch_size: examples a step over all devices; rounded up to a multiple of the devices.
        forward: function (inputs, training) that gives the model's outputs in another way; None calls the model.
    """

    def __init__(
        self,
        strategy: DataParallel,
        model: keras.Model,
        shares: Shares,
        batch_size: int,
        forward: Forward | None = None,
    ):
        self.strategy = strategy
        self.model = model
        self.forward = forward
        self.batch_size = math.ceil(batch_size / strategy.num_replicas_in_sync) * strategy.num_replicas_in_sync
        changing = [*model.non_trainable_weights, *model.metrics_variables]
        changing_ids = {id(v) for v in changing}
        self._changing = Variables(changing)
        self._fixed = Variables(v for v in variables_of(model).variables if id(v) not in changing_ids)
        self._step = jax.jit(self._batch, donate_argnums=0, out_shardings=strategy.replicated)

    def __call__(self, source: Source) -> dict[str, Any]:
        """Returns a dict of `loss` and each metric over all of `source`; the state of the metrics stays as it was."""
        kept = [np.array(v) for v in self.model.metrics_variables]
        self.model.reset_metrics()
        try:
            with told("evaluation", self.batch_size, "evaluation_batch_size", source):
                total = self._losses(source)
            return results(self.model) | {"loss": total / source.num_examples}
        finally:
            for variable, value in zip(self.model.metrics_variables, kept):
                variable.assign(value)

    def _losses(self, source):
        """The sum of the batches' losses, each times its examples."""
        strategy = self.strategy
        values = strategy.replicate([np.array(v) for v in self._changing.variables])
        fixed, losses = self._fixed.values(strategy), []
        try:
            for start, examples in placed_in_order(source, self.batch_size, strategy.part):
                number = min(self.batch_size, source.num_examples - start)
                place = strategy.share_out if number == self.batch_size else strategy.replicate
                examples = place(jax.tree.map(narrowed, examples))
                values, loss = self._step(values, fixed, examples, words(start))
                losses.append((number, strategy.local(loss)))
            return sum(number * float(loss) for number, loss in losses)
        finally:
            self._changing.assign(strategy.local(values))

    def _batch(self, values, fixed, examples, place):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        with self._fixed.scope(fixed):
            seeds = seeds_at(seed_states(self.model), place)
        others = [*zip(self._fixed.variables, fixed), *seeds]
        with self._changing.scope(values, others, losses=True) as scope:
            loss, outputs = compute(self.model, inputs, labels, weights, False, self.forward)
            self.model.compute_metrics(inputs, labels, outputs, sample_weight=weights)
        return self._changing.after(scope), loss.astype("float32")
