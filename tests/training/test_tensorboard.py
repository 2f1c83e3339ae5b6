"""What is written for TensorBoard is what its own reader reads."""

import keras
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util

from tf_tricks.training.run_log import RunLog
from tf_tricks.training.state import Progress
from tf_tricks.training.tensorboard import TensorBoard


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


def test_the_results_of_an_epoch_are_on_disk_while_the_run_goes_on(tmp_path):
    with RunLog(tmp_path, verbose=0, log_every=50) as log:
        log.start(Progress(), num_examples=10, total_epochs=2, size=0)
        log.end_epoch(0, {"loss": 0.5, "val_loss": 0.25}, step=5, variables=[])
        assert scalars(tmp_path / "tensorboard" / "train", "by_epoch/loss") == [(1, 0.5)]
        assert scalars(tmp_path / "tensorboard" / "validation", "by_epoch/loss") == [(1, 0.25)]


def test_a_line_has_three_axes(tmp_path):
    board = TensorBoard(tmp_path)
    board.line(7, {"loss": 0.5, "gradient_norm": 2.0}, epoch=1.5, examples_seen=96)
    board.epoch(2, {"loss": 0.25})
    board.close()
    assert scalars(tmp_path, "loss") == [(7, 0.5)]
    assert scalars(tmp_path, "by_examples_seen/loss") == [(96, 0.5)]
    assert scalars(tmp_path, "by_epoch/loss") == [(2, 0.25)]
    assert scalars(tmp_path, "epoch") == [(7, 1.5)]
    assert scalars(tmp_path, "examples_seen") == [(7, 96.0)]
    assert "by_examples_seen/gradient_norm" not in read(tmp_path).Tags()["tensors"]


def test_a_tag_says_what_it_is(tmp_path):
    board = TensorBoard(tmp_path)
    board.line(7, {"noise_scale": 0.5, "mine": 1.0}, epoch=1.5, examples_seen=96)
    board.close()
    metadata = read(tmp_path).summary_metadata
    assert metadata["noise_scale"].summary_description.startswith("SGD's noise scale")
    assert metadata["mine"].summary_description == ""
    assert metadata["by_examples_seen/mine"].summary_description == "x: examples seen"


def test_settings_are_a_session_of_the_hparams_page(tmp_path):
    board = TensorBoard(tmp_path)
    board.settings({"l2": 0.5, "optimizer.name": "lars", "nesterov": True, "epochs": [1, 2]}, "mine")
    board.end_settings()
    board.close()
    metadata = read(tmp_path).summary_metadata
    content = metadata["_hparams_/session_start_info"].plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.group_name == "mine"
    assert start.hparams["l2"].number_value == 0.5
    assert start.hparams["optimizer.name"].string_value == "lars"
    assert start.hparams["nesterov"].bool_value is True
    assert start.hparams["epochs"].string_value == "[1, 2]"
    content = metadata["_hparams_/session_end_info"].plugin_data.content
    end = plugin_data_pb2.HParamsPluginData.FromString(content).session_end_info
    assert end.status == api_pb2.STATUS_SUCCESS
