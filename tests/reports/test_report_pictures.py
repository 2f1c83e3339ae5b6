"""The pictures have what they are to show, whatever the number of classes and the length of their names."""

import io
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from tf_tricks.reports import confusion_picture, figure, reliability_picture, scatter_picture, sheet
from tf_tricks.reports.calibration import Calibration

RNG = np.random.default_rng(0)


@pytest.fixture
def drawn(monkeypatch):
    """The figures that have been drawn, whose texts can be asked for."""
    figures = []
    new = figure.new
    monkeypatch.setattr(figure, "new", lambda *size: figures.append(new(*size)) or figures[-1])
    return figures


def texts(made: Figure):
    """All texts that lie on a figure, with their places in pixels."""
    renderer = FigureCanvasAgg(made).get_renderer()
    found = [text for text in made.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]
    beyond = [label for axes in made.axes for label in beyond_the_ends(axes)]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found if text not in beyond]


def beyond_the_ends(axes):
    """The labels of an axis that matplotlib keeps and does not draw."""
    for axis, coordinate in ((axes.xaxis, 0), (axes.yaxis, 1)):
        low, high = sorted(axis.get_view_interval())
        for label in axis.get_ticklabels():
            if not axes.get_visible() or not low <= label.get_position()[coordinate] <= high:
                yield label


def assert_within(made):
    """No text is cut off."""
    width, height = made.canvas.get_width_height()
    for text, box in texts(made):
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text


NAMES = ["a", "$cost$ of 100%", "white-winged crossbill, adult male (Loxia leucoptera)", "W" * 40]


@pytest.mark.parametrize(
    ("number", "long"), [(2, True), (4, False), (10, True), (20, True), (21, False), (21, True), (100, True)]
)
def test_no_name_of_a_class_is_cut_off_or_lies_on_another(drawn, number, long):
    names = [f"{NAMES[i % 4]} {i}" if long else str(i) for i in range(number)]
    counts = RNG.integers(0, 5, (number, number)) + 300 * np.eye(number)
    confusion_picture.draw(counts, names, names, "test: 12,345 examples, accuracy 0.9876")
    (made,) = drawn
    assert_within(made)
    axes = made.axes[0]
    renderer = FigureCanvasAgg(made).get_renderer()
    boxes = [label.get_window_extent(renderer) for label in axes.get_yticklabels()]
    assert len(boxes) == number
    assert all(above.y0 > below.y1 - 2 for above, below in itertools.pairwise(boxes))
    sideways = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
    assert all(left.x1 < right.x0 + 2 for left, right in itertools.pairwise(sideways))


def test_numbers_are_in_the_cells_of_a_few_classes_only(drawn):
    for number in (20, 21):
        confusion_picture.draw(np.full((number, number), 7), *2 * [list(map(str, range(number)))], "test")
    assert [len(made.axes[0].texts) for made in drawn] == [400, 0]


def test_a_thousand_classes_have_some_of_their_names(drawn):
    names = [f"class {i}" for i in range(1000)]
    confusion_picture.draw(np.eye(1000), names, names, "test")
    assert_within(drawn[0])
    assert 20 < len(drawn[0].axes[0].get_yticklabels()) <= 60


def test_a_row_is_shaded_by_its_parts(drawn):
    confusion_picture.draw(np.array([[3, 1], [0, 0]]), ["a", "b"], ["a", "b"], "test")
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array(), [[0.75, 0.25], [0, 0]])


@pytest.mark.parametrize("title", ["test: 359 examples, expected calibration error 0.0123", "long " * 20])
def test_the_reliability_diagram(drawn, title):
    calibration, confidences = Calibration(), RNG.beta(2, 1, 300)
    calibration.add(confidences, (RNG.random(300) < confidences).astype(float), np.ones(300))
    reliability_picture.draw(calibration, title, "confidence", "frequency")
    assert_within(drawn[0])
    bars = [bar.get_height() for bar in drawn[0].axes[0].containers[0]]
    np.testing.assert_allclose(bars, np.nan_to_num(calibration.accuracies))
    parts = [bar.get_height() for bar in drawn[0].axes[1].containers[0]]
    assert sum(parts) == pytest.approx(1)


@pytest.mark.parametrize(("number", "plots"), [(1, 1), (2, 2), (5, 5), (12, 9)])
def test_the_scatter_plots(drawn, number, plots):
    labels = RNG.normal(size=(50, number))
    scatter_picture.draw(labels, labels + 1, [f"{i}: RMSE 0.123, R² 0.99" for i in range(number)], "test")
    shown = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert len(shown) == plots
    for i, axes in enumerate(shown):
        line, points = axes.lines
        np.testing.assert_array_equal(*line.get_data())
        np.testing.assert_array_equal(points.get_data(), (labels[:, i], labels[:, i] + 1))
    assert_within(drawn[0])


@pytest.mark.parametrize(("number", "shape"), [(1, (300, 200, 3)), (4, (16, 16, 4)), (25, (8, 8, 1))])
def test_the_sheet(drawn, shape, number):
    images = RNG.integers(0, 256, (number, *shape), "uint8")
    captions = [["#1, loss 2.3", *(f"true {name}: 0.1" for name in NAMES[2:])]] * number
    sheet.draw(images, captions, "test: 359 examples, the most wrong")
    assert len(drawn[0].axes) == number
    assert_within(drawn[0])


def test_it_is_a_png():
    picture = confusion_picture.draw(np.eye(2), ["a", "b"], ["a", "b"], "test")
    assert imread(io.BytesIO(picture)).ndim == 3


def test_letters_that_the_font_lacks_give_no_warning(recwarn):
    confusion_picture.draw(np.eye(2), ["猫", "犬"], ["猫", "犬"], "test")
    assert not list(recwarn)
