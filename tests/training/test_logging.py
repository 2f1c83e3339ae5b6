"""What a run writes can be read back: metrics.jsonl, TensorBoard, the progress lines, the table of parameters."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from tf_tricks.training.logging import MetricsFile, ProgressBar, TensorBoard, parameter_table


@pytest.fixture
def metrics(tmp_path):
    return MetricsFile(tmp_path / "metrics.jsonl")


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_lines_are_appended(metrics, tmp_path):
    metrics.write(step=1, loss=0.5)
    metrics.write(step=2, split="train")
    assert lines(tmp_path) == [{"step": 1, "loss": 0.5}, {"step": 2, "split": "train"}]


def test_cut_leaves_what_was_there_at_that_size(metrics, tmp_path):
    metrics.write(step=1)
    size = metrics.size()
    metrics.write(step=2)
    metrics.cut(size)
    metrics.write(step=3)
    assert lines(tmp_path) == [{"step": 1}, {"step": 3}]


def test_cut_at_the_end_changes_nothing(metrics, tmp_path):
    metrics.write(step=1)
    metrics.cut(metrics.size())
    assert lines(tmp_path) == [{"step": 1}]


def test_cut_where_nothing_was_written_makes_no_file(metrics, tmp_path):
    metrics.cut(0)
    assert list(tmp_path.iterdir()) == []


def test_size_of_no_file(metrics):
    assert metrics.size() == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_null(metrics, tmp_path, value):
    metrics.write(loss=value)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"loss": null}\n'


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def scalars(folder, tag):
    return [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in read(folder).Tensors(tag)]


def test_an_image_is_read_back(tmp_path):
    png = tf.io.encode_png(np.zeros((3, 500, 1), "uint8")).numpy()
    board = TensorBoard(tmp_path)
    board.image(0, "sheet", png)
    board.close()
    (event,) = read(tmp_path).Tensors("sheet")
    assert list(event.tensor_proto.string_val) == [b"500", b"3", png]
    assert read(tmp_path).summary_metadata["sheet"].plugin_data.plugin_name == "images"


def write_scalars(folder, first_step, values):
    board = TensorBoard(folder, first_step)
    for step, value in values:
        board.scalars(step, {"loss": value})
    board.close()


def test_scalars_are_read_back(tmp_path):
    write_scalars(tmp_path, 0, [(1, 0.5), (2, 0.25)])
    assert scalars(tmp_path, "loss") == [(1, 0.5), (2, 0.25)]


def test_a_resumed_run_takes_the_place_of_what_came_after_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1e9)
    write_scalars(tmp_path, 0, [(1, 1.0), (2, 2.0), (3, 3.0)])
    monkeypatch.setattr("time.time", lambda: 1e9 + 10)
    write_scalars(tmp_path, 3, [(3, 30.0), (4, 40.0)])
    assert scalars(tmp_path, "loss") == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0)]


def test_texts_are_read_back(tmp_path):
    board = TensorBoard(tmp_path)
    board.text(0, "config", "**bold**")
    board.close()
    assert tensor_util.make_ndarray(read(tmp_path).Tensors("config")[0].tensor_proto).item() == b"**bold**"


def test_histograms_are_read_back(tmp_path):
    board = TensorBoard(tmp_path)
    board.histogram(7, "kernel", keras.Variable(np.linspace(-1, 1, 50)))
    board.close()
    event = read(tmp_path).Tensors("kernel")[0]
    buckets = tensor_util.make_ndarray(event.tensor_proto)  # rows of left end, right end, count
    assert (event.step, buckets[:, 2].sum(), buckets[0, 0], buckets[-1, 1]) == (7, 50, -1, 1)


def test_flushed_events_are_on_disk_before_closing(tmp_path):
    board = TensorBoard(tmp_path)
    board.scalars(1, {"loss": 1.0})
    board.flush()
    assert scalars(tmp_path, "loss") == [(1, 1.0)]
    board.close()


def progress(show, capsys):
    bar = ProgressBar(8, 0, 1.5, show)
    bar.advance(0, 4, 0.5)
    bar.epoch_line(0, {"loss": 0.5, "val_loss": 0.25})
    bar.close()
    return capsys.readouterr()


def test_an_epoch_is_one_line(capsys):
    assert progress(True, capsys).out == "epoch 1/2  loss 0.5  val_loss 0.25\n"


def test_no_bar_where_the_output_is_no_terminal(capsys):
    assert progress(True, capsys).err == ""


def test_nothing_is_shown_when_nothing_is_asked_for(capsys):
    assert progress(False, capsys) == ("", "")


def dense_model(depth):
    layers = [keras.layers.Dense(4, name=f"hidden{i}") for i in range(depth)]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dropout(0.1, name="without_weights")])


def test_table_has_a_row_for_each_layer_with_weights():
    rows = parameter_table(dense_model(2)).splitlines()
    assert [row.split() for row in rows] == [
        ["layer", "type", "output", "parameters"],
        ["hidden0", "Dense", "(4,)", "16"],
        ["hidden1", "Dense", "(4,)", "20"],
        ["36", "parameters,", "36", "of", "them", "trained"],
    ]


def test_table_counts_trained_parameters():
    model = dense_model(2)
    model.layers[0].trainable = False
    assert parameter_table(model).endswith("36 parameters, 20 of them trained")


def test_a_long_table_leaves_out_the_middle():
    rows = parameter_table(dense_model(7), most_rows=4).splitlines()
    assert [row.split()[0] for row in rows[1:-1]] == ["hidden0", "hidden1", "…", "hidden5", "hidden6"]
    assert rows[3] == "… 3 more layers"
