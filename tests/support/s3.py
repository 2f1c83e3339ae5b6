"""A server that speaks S3, in a process of its own, which can be made to fail."""

import contextlib
import os
import subprocess
import sys
from unittest import mock

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def server():
    """Gives the process of a server, which has a bucket `bucket`; within this context s3:// leads there."""
    import fsspec

    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        while not line.strip().isdigit():
            line = process.stdout.readline()
        there = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.strip()}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        try:
            with mock.patch.dict(os.environ, there):
                fsspec.get_filesystem_class("s3").clear_instance_cache()
                fsspec.filesystem("s3").mkdir("bucket")
                yield process
        finally:
            fsspec.get_filesystem_class("s3").clear_instance_cache()
            process.kill()
