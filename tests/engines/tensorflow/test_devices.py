"""A device that is asked for and is not there is an error with a cure."""

import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.engines.devices import describe
from tf_tricks.engines.tensorflow import devices, tpu_environment
from tf_tricks.errors import RequestError


@pytest.fixture(autouse=True)
def _no_accelerators(monkeypatch):
    def list_cpus(kind=None):
        return [d for d in cpus if kind in (None, "CPU")]

    cpus = tf.config.list_physical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", list_cpus)
    monkeypatch.setattr(tpu_environment, "is_there", lambda: False)
    monkeypatch.delenv("TPU_NAME", raising=False)


def refuse(message, *arguments, **named):
    with pytest.raises(RequestError, match=message):
        tt.strategy(*arguments, **named)


def test_auto_is_the_cpu_where_there_is_nothing_else():
    assert tt.strategy("auto") is tf.distribute.get_strategy()


def test_an_unknown_device_gets_the_nearest():
    refuse("there is no device 'cpus'; did you mean 'cpu'", "cpus")


def test_a_gpu_that_is_not_there():
    refuse("there is no GPU that TensorFlow can use: check `nvidia-smi`", "gpu")


@pytest.mark.parametrize("replicas", [0, -1, 1.5])
def test_replicas_out_of_range(replicas):
    refuse("replicas must be an integer", "cpu", replicas=replicas)


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0"])
    refuse("--replicas=2 needs 2 GPUs, and there are 1", "gpu", replicas=2)


def test_one_gpu_is_one_replica_on_it(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0"])
    assert tt.strategy("auto").extended.worker_devices == ("/job:localhost/replica:0/task:0/device:GPU:0",)


def test_the_cpu_when_asked_for_although_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0"])
    assert devices.device_kind(tt.strategy("cpu")) == "CPU"


def test_cpu_replicas_must_come_first():
    tf.constant(0) + 1  # TensorFlow has run something
    refuse("8 CPU replicas must be asked for before TensorFlow has run anything", "cpu", replicas=8)


def test_describe_says_that_nothing_else_was_found():
    assert describe(tt.strategy()) == "1 CPU replica (neither a TPU nor a GPU was found)"


def test_describe_says_what_was_asked_for():
    assert describe(tt.strategy("cpu"), "cpu") == "1 CPU replica (--device=cpu)"


def test_describe_says_that_a_gpu_was_found():
    strategy = tf.distribute.OneDeviceStrategy("/gpu:0")
    assert describe(strategy) == "1 GPU replica (no TPU, but a GPU was found)"
