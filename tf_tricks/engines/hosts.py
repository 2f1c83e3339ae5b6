"""The processes that train together, on one machine or many: which of them this one is, and what they agree on.

Process 0 is the chief: it writes and prints. Without others, every process is one.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.engines.channel import Channel
from tf_tricks.errors import RequestError

TIMEOUT = 100.0
"""Seconds after which a process that does not come, or is silent, is given up."""

TIMEOUT_VARIABLE = "TF_TRICKS_HOST_TIMEOUT"
"""An environment variable that says another number."""

_channel: Channel | None = None


def timeout() -> float:
    """Returns the seconds after which a silent process is given up.

    Example:
        >>> timeout()
        100.0
    """
    return float(os.environ.get(TIMEOUT_VARIABLE, TIMEOUT))


def join(address: tuple[str, int], number: int, index: int, timeout: float = TIMEOUT) -> None:
    """Connects this process with the others of the run.

    Args:
        address: (host, port) at which process 0 listens.
        number: of processes.
        index: of this one, from 0.
        timeout: seconds.

    Raises:
        RequestError: they do not belong together.
        RunError: they do not all come in time.
    """
    global _channel
    _channel = Channel(address, number, index, timeout)


def joined() -> bool:
    """Returns whether there are other processes."""
    return _channel is not None


def is_chief() -> bool:
    """Returns whether this process writes and prints.

    Example:
        >>> is_chief()
        True
    """
    return _channel is None or _channel.index == 0


def exchange(text: str) -> list[str]:
    """Returns the texts of all processes, in their order.

    Example:
        >>> exchange("here")
        ['here']
    """
    return [text] if _channel is None else _channel.exchange(text)


def told_by_chief(text: str | None) -> str | None:
    """Returns the chief's text; what the others give does not count."""
    return json.loads(exchange(json.dumps(text))[0])


def largest(numbers: Sequence[int]) -> list[int]:
    """Returns the largest that any process gives, for each of some integers.

    Example:
        >>> largest([3, 0])
        [3, 0]
    """
    if _channel is None:
        return list(numbers)
    return [max(several) for several in zip(*map(json.loads, exchange(json.dumps(list(numbers)))))]


def smallest(number: int) -> int:
    """Returns the smallest that any process gives."""
    return -largest([-number])[0]


def agree(facts: Mapping[str, Any]) -> None:
    """Raises the same `RequestError` on every process if they are not about to do the same.

    Args:
        facts: by name, what must be the same on all of them, as JSON or `repr` has it.
    """
    if _channel is None:
        return
    found = [json.loads(text) for text in exchange(json.dumps(dict(facts), default=repr))]
    for index, other in enumerate(found):
        for name in {**found[0], **other}:
            one, another = found[0].get(name), other.get(name)
            if one != another:
                raise RequestError(
                    f"process {index} is another run than process 0 by its {name}: {another} there, {one} here; start "
                    "all of them with the same command, packages and data"
                )


def leave(sentence: str | None = None, status: int = 0) -> None:
    """Takes leave of the others, if there are any.

    Args:
        sentence: why, where this process ends before its time: the others end, too.
        status: their exit status, then.
    """
    global _channel
    if _channel is not None:
        channel, _channel = _channel, None
        channel.leave(sentence, status)


def free_port() -> int:
    """Returns a port of this machine at which nobody listens."""
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


def own_address(towards: str) -> str:
    """Returns the address of this machine that the machine `towards` sees; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return probe.getsockname()[0]
