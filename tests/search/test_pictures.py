"""The pictures show the trials as they are."""

import io

import matplotlib
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from PIL import Image
from support.search_results import accuracy, search, space

from tf_tricks.reports import figure
from tf_tricks.search import pictures
from tf_tricks.search.history_picture import running_best
from tf_tricks.search.importances import importances, widest_stage
from tf_tricks.search.random_and_grid import grid_of, most_important_ranges, smoothed
from tf_tricks.search.results import TrialResult, best
from tf_tricks.search.slices_picture import positions

LEARNING_RATE = "learning_rate.schedule.initial"
METRIC = "val_accuracy"


def pixels(made):
    with figure.style():
        return np.asarray(Image.open(io.BytesIO(figure.png(made))).convert("L"))


def loss(params):
    return float(2.0 ** (40 * (1 - accuracy(params))))


def test_the_parameter_that_matters_comes_first():
    found = importances(search(48), space(), "up")
    assert next(iter(found.means)) == LEARNING_RATE
    assert found.means[LEARNING_RATE] > 0.8
    assert list(found.means.values()) == sorted(found.means.values(), reverse=True)
    assert sum(found.means.values()) == pytest.approx(1)
    assert found.stage == "coarse"
    assert found.trials == sum(r.compared for r in search(48))


def test_importances_do_not_hang_on_the_direction():
    results = search(32, 2)
    assert importances(results, space(2), "down").means == importances(results, space(2), "up").means


def test_a_range_counts_on_its_scale():
    """Of a function that changes in the lowest decade only, a linear scale would see next to nothing."""
    rng = np.random.default_rng(0)
    ranges = {"low": FloatDistribution(1e-4, 1.0, log=True), "linear": FloatDistribution(0.0, 1.0)}
    results = []
    for i in range(60):
        params = {"low": float(10 ** rng.uniform(-4, 0)), "linear": float(rng.uniform())}
        value = float(params["low"] < 1e-3) + 0.3 * params["linear"]
        results.append(TrialResult(i, "coarse", "complete", value=value, params=params))
    assert importances(results, ranges, "up").means["low"] > 0.8


def test_a_part_among_the_choices_matters():
    results = search(40, 4, value=lambda params: 0.9 if isinstance(params["augment"], dict) else 0.1)
    assert importances(results, space(4), "up").means["augment"] > 0.9


def test_importances_are_of_one_stage():
    results = search(40, 3, fine=20, failures=False)
    assert importances(results, space(3), "up").trials == 20
    assert widest_stage(results[17:]) == "fine"  # of the coarse ones there are three
    assert widest_stage(results[16:]) == "coarse"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(0, "no trial is complete"), (1, "only one trial is complete"), (3, "only 3 trials are complete")],
)
def test_too_few_trials_for_importances(number, sentence):
    drawn = pictures.importances_of_parameters(search(number, failures=False), space(), METRIC, "up")
    assert drawn == f"{sentence}; the importance of parameters can be told from 4."


def test_equal_values_have_no_importances():
    results = search(12, 3, value=lambda params: 0.5, failures=False)
    drawn = pictures.importances_of_parameters(results, space(3), METRIC, "up")
    assert drawn == "all 12 complete trials have the same value, so that no parameter makes a difference."


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("stage", ["coarse", "fine"])
def test_the_best_so_far(direction, stage):
    results = search(60, 3, fine=25)
    found = running_best(results, stage, direction)
    of_stage = [r for r in results if r.stage == stage and r.compared]
    accumulate = np.maximum.accumulate if direction == "up" else np.minimum.accumulate
    assert [number for number, _ in found] == [r.number for r in of_stage]
    np.testing.assert_array_equal([value for _, value in found], accumulate([r.value for r in of_stage]))


def test_the_history_shows_every_trial():
    results = search(60, 3, fine=25)
    axes = pictures.history(results, METRIC, "up").axes[0]
    markers = {line.get_marker(): line for line in axes.lines if line.get_linestyle() == "None"}
    for stage, marker in (("coarse", "o"), ("fine", "D")):
        of_stage = [r for r in results if r.stage == stage and r.compared]
        np.testing.assert_array_equal(markers[marker].get_xydata(), [(r.number, r.value) for r in of_stage])
    for outcome, marker in (("diverged", "|"), ("out of memory", "x"), ("failed", "+")):
        assert list(markers[marker].get_xdata()) == [r.number for r in results if r.outcome == outcome]
    found = best(results, "up")
    assert markers["*"].get_xydata().tolist() == [[found.number, found.value]]


@pytest.mark.parametrize(("direction", "part"), [("up", 0.025), ("down", 0.975)])
def test_trials_without_a_value_lie_at_the_bad_edge(direction, part):
    axes = pictures.history(search(20, 2), METRIC, direction).axes[0]
    [ticks] = [line for line in axes.lines if line.get_marker() == "|"]
    assert list(ticks.get_ydata()) == [part]
    assert ticks.get_transform().transform((0, part))[1] == pytest.approx(axes.transAxes.transform((0, part))[1])


def test_a_slice_for_each_parameter():
    results = search(60, 8, fine=25)
    panels = pictures.slices(results, space(), METRIC, "up").axes
    assert [panel.get_xlabel().replace("\n", "") for panel in panels] == list(space())
    assert [panel.get_xscale() for panel in panels] == [
        "log" if getattr(distribution, "log", False) else "linear" for distribution in space().values()
    ]
    coarse = [r for r in results if r.stage == "coarse" and r.compared]
    [line] = [line for line in panels[0].lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(line.get_xydata(), [(r.params[LEARNING_RATE], r.value) for r in coarse])


def test_choices_lie_beside_their_label_and_apart():
    results = search(30, 4, failures=False)
    at = positions(results, "batch_size", space()["batch_size"])
    choices = [32, 64, 128]
    assert [choices[round(at[r.number])] for r in results] == [r.params["batch_size"] for r in results]
    assert len(set(at.values())) == 30


def test_a_line_for_each_complete_trial():
    results = search(30, 5)
    lines, black = pictures.parallel_coordinates(results, space(5), METRIC, "up").axes[0].collections
    segments = np.array(lines.get_segments())
    complete = sorted((r for r in results if r.compared), key=lambda r: r.value)
    assert segments.shape == (len(complete), 6, 2)
    expected = [(np.log10(r.params[LEARNING_RATE]) + 4) / 4 for r in complete]
    np.testing.assert_allclose(segments[:, 0, 1], expected, atol=1e-12)
    values = [r.value for r in complete]
    np.testing.assert_allclose(segments[:, -1, 1], (values - np.min(values)) / np.ptp(values), atol=1e-12)
    np.testing.assert_array_equal(black.get_segments()[0], segments[-1])


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_best_line_is_the_darkest(direction):
    results = search(30, 2, value=loss if direction == "down" else accuracy)
    lines = pictures.parallel_coordinates(results, space(2), METRIC, direction).axes[0].collections[0]
    lightness = lines.get_colors()[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert lightness[-1] == min(lightness)
    assert lightness[0] == max(lightness)


def test_a_grid_has_as_many_points_as_the_trials_allow():
    for number in range(1, 70):
        grid = grid_of(number, FloatDistribution(1e-4, 1, log=True), FloatDistribution(0, 1))
        across, upwards = (len({point[axis] for point in grid}) for axis in (0, 1))
        side = int(np.sqrt(number))
        assert len(set(grid)) == len(grid) == across * upwards
        assert (across, upwards) == (side, side + 1 if side * (side + 1) <= number else side)
        assert len(grid) <= number < len(grid) + side + 1


def test_a_grid_is_even_on_the_scales():
    grid = grid_of(9, FloatDistribution(1e-4, 1.0, log=True), IntDistribution(2, 20))
    np.testing.assert_allclose(sorted({x for x, _ in grid}), [1e-4, 1e-2, 1.0])
    assert sorted({y for _, y in grid}) == [2, 11, 20]


def test_a_grid_of_few_integers_has_no_point_twice():
    assert grid_of(16, IntDistribution(1, 2), IntDistribution(1, 8, log=True)) == [
        (x, y) for x in (1, 2) for y in (1, 2, 4, 8)
    ]


def test_random_against_grid():
    results = search(50, 8, fine=10)
    drawn = pictures.random_against_grid(results, space(), METRIC, "up")
    grid, above_grid, trials, above_trials = drawn.axes
    coarse = [r for r in results if r.stage == "coarse"]
    second = most_important_ranges(importances(results, space(), "up"), space())[1]

    def points(axes):
        return axes.lines[0].get_xydata()

    assert len(points(grid)) == 36  # of 40 trials
    np.testing.assert_array_equal(points(trials), [(r.params[LEARNING_RATE], r.params[second]) for r in coarse])
    complete = [r for r in coarse if r.compared]
    shown = above_trials.lines[1].get_xydata()
    np.testing.assert_array_equal(shown, [(r.params[LEARNING_RATE], r.value) for r in complete])
    assert len(set(above_grid.lines[1].get_xdata())) == 6
    texts = [text.get_text() for text in drawn.texts]
    assert texts[0] == "a grid: 36 points"
    assert texts[1] == "6 different values across, 6 upwards"
    assert texts[2] == "the trials: 40 points"
    assert texts[3].startswith("40 different values across")


def test_the_important_ranges_come_before_others():
    results = search(48)
    assert most_important_ranges(importances(results, space(), "up"), space())[0] == LEARNING_RATE


@pytest.mark.parametrize("paths", [[LEARNING_RATE], ["batch_size", "augment"], [LEARNING_RATE, "batch_size"]])
def test_there_is_no_grid_of_fewer_than_two_ranges(paths):
    ranges = {path: space()[path] for path in paths}
    drawn = pictures.random_against_grid(search(10), ranges, METRIC, "up")
    assert drawn == "fewer than two parameters are ranges of numbers, so that there is no grid of two to compare with."


def test_a_range_of_one_value_is_none():
    ranges = {"l2": FloatDistribution(0.1, 0.1), "seed": IntDistribution(0, 3)}
    assert most_important_ranges(importances([], ranges, "up"), ranges) == ["seed"]


def test_smoothing_is_a_weighted_mean():
    x, at = np.linspace(0, 1, 25), np.array([0.0, 0.5, 1.0])
    y = np.sin(5 * x)
    weights = np.exp(-0.5 * ((at[:, None] - x) / 0.1) ** 2)
    np.testing.assert_allclose(smoothed(x, y, at), weights @ y / weights.sum(1))
    assert smoothed([0.0], [3.0], [1e6, 2e6]).tolist() == [3.0, 3.0]  # however far a point is


CASES = {
    "one parameter": (search(4, 1, failures=False), space(1), "up"),
    "a loss": (search(16, 2, value=loss), space(2), "down"),
    "many": (search(150, 8, fine=100), space(8), "up"),
    "equal values": (search(20, 5, value=lambda params: 0.0), space(5), "up"),
    "negative values": (search(12, 3, value=lambda params: -1e6 * accuracy(params)), space(3), "up"),
    "one trial": (search(1, 4), space(4), "up"),
    "a choice of one": (search(9, 1), space(1) | {"loss": CategoricalDistribution(["hinge"])}, "up"),
    "a range of one": (search(9, 1), space(1) | {"l2": FloatDistribution(0.1, 0.1)}, "up"),
    "long labels": (search(9, 1), space(1) | {"augment": CategoricalDistribution(["x" * 80, "y" * 80])}, "up"),
    "only fine": (search(9, 3, fine=9), space(3), "up"),
}
EXTRA = {"loss": "hinge", "l2": 0.1, "augment": "y" * 80}


@pytest.mark.parametrize("case", CASES)
def test_no_picture_is_blank_and_nothing_is_cut(case):
    results, ranges, direction = CASES[case]
    results = [
        TrialResult(**vars(r) | {"params": {path: r.params.get(path, EXTRA.get(path)) for path in ranges}})
        for r in results
    ]
    made = pictures.pictures(results, ranges, "val_sparse_categorical_crossentropy", direction)
    drawn = {name: one.drawn for name, one in made.items() if not isinstance(one.drawn, str)}
    assert {"history", "slices", "parallel_coordinates"} <= drawn.keys()
    for name, one in drawn.items():
        image = pixels(one)
        assert (image < 128).mean() > 0.003, name
        border = np.concatenate([image[:2].ravel(), image[-2:].ravel(), image[:, :2].ravel(), image[:, -2:].ravel()])
        assert border.min() == 255, f"{name} is cut off"


def test_nothing_is_drawn_of_nothing():
    results = [TrialResult(0, "coarse", "failed", params={"l2": 0.5})]
    made = pictures.pictures(results, {"l2": FloatDistribution(0, 1)}, METRIC, "up")
    assert all(isinstance(one.drawn, str) for one in made.values())


def test_matplotlib_stays_as_it_was():
    before = dict(matplotlib.rcParams)
    pictures.pictures(search(12, 3), space(3), METRIC, "up")
    assert dict(matplotlib.rcParams) == before
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
