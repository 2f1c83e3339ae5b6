"""The diagnosis, the table and the figure."""

import matplotlib.figure
import numpy as np
import pytest

from tf_tricks.initializers.report import LayerSignal, SignalReport, fitted_gain


def layer(i, variance=1.0, gradient_variance=1.0, dead=0.0, mean=0.0):
    return LayerSignal(f"dense_{i}", mean, variance, gradient_variance, dead, has_matrix=True, rectifies=True)


def report(layers, residual=False):
    hidden = layers[:-1]
    return SignalReport(
        layers=tuple(layers),
        forward_gain=fitted_gain([x.variance for x in hidden]),
        backward_gain=fitted_gain([x.gradient_variance for x in hidden], backward=True),
        advice="use he_normal",
        residual=residual,
    )


@pytest.mark.parametrize("gain", [0.1, 0.7, 1.0, 3.0])
def test_a_geometric_series_has_its_ratio_as_gain(gain):
    variances = 7.0 * gain ** (2 * np.arange(6))
    assert fitted_gain(variances) == pytest.approx(gain)
    assert fitted_gain(variances, backward=True) == pytest.approx(1 / gain)


def test_the_gain_against_least_squares():
    variances = np.random.default_rng(0).uniform(0.1, 10, size=9)
    design = np.stack([np.ones(9), np.arange(9)], axis=1)
    slope = np.linalg.lstsq(design, 0.5 * np.log(variances), rcond=None)[0][1]
    assert fitted_gain(variances) == pytest.approx(np.exp(slope), rel=1e-9)


def test_layers_without_a_signal_do_not_count_for_the_gain():
    assert fitted_gain([1.0, 0.0, 1 / 16, np.nan, 1 / 256]) == pytest.approx(0.5)
    assert np.isnan(fitted_gain([1.0, 0.0]))


def test_a_gradient_that_vanishes():
    made = report([layer(i, gradient_variance=40.0 ** (2 * (i - 3))) for i in range(4)])
    assert made.diagnosis == "the gradient shrinks 40x per layer: use he_normal"


def test_a_signal_that_explodes_both_ways():
    made = report([layer(i, variance=9.0**i, gradient_variance=4.0**-i) for i in range(8)])
    assert made.diagnosis == "the activations grow 3x per layer and the gradient grows 2x per layer: use he_normal"


def test_a_small_gain_over_few_layers_is_fine():
    made = report([layer(i, variance=0.25**i) for i in range(4)])
    assert made.diagnosis == "the signal is fine: activations x0.5 and gradient x1 per layer"


def test_too_few_layers():
    assert "too few layers" in report([layer(0), layer(1)]).diagnosis


def test_not_finite():
    made = report([layer(0), layer(1, variance=np.inf), layer(2, variance=np.nan, gradient_variance=np.nan)])
    assert made.diagnosis == "the activations are not finite from 'dense_1' on: use he_normal"
    made = report([layer(0, gradient_variance=np.nan), layer(1, gradient_variance=np.nan), layer(2)])
    assert made.diagnosis == "the gradient is not finite from 'dense_1' back: use he_normal"


def test_zero():
    made = report([layer(0, variance=0.0, gradient_variance=0.0), layer(1, variance=0.0), layer(2)])
    assert made.diagnosis == "every unit of 'dense_0' gives the same on every example: use he_normal"
    made = report([layer(0, gradient_variance=0.0), layer(1, gradient_variance=0.0), layer(2)])
    assert made.diagnosis == "the gradient is 0 from 'dense_1' back: use he_normal"


def test_zero_branches_of_a_residual_net_are_fine():
    layers = [layer(0), layer(1, variance=0.0, dead=1.0, gradient_variance=0.0), layer(2), layer(3)]
    assert report(layers, residual=True).diagnosis.startswith("the signal is fine")


def test_dead_units():
    made = report([layer(0), layer(1, dead=0.9), layer(2), layer(3)])
    assert made.diagnosis.startswith("90% of the units of 'dense_1' are dead")
    assert report([layer(0), layer(1, dead=0.5), layer(2), layer(3)]).diagnosis.startswith("the signal is fine")


def test_the_table():
    lines = str(report([layer(0, variance=0.123456), layer(10, dead=0.25), layer(2)])).splitlines()
    assert lines[0].split() == ["layer", "mean", "variance", "gradient", "variance", "dead"]
    assert lines[1].split() == ["dense_0", "0", "0.123", "1", "0%"]
    assert lines[2].split() == ["dense_10", "0", "1", "1", "25%"]
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[4].startswith("gain per layer: activations")


def test_the_figure(tmp_path):
    path = tmp_path / "signal.png"
    layers = [layer(0), layer(1, variance=0.0), layer(2, variance=np.nan, dead=1.0), layer(3)]
    figure = report(layers).plot(path)
    assert isinstance(figure, matplotlib.figure.Figure)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == [x.name for x in layers]


def test_the_figure_without_a_file():
    assert len(report([layer(i) for i in range(100)]).plot().axes) == 2
