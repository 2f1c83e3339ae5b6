"""The strategy of a TPU: found, connected to and initialized, and what may have gone wrong with that."""

import contextlib
import re
import socket

import tensorflow as tf

from tf_tricks.engines.tensorflow import tpu_environment
from tf_tricks.errors import RequestError

PATIENCE = 10.0
"""Seconds to wait for an answer of the network; without a limit some of TensorFlow's questions wait for ever."""

_PORT = 8470  # where a TPU's host listens

_FRAME = re.compile(r"\s*(Graph execution error:|Detected at node|<stack traces|\[\[|$)")  # lines around the message

_CAUSES = [
    (
        r"already in use|lockfile|resource busy",
        "{tpu} is held by another process: end that (a notebook's kernel holds a TPU until it is restarted), or train "
        "with --device=cpu",
    ),
    (
        r"PermissionDenied|PERMISSION_DENIED|Permission denied|not permitted|Forbidden|HttpError 403",
        "{tpu} may not be opened by this user: run as one who may (root, or a container with --privileged), or train "
        "with --device=cpu",
    ),
    (
        r"[Nn]o \w+ device found",
        "{tpu} is not there, or its driver does not see it: restart the machine (a notebook: its runtime), or train "
        "with --device=cpu",
    ),
    (
        r"No OpKernel",
        "{tpu} cannot be used by this TensorFlow, which was built or started without TPU support: "
        "pip uninstall --yes tensorflow tensorflow-tpu, then pip install tensorflow-tpu=={known} and start again",
    ),
    (
        r"cloud-tpu-client",
        "{tpu} cannot be found by its name: pip install cloud-tpu-client, or give its address, "
        "--tpu=grpc://HOST:8470, or --tpu=local for the TPU of this machine",
    ),
    (
        r"URLError|metadata\.google",
        "{tpu} cannot be found by its name, since this machine is not in Google's cloud: give its address, "
        "--tpu=grpc://HOST:8470, or --tpu=local for the TPU of this machine",
    ),
    (
        r"Could not lookup TPU|specified names exist|HttpError 404",
        "{tpu} does not exist: check its name with `gcloud compute tpus tpu-vm list`, or use --tpu=local for the TPU "
        "of this machine",
    ),
    (
        r"Unavailable|DeadlineExceeded|[Tt]imed out|[Tt]imeout|refused|unreachable|not known",
        "{tpu} does not answer: check that it is running and can be reached from here, or train with --device=cpu",
    ),
]


def connect(name: str) -> tf.distribute.TPUStrategy:
    """Returns the `tf.distribute.TPUStrategy` of a TPU, all its chips.

    Args:
        name: the TPU's name, its address `"grpc://HOST:8470"`, or `"local"` for the one of this machine.

    Raises:
        RequestError: there is none, or it cannot be used; with the cause and the cure.
    """
    if name == "local":
        tpu_environment.check()
        tpu_environment.check_variables()
    try:
        with _patience():
            if name.startswith("grpc://"):
                _knock(name)
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
            if name != "local":
                tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
            return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise RequestError(explain(name, error)) from error


def explain(name: str, error: Exception) -> str:
    """Returns the sentence for what went wrong with the TPU of this name."""
    tpu = "the TPU of this machine" if name == "local" else f"the TPU {name!r}"
    told = f"{type(error).__name__}: {error}"
    for pattern, sentence in _CAUSES:
        if re.search(pattern, told):
            return f"{sentence.format(tpu=tpu, known=tpu_environment.KNOWN)} ({_gist(error)})"
    return f"{tpu} could not be initialized; restart it, or train with --device=cpu ({_gist(error)})"


def _gist(error):
    lines = [line for line in str(error).splitlines() if not _FRAME.match(line)]
    return (lines or [type(error).__name__])[0].strip()[:160]


def _knock(address):
    """Raises an `OSError` at once if nobody listens at an address, where TensorFlow would try for minutes."""
    for part in address.removeprefix("grpc://").split(","):
        host, _, port = part.partition(":")
        with socket.create_connection((host, int(port or _PORT)), timeout=PATIENCE):
            pass


@contextlib.contextmanager
def _patience():
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
