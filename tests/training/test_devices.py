"""A device that is asked for and is not there is an error with a cure; strategies of TPUs by a stand-in."""

import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training import devices


@pytest.fixture(autouse=True)
def _no_accelerators(monkeypatch):
    def list_cpus(kind=None):
        return [d for d in cpus if kind in (None, "CPU")]

    cpus = tf.config.list_physical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", list_cpus)
    monkeypatch.setattr(devices, "_tpu_is_there", lambda: False)
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
    refuse("replicas must be a whole number", "cpu", replicas=replicas)


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


@pytest.fixture
def resolver(monkeypatch):
    """A stand-in for what finds TPUs; `resolver.fail` is raised, `resolver.asked` are the names it was asked for."""

    class Resolver:
        fail, asked = None, []

        def __init__(self, tpu):
            self.asked.append(tpu)
            if self.fail is not None:
                raise self.fail

    Resolver.asked = []
    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", Resolver)
    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", lambda resolver: None)
    monkeypatch.setattr(tf.tpu.experimental, "initialize_tpu_system", lambda resolver: None)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", lambda resolver: "the strategy")
    return Resolver


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Please provide a TPU Name"),
        tf.errors.NotFoundError(None, None, "no TPU\nmore lines"),
        tf.errors.UnavailableError(None, None, "connection refused"),
        RuntimeError("the TPU system has failed"),
    ],
)
def test_a_tpu_that_is_not_there(resolver, error):
    resolver.fail = error
    refuse(r"there is no TPU that TensorFlow can use: .* or train with --device=cpu \([^\n]+\)$", "tpu")


def test_a_tpu_by_name(resolver):
    assert tt.strategy("tpu", tpu="mine") == "the strategy"
    assert resolver.asked == ["mine"]


def test_a_name_alone_asks_for_a_tpu(resolver):
    assert tt.strategy(tpu="mine") == "the strategy"


def test_the_name_in_the_environment(resolver, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "theirs")
    tt.strategy("tpu")
    assert resolver.asked == ["theirs"]


def test_the_tpu_of_this_machine(resolver):
    tt.strategy("tpu")
    assert resolver.asked == ["local"]


def test_auto_takes_a_tpu_that_is_there(resolver, monkeypatch):
    monkeypatch.setattr(devices, "_tpu_is_there", lambda: True)
    assert tt.strategy() == "the strategy"


def test_describe_says_that_nothing_else_was_found():
    assert devices.describe(tt.strategy()) == "1 CPU replica (neither a TPU nor a GPU was found)"


def test_describe_says_what_was_asked_for():
    assert devices.describe(tt.strategy("cpu"), "cpu") == "1 CPU replica (--device=cpu)"


def test_describe_says_that_a_gpu_was_found():
    strategy = tf.distribute.OneDeviceStrategy("/gpu:0")
    assert devices.describe(strategy) == "1 GPU replica (no TPU, but a GPU was found)"
