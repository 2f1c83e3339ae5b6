"""Connecting to a TPU, by stand-ins for what finds and initializes it: the order of the calls, and a sentence each."""

import socket
import urllib.error

import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.engines.tensorflow import tpu_devices, tpu_environment
from tf_tricks.errors import RequestError


class Resolver:
    """Stands in for `TPUClusterResolver`."""

    def __init__(self, name):
        self.name = name


class Calls(list):
    """The calls to TensorFlow, in order; `fail` is what one of them, named by `at`, raises."""

    fail = at = None

    def note(self, step, argument):
        self.append(f"{step} {getattr(argument, 'name', argument)}")
        if step == self.at:
            raise self.fail


@pytest.fixture
def calls(monkeypatch):
    """A machine on which a TPU can be had, as far as this package looks itself."""
    noted = Calls()

    def stand_in(step, result):
        def call(argument=None, tpu=None):
            noted.note(step, argument or tpu)
            return result(argument or tpu)

        return call

    monkeypatch.setattr(
        tf.distribute.cluster_resolver, "TPUClusterResolver", stand_in("resolve", lambda name: Resolver(name))
    )
    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", stand_in("connect", lambda resolver: None))
    monkeypatch.setattr(tf.tpu.experimental, "initialize_tpu_system", stand_in("initialize", lambda resolver: None))
    monkeypatch.setattr(tf.distribute, "TPUStrategy", stand_in("strategy", lambda resolver: "the strategy"))
    monkeypatch.setattr(tpu_environment, "check", lambda: noted.note("check", "packages"))
    monkeypatch.setattr(tpu_environment, "check_variables", lambda: noted.note("check", "variables"))
    monkeypatch.setattr(tpu_environment, "is_there", lambda: False)
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: noted.note("knock", address) or _Open())
    monkeypatch.delenv("TPU_NAME", raising=False)
    return noted


class _Open:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_the_tpu_of_this_machine_is_checked_and_not_connected_to(calls):
    assert tt.strategy("tpu") == "the strategy"
    assert calls == ["check packages", "check variables", "resolve local", "initialize local", "strategy local"]


def test_local_is_the_name_of_the_tpu_of_this_machine(calls):
    tt.strategy(tpu="local")
    assert calls[0] == "check packages"


def test_a_tpu_by_its_name(calls):
    assert tt.strategy("tpu", tpu="mine") == "the strategy"
    assert calls == ["resolve mine", "connect mine", "initialize mine", "strategy mine"]


def test_a_tpu_by_its_address_is_knocked_at(calls):
    tt.strategy("tpu", tpu="grpc://there")
    assert calls[:3] == ["knock ('there', 8470)", "resolve grpc://there", "connect grpc://there"]


def test_a_tpu_of_several_hosts(calls):
    tt.strategy("tpu", tpu="grpc://a:1,b:2")
    assert calls[:2] == ["knock ('a', 1)", "knock ('b', 2)"]


def test_a_name_alone_asks_for_a_tpu(calls):
    assert tt.strategy(tpu="mine") == "the strategy"


def test_the_name_in_the_environment(calls, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "theirs")
    tt.strategy()
    assert calls[0] == "resolve theirs"


def test_auto_takes_a_tpu_that_is_there(calls, monkeypatch):
    monkeypatch.setattr(tpu_environment, "is_there", lambda: True)
    assert tt.strategy() == "the strategy"


def test_another_device_leaves_a_tpu_that_is_there_alone(calls, monkeypatch):
    monkeypatch.setattr(tpu_environment, "is_there", lambda: True)
    monkeypatch.setenv("TPU_NAME", "local")
    assert tt.strategy("cpu").num_replicas_in_sync == 1
    assert calls == []


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_tpu_and_another_device(calls, device):
    with pytest.raises(RequestError, match=f"--tpu=mine asks for a TPU, and --device={device} for another device"):
        tt.strategy(device, tpu="mine")


@pytest.mark.parametrize("named", [{"device": "tpu"}, {"tpu": "mine"}])
def test_replicas_of_a_tpu(calls, named):
    with pytest.raises(RequestError, match="--replicas=2 is for CPUs and GPUs, and a TPU is used with all its chips"):
        tt.strategy(**named, replicas=2)
    assert calls == []


def test_nobody_waits_for_ever_and_later_sockets_are_as_before(calls):
    waits = []
    calls.note = lambda step, argument: waits.append(socket.getdefaulttimeout())
    tt.strategy(tpu="mine")
    assert waits == [tpu_devices.PATIENCE] * 4
    assert socket.getdefaulttimeout() is None


def test_later_sockets_are_as_before_when_it_fails(calls):
    calls.at, calls.fail = "resolve", RuntimeError("no")
    with pytest.raises(RequestError):
        tt.strategy(tpu="mine")
    assert socket.getdefaulttimeout() is None


def error(kind, message):
    return getattr(tf.errors, kind)(None, None, message)


LOCAL = [
    (
        "initialize",
        error("AbortedError", "The TPU is already in use by process with pid 123. Not attempting to load libtpu.so"),
        r"the TPU of this machine is held by another process: .*\(The TPU is already in use by process with pid 123",
    ),
    (
        "initialize",
        error("UnknownError", "TPU initialization failed: open(/dev/vfio/0): Device or resource busy"),
        "is held by another process",
    ),
    (
        "initialize",
        error("AbortedError", 'Internal error when accessing libtpu multi-process lockfile. Run "$ sudo rm it".'),
        "is held by another process",
    ),
    (
        "initialize",
        error("PermissionDeniedError", "open(/dev/accel0): Operation not permitted"),
        "the TPU of this machine may not be opened by this user: run as one who may",
    ),
    (
        "initialize",
        error("NotFoundError", "TPUs not found in the cluster: No OpKernel was registered to support Op 'Configure'"),
        "the TPU of this machine cannot be used by this TensorFlow, which was built or started without TPU support: "
        "pip uninstall --yes tensorflow tensorflow-tpu, then pip install tensorflow-tpu==2.19.1",
    ),
    (
        # As TensorFlow's TPU build says it on a machine without a TPU.
        "initialize",
        error(
            "UnknownError",
            "Graph execution error:\n\nDetected at node configure_tpu_host/_2 defined at (most recent call last):\n"
            "<stack traces unavailable>\nTPU initialization failed: No ba16c7433 device found.\n"
            "\t [[{{node configure_tpu_host/_2}}]] [Op:__inference__tpu_init_fn_4]",
        ),
        r"is not there, or its driver does not see it: .*\(TPU initialization failed: No ba16c7433 device found.\)$",
    ),
    (
        "strategy",
        error("InternalError", "RET_CHECK failure (xla/tpu_node_interfaces.cc:432) *platform"),
        r"the TPU of this machine could not be initialized; restart it, .*\(RET_CHECK failure \(xla/tpu_node_interf",
    ),
    ("initialize", RuntimeError(""), r"could not be initialized; .*\(RuntimeError\)$"),
]
REMOTE = [
    (
        "resolve",
        urllib.error.URLError("[Errno -2] Name or service not known"),
        "the TPU 'mine' cannot be found by its name, since this machine is not in Google's cloud: give its address",
    ),
    ("resolve", TimeoutError("timed out"), "the TPU 'mine' does not answer: check that it is running"),
    (
        "connect",
        RuntimeError("Missing runtime dependency on the Google API client. Run `pip install cloud-tpu-client` to fix."),
        "the TPU 'mine' cannot be found by its name: pip install cloud-tpu-client, or give its address",
    ),
    (
        "connect",
        ValueError("Could not lookup TPU metadata from name 'mine'. Exception: <HttpError 404 when requesting it>"),
        "the TPU 'mine' does not exist: check its name with `gcloud compute tpus",
    ),
    (
        "connect",
        ValueError("Could not lookup TPU metadata from name 'mine'. Exception: <HttpError 403 when requesting it>"),
        "the TPU 'mine' may not be opened by this user",
    ),
    ("connect", ValueError("No TPUs with the specified names exist."), "the TPU 'mine' does not exist"),
    ("connect", error("UnavailableError", "failed to connect to all addresses"), "the TPU 'mine' does not answer"),
    ("initialize", error("DeadlineExceededError", "Deadline Exceeded"), "the TPU 'mine' does not answer"),
]


@pytest.mark.parametrize(
    ("name", "at", "fail", "message"), [("local", *case) for case in LOCAL] + [("mine", *case) for case in REMOTE]
)
def test_what_goes_wrong_has_its_sentence(calls, name, at, fail, message):
    calls.at, calls.fail = at, fail
    with pytest.raises(RequestError, match=message) as raised:
        tt.strategy("auto", tpu=name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("fail", [ConnectionRefusedError(111, "Connection refused"), TimeoutError("timed out")])
def test_nobody_listens_at_an_address(calls, fail):
    calls.at, calls.fail = "knock", fail
    with pytest.raises(RequestError, match="the TPU 'grpc://there' does not answer: check that it is running"):
        tt.strategy(tpu="grpc://there")
    assert len(calls) == 1


def test_a_port_that_is_none(calls):
    with pytest.raises(RequestError, match="the TPU 'grpc://there:x' could not be initialized"):
        tt.strategy(tpu="grpc://there:x")


def test_what_this_machine_lacks_comes_before_tensorflow_is_asked(calls):
    calls.at, calls.fail = "check", RequestError("plain tensorflow has no TPU support")
    with pytest.raises(RequestError, match="plain tensorflow has no TPU support"):
        tt.strategy("tpu")
    assert calls == ["check packages"]


def test_a_tpu_that_is_there_and_fails_is_never_a_silent_run_on_the_cpu(calls, monkeypatch):
    monkeypatch.setattr(tpu_environment, "is_there", lambda: True)
    calls.at, calls.fail = "initialize", RuntimeError("broken")
    with pytest.raises(RequestError, match="could not be initialized"):
        tt.strategy("auto")
