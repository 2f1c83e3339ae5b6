"""Whether batch norm makes training depend less on initial weights and learning rate, and gains accuracy."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.arrays import Arrays, load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

KINDS = {"plain": False, "batch norm": True}
DEPTH, WIDTH, EPOCHS, TRAINING, TESTED = 10, 64, 16, 600, 1200
RATES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
SCALES = (0.25, 0.33, 0.5, 2, 3, 4)  # of the standard deviation of He et al.'s weights
NEAR_BEST = 0.02  # accuracy by which a rate may be worse than the best
DECADES = 0.4  # by which the rates near the best must reach over a wider span
LOST = 0.2  # accuracy that batch norm may lose at the worst of the scales
FAILS = 0.5  # accuracy up to which a network has not learned
GAIN = 0.01  # of accuracy, each at its best rate
CORRELATION = 1e-4  # by which batch norm may change a coefficient: by rounding


class BatchNorm(Lab):
    """Ten ReLU layers with and without batch norm, over learning rates and over the scale of the initial weights.

    Both begin with He et al.'s weights and get cosine decay from each rate; then, at the rate that is best for it, each
    gets weights that are too small and too large. Thresholds are about half of what small runs gave: on 600 digits the
    span of good rates was 0.6 to 0.9 decades wider with batch norm (on all of MNIST, with six layers, one decade), and
    the gain 3 points. The full run gave 0.53 decades, less than on MNIST, and 4 points. The control is the smallest
    rate, at which a plain network trains well: what batch norm brings is that the rate may be larger (Bjorck et al.
    2018, arXiv:1806.02375), so that there it must gain nothing.
    """

    claim = "Batch norm reduces the dependence on initialization and learning rate, and gains a few % of accuracy."
    erratum = (
        "Batch norm does not reduce 2nd-order correlations: it scales each unit by itself, which leaves their "
        "coefficients as they are. Whitening removes them."
    )
    paper = "Ioffe & Szegedy 2015, arXiv:1502.03167"
    dataset = "digits"
    seeds = {"quick": 5, "full": 8}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains each network at each rate and from each scale with each seed; normalizes and whitens units."""
        rates, scales = (RATES[1::2], SCALES[::5]) if bench.is_quick else (RATES, SCALES)
        found: dict[str, Any] = {"rates": rates, "scales": scales}
        for kind in KINDS:
            found[kind] = bench.piece(kind, accuracies, bench.dataset, kind, rates, scales, list(bench.seeds))
        return found | {"correlations": bench.piece("correlations", correlations, bench.dataset)}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Batch norm must have the wider span of rates, the smaller loss at a bad scale, and the better best."""
        rates = found["rates"]
        accuracy = {kind: np.array(found[kind]["rates"]) for kind in KINDS}
        spans = {kind: decades(rates, accuracy[kind]) for kind in KINDS}
        bests = {kind: best_of(accuracy[kind]) for kind in KINDS}
        of_scales = {kind: np.mean(found[kind]["scales"], axis=1) for kind in KINDS}
        lost = {kind: float(bests[kind].mean() - of_scales[kind].min()) for kind in KINDS}
        failed = float(np.mean(of_scales["plain"] <= FAILS))
        gain_at_smallest = float(np.mean(accuracy["batch norm"][0] - accuracy["plain"][0]))
        change = {way: largest_change(found["correlations"], way) for way in ("batch norm", "whitening")}
        quantities = {
            "decades of rates near the best, batch norm less plain": at_least(
                list(spans["batch norm"] - spans["plain"]), DECADES, above=0.0
            ),
            "accuracy lost at the worst scale of weights": at_most(lost["batch norm"], LOST, control=lost["plain"]),
            "share of the scales at which a plain network fails": at_least(failed, 0.5),
            "accuracy at the best rate, batch norm less plain": at_least(
                list(bests["batch norm"] - bests["plain"]), GAIN, above=0.0, control=gain_at_smallest
            ),
            "largest change of a correlation between units": at_most(
                change["batch norm"], CORRELATION, control=change["whitening"]
            ),
        }
        factor = {kind: f"{10 ** span.mean():.2g}" for kind, span in spans.items()}
        sentence = (
            f"Rates within {100 * NEAR_BEST:.0f} points of the best reach over a factor of {factor['batch norm']} with "
            f"batch norm and {factor['plain']} without; at the best it has {bests['batch norm'].mean():.3f} against "
            f"{bests['plain'].mean():.3f}, and loses {lost['batch norm']:.3f} at the worst scale of the weights, where "
            f"without it {failed:.0%} of the scales fail. It changes correlations by {change['batch norm']:.0e}."
        )
        control = (
            f"At rate {rates[0]} batch norm is {100 * gain_at_smallest:+.1f} points ahead; whitening changes a "
            f"correlation by up to {change['whitening']:.2f}."
        )
        return decide(sentence, quantities, control, gain_at_smallest <= 0 and change["whitening"] > 0.1)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the accuracy over the rates and over the scales."""
        picture = figure.new(7.0, 3.2)
        left, right = picture.subplots(1, 2, sharey=True)
        for kind, style in (
            ("batch norm", dict(fmt="-o", color=figure.BLUE)),
            ("plain", dict(fmt="--s", color=figure.ORANGE)),
        ):
            over_rates, over_scales = (np.array(found[kind][over]) for over in ("rates", "scales"))
            of_scales = dict(zip(found["scales"], over_scales)) | {1: best_of(over_rates)}
            left.errorbar(found["rates"], over_rates.mean(1), over_rates.std(1), **style)
            values = np.array([of_scales[scale] for scale in sorted(of_scales)])
            right.errorbar(sorted(of_scales), values.mean(1), values.std(1), **style, label=kind)
        left.set(xscale="log", xlabel="learning rate", ylabel="test accuracy, 0 where it diverges", ylim=(-0.02, 1))
        figure.plain_ticks(left.xaxis)
        right.set(xscale="log", xlabel="standard deviation of the first weights, over He et al.'s")
        right.set_xticks(sorted(of_scales), [f"{scale:g}" for scale in sorted(of_scales)])
        right.minorticks_off()
        right.legend(frameon=False, loc="center right")
        picture.tight_layout()
        return picture


class Networks:
    """Makes networks of a kind, whose hidden kernels are He et al.'s times `scale`, which may be set at any time."""

    def __init__(self, kind: str, data: Arrays):
        self._arguments = dict(input_shape=data.train[0].shape[1:], num_outputs=data.num_classes)
        self._asked = {"name": "mlp", "hidden": [WIDTH] * DEPTH, "batch_norm": KINDS[kind]}
        self.scale = 1.0

    def __call__(self) -> keras.Model:
        """Draws one from Keras's global seed."""
        model = tt.models.get(self._asked, **self._arguments)
        *hidden, _ = (layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
        for layer in hidden:
            layer.kernel.assign(layer.kernel * self.scale)
        return model


def accuracies(dataset: str, kind: str, rates: list[float], scales: list[float], seeds: list[int]) -> dict[str, Any]:
    """Returns test accuracies [rates, seeds], and [scales, seeds] at the best rate; 0 where training diverges."""
    data = load(dataset).standardized().flat().few(TRAINING, TESTED)
    networks = Networks(kind, data)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(networks, optimizer="sgd", batch_size=32, loss=loss, metrics=["accuracy"])

    def accuracy(scale, rate, seed):
        networks.scale = scale
        history = runs.train(data.train, EPOCHS, seed, learning_rate=tt.schedules.cosine_decay(rate, EPOCHS), order=0)
        return 0.0 if history is None else runs.evaluate(data.test)["accuracy"]

    over_rates = np.array([[accuracy(1.0, rate, seed) for seed in seeds] for rate in rates])
    best = rates[int(over_rates.mean(axis=1).argmax())]
    return {"rates": over_rates, "scales": [[accuracy(scale, best, seed) for seed in seeds] for scale in scales]}


def correlations(dataset: str) -> dict[str, Any]:
    """Returns the correlations [16, 16] between units as they are, after batch norm and after whitening."""
    inputs = load(dataset).standardized().flat().first(TRAINING).train[0]
    units = inputs @ np.random.default_rng(0).normal(size=(inputs.shape[1], 16)).astype("float32")
    whiten = tt.layers.Whitening("zca")
    whiten.adapt(units)
    ways = {
        "units": units,
        "batch norm": tt.layers.BatchNormalization()(units, training=True),
        "whitening": whiten(units),
    }
    return {way: np.corrcoef(np.asarray(values, "float64"), rowvar=False) for way, values in ways.items()}


def decades(rates: list[float], accuracy: np.ndarray) -> np.ndarray:
    """Returns, for each seed, log₁₀ of the highest over the lowest rate that is near the best; NaN where one is NaN.

    Args:
        rates: ascending.
        accuracy: [rates, seeds].
    """
    near = accuracy >= accuracy.max(axis=0) - NEAR_BEST
    return np.array([np.ptp(np.log10(rates)[of_seed]) if of_seed.any() else np.nan for of_seed in near.T])


def best_of(accuracy: np.ndarray) -> np.ndarray:
    """Returns the accuracies [seeds] at the rate that is best on average, of [rates, seeds]."""
    return accuracy[accuracy.mean(axis=1).argmax()]


def largest_change(found: dict[str, Any], way: str) -> float:
    """Returns by how much a way to normalize changes the correlation of two units at most."""
    return float(np.abs(np.subtract(found[way], found["units"])).max())
