"""Whether thirty ReLU layers train from He et al.'s weights where they stall from Xavier's."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.arrays import load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

SCHEMES = {"he": "he_normal", "xavier": "glorot_normal"}
DEPTHS = {"deep": 30, "shallow": 5}
NETWORKS = (("deep", "he"), ("deep", "xavier"), ("shallow", "xavier"))  # the last is the control
WIDTH = 64
RATES = (0.001, 0.003, 0.01)
ABOVE_CHANCE = 0.05  # accuracy up to which a network stalls
TRAINS = 0.25  # that He's must reach at its best rate
SHALLOW = 0.8  # that Xavier's must reach in the control


class DeepRelu(Lab):
    """Networks of 30 ReLU layers by momentum at three rates, from both schemes; in the control, 5 layers from Xavier's.

    Xavier's 2/(n_in + n_out) is half of what ReLU needs: 30 layers leave 2⁻¹⁵ of the signal's power, and as much of the
    gradient's. He et al.'s networks of 22 layers still converged from Xavier's weights, and those of 30 did not
    (their figures 2 and 3); five layers must train from them.
    """

    claim = "Deep ReLU networks train from He et al.'s weights and stall from Xavier's."
    paper = "He et al. 2015, arXiv:1502.01852"
    dataset = "digits"
    seeds = {"quick": 3, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains each network at each rate with each seed; the control at one rate."""
        epochs, deep = (8, RATES[:2]) if bench.is_quick else (20, RATES)
        found = {}
        for depth, scheme in NETWORKS:
            rates = list(deep if depth == "deep" else RATES[1:2])
            arguments = (bench.dataset, DEPTHS[depth], scheme, rates, list(bench.seeds), epochs)
            found[f"{depth} {scheme}"] = bench.piece(f"{depth}-{scheme}", accuracies, *arguments)
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Xavier's must stall for all seeds and rates, and He's train at the rate that is best on average."""
        chance = found["deep xavier"]["chance"]
        xavier = np.array(found["deep xavier"]["accuracy"])
        he = np.array(found["deep he"]["accuracy"])
        best = int(he.mean(axis=1).argmax())
        shallow = np.array(found["shallow xavier"]["accuracy"])[0]
        quantities = {
            "best accuracy of Xavier's, over chance": at_most(float(xavier.max() - chance), ABOVE_CHANCE),
            "accuracy of He's": at_least(list(he[best]), TRAINS, above=chance, control=float(shallow.mean())),
        }
        sentence = (
            f"Of {DEPTHS['deep']} ReLU layers, the best of {xavier.size} runs from Xavier's weights reaches "
            f"{xavier.max():.3f}, where the most frequent class is {chance:.3f}; from He et al.'s they reach "
            f"{he[best].mean():.3f} on average at rate {RATES[best]}."
        )
        control = f"Of {DEPTHS['shallow']} layers, networks from Xavier's weights reach {shallow.mean():.3f}."
        return decide(sentence, quantities, control, float(shallow.min()) >= SHALLOW)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the mean training loss over the epochs at the rate that is best on average."""
        picture = figure.new(6.5, 3.0)
        axes = picture.subplots()
        styles = (figure.BLUE, "-"), (figure.ORANGE, "--"), (figure.GRAY, ":")
        for (depth, scheme), (color, line) in zip(NETWORKS, styles):
            of_network = found[f"{depth} {scheme}"]
            best = int(np.array(of_network["accuracy"]).mean(axis=1).argmax())
            losses = np.array(of_network["losses"], dtype=float)[best].mean(axis=0)
            label = f"{'He et al.' if scheme == 'he' else 'Xavier'}, {DEPTHS[depth]} layers"
            axes.plot(np.arange(1, len(losses) + 1), losses, line, color=color, label=label)
        axes.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
        axes.legend(frameon=False)
        picture.tight_layout()
        return picture


def accuracies(
    dataset: str, depth: int, scheme: str, rates: list[float], seeds: list[int], epochs: int
) -> dict[str, Any]:
    """Returns test accuracies [rates, seeds], training losses [rates, seeds, epochs], and the accuracy of chance."""
    data = load(dataset).standardized().flat()

    def build():
        kernels = [tt.initializers.get(SCHEMES[scheme]) for _ in range(depth + 1)]
        hidden = [keras.layers.Dense(WIDTH, "relu", kernel_initializer=kernel) for kernel in kernels[1:]]
        logits = keras.layers.Dense(data.num_classes, kernel_initializer=kernels[0])
        return keras.Sequential([keras.Input(data.train[0].shape[1:]), *hidden, logits])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(build, optimizer="momentum", batch_size=32, loss=loss, metrics=["accuracy"])
    found, losses = np.zeros((len(rates), len(seeds))), np.full((len(rates), len(seeds), epochs), np.nan)
    for j, seed in enumerate(seeds):
        for i, rate in enumerate(rates):
            history = runs.train(data.train, epochs, seed, learning_rate=rate)
            if history is not None:
                found[i, j] = runs.evaluate(data.test)["accuracy"]
                losses[i, j] = history["loss"]
    chance = float(np.bincount(data.test[1]).max() / len(data.test[1]))
    return {"accuracy": found, "losses": losses, "chance": chance}
