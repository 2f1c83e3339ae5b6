"""Short texts between the processes of a run; and the end of all of them where one is lost.

A process that trains may wait, deep in a library, for numbers of another that is no more. Threads of their own watch
the connections, so that such a process ends with a sentence instead.
"""

import json
import os
import queue
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from tf_tricks.errors import RequestError, RunError

_GRACE = 2.0  # seconds that a process has to end by itself, in its own words, when another says that it ends
_AGAIN = "start all of them again, and the run goes on from its last checkpoint"
_AT_THE_END = 10.0  # seconds that process 0 waits for the others to be gone: they may need it up to then


class Channel:
    """Connects all processes to process 0, which hands on what each of them says.

    Args:
        address: (host, port) at which process 0 listens.
        number: of processes.
        index: of this one, from 0.
        timeout: seconds after which a process that has not come, or is silent, is given up.

    Raises:
        RequestError: they do not belong together, or cannot listen there.
        RunError: they do not all come.
    """

    def __init__(self, address: tuple[str, int], number: int, index: int, timeout: float):
        self.number, self.index, self.timeout = number, index, timeout
        self._sending, self._ending = threading.Lock(), threading.Event()
        deadline = time.monotonic() + timeout
        peers = self._accept(address, deadline) if index == 0 else {0: self._connect(address, deadline)}
        self._peers: dict[int, Connection] = peers
        self._inboxes: dict[int, Any] = {peer: queue.Queue() for peer in peers}
        self._listeners = [threading.Thread(target=self._listen, args=[peer], daemon=True) for peer in peers]
        for thread in [*self._listeners, threading.Thread(target=self._beat, daemon=True)]:
            thread.start()

    def exchange(self, text: str) -> list[str]:
        """Returns the texts of all processes, in their order; all of them must call this."""
        if self.index:
            self._send(0, "text", text)
            return json.loads(self._inboxes[0].get())
        texts = [text, *[self._inboxes[peer].get() for peer in sorted(self._peers)]]
        for peer in self._peers:
            self._send(peer, "text", json.dumps(texts))
        return texts

    def leave(self, sentence: str | None = None, status: int = 0) -> None:
        """Takes leave; process 0 then waits until the others are gone.

        Args:
            sentence: why, where this is an end before time: the others end, too.
            status: exit status of the others, then.
        """
        self._ending.set()
        for peer in self._peers:
            self._send(peer, "leave", [sentence, status])
        if self.index == 0:
            end = time.monotonic() + _AT_THE_END
            for thread in self._listeners:
                if thread is not threading.current_thread():
                    thread.join(max(0.0, end - time.monotonic()))

    def _accept(self, address, deadline):
        host, port = address
        everywhere = "" if not host.startswith(("127.", "localhost")) else host
        try:
            server = socket.create_server((everywhere, port), backlog=self.number)
        except OSError as error:
            raise RequestError(f"process 0 cannot listen at {host}:{port}: {error.strerror or error}") from error
        peers: dict[int, Connection] = {}
        with server:
            while len(peers) < self.number - 1:
                server.settimeout(max(0.01, deadline - time.monotonic()))
                try:
                    accepted, _ = server.accept()
                except TimeoutError as error:
                    missing = [str(i) for i in range(1, self.number) if i not in peers]
                    raise RunError(f"{_processes(missing)} did not come within {self.timeout:g} seconds") from error
                accepted.setblocking(True)
                connection = Connection(accepted.detach())
                number, index = json.loads(connection.recv_bytes())
                refusal = self._refusal(number, index, peers)
                for other in [connection, *peers.values()] if refusal else ():
                    other.send_bytes(json.dumps(refusal).encode())
                if refusal:
                    raise RequestError(refusal)
                peers[index] = connection
        for connection in peers.values():
            connection.send_bytes(b"null")
        return peers

    def _refusal(self, number, index, peers):
        if number != self.number:
            return f"process {index} was started for {number} processes, and process 0 for {self.number}"
        if index in peers:
            return f"two processes were started as process {index}"
        return None

    def _connect(self, address, deadline):
        while True:
            try:
                made = socket.create_connection(address, max(0.01, deadline - time.monotonic()))
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    host, port = address
                    raise RunError(
                        f"process 0 cannot be reached at {host}:{port} within {self.timeout:g} seconds "
                        f"({error.strerror or error})"
                    ) from error
                time.sleep(0.1)
        made.setblocking(True)
        connection = Connection(made.detach())
        refusal = "process 0 has ended before all processes had come"
        try:
            connection.send_bytes(json.dumps([self.number, self.index]).encode())
            if connection.poll(max(0.01, deadline - time.monotonic()) + 1):
                refusal = json.loads(connection.recv_bytes())
        except (OSError, EOFError):
            pass
        if refusal:
            raise RequestError(refusal)
        return connection

    def _send(self, peer, kind, content):
        try:
            with self._sending:
                self._peers[peer].send_bytes(json.dumps([kind, content]).encode())
        except OSError:
            pass  # it is gone: whoever listens to it says so

    def _beat(self):
        while not self._ending.wait(self.timeout / 4):
            for peer in self._peers:
                self._send(peer, "beat", None)

    def _listen(self, peer):
        connection = self._peers[peer]
        while True:
            try:
                silent = not connection.poll(self.timeout)
                kind, content = (None, None) if silent else json.loads(connection.recv_bytes())
            except (EOFError, OSError):
                self._end(f"process {peer} is lost; {_AGAIN}", 1)
                return
            if silent:
                self._end(f"process {peer} has been silent for {self.timeout:g} seconds; {_AGAIN}", 1)
            elif kind == "text":
                self._inboxes[peer].put(content)
            elif kind == "leave":
                self._follow(peer, *content)
                while self.index == 0 and connection.poll(_AT_THE_END):  # until it is gone
                    try:
                        connection.recv_bytes()
                    except (EOFError, OSError):
                        break
                return

    def _follow(self, peer, sentence, status):
        """Ends as another process does, unless this one is ending, too."""
        if sentence is not None and not self._ending.wait(_GRACE):
            of_another = sentence.startswith("process ")
            self._end(sentence if of_another else f"process {peer} has ended: {sentence}", status)

    def _end(self, sentence, status):
        """Ends this process at once, whatever it waits for; process 0 tells the others first."""
        if self._ending.is_set():
            return
        self._ending.set()
        print(f"{sys.argv[0]}: {sentence}", file=sys.stderr, flush=True)
        if self.index == 0:
            self.leave(sentence, status)
        os._exit(status)


def _processes(indices):
    return f"process {indices[0]}" if len(indices) == 1 else f"processes {', '.join(indices)}"
