"""A server that speaks S3, in a process of its own, that can go and come back."""

import contextlib
import os
import subprocess
import sys
from unittest import mock

PROGRAM = """
import sys
from moto.server import ThreadedMotoServer

port = 0
for line in sys.stdin:
    if line == "start\\n":
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        server.start()
        port = server.get_host_and_port()[1]
    else:
        server.stop()
    print(f"port {port}", flush=True)
"""


class Server:
    """Speaks S3, and has a bucket `bucket`.

    Attributes:
        environment: dict of the variables by which s3:// leads there.
    """

    def __init__(self):
        command = [sys.executable, "-c", PROGRAM]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._do('start')}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def go(self):
        """Ends the server; what it keeps is kept."""
        self._do("stop")

    def come_back(self):
        """Starts it again, at the same address and with what it has kept."""
        self._do("start")

    def kill(self):
        self._process.kill()
        self._process.communicate()

    def _do(self, what):
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and not line.startswith("port "):
            line = self._process.stdout.readline()
        return line.removeprefix("port ").strip()


@contextlib.contextmanager
def served():
    """Gives a `Server`; within this context s3:// leads there."""
    import s3fs

    server = Server()
    try:
        with mock.patch.dict(os.environ, server.environment):
            s3fs.S3FileSystem.clear_instance_cache()
            s3fs.S3FileSystem().mkdir("bucket")
            yield server
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.kill()
