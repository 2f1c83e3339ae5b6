"""A search whose trials lie in PostgreSQL: several processes share it, and kills change nothing.

`make test-postgresql` installs the server where there is none, and runs these.
"""

import glob
import os
import random
import shutil
import subprocess
import tempfile
import time

import pytest
from support import ledgers
from support.forked import Forked

pytestmark = pytest.mark.postgresql


def server_program(name):
    """The path of one of PostgreSQL's own programs; Debian keeps them out of the way."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[::-1]), None)
    assert found is not None, "PostgreSQL is not installed: make test-postgresql installs it"
    return found


def call(program, *arguments):
    """Runs one of them as its own user: it refuses to be run by root."""
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*user, server_program(program), *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="module")
def server():
    """A function of a name that makes a new database and returns its URL."""
    folder = tempfile.mkdtemp(prefix="pg")
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    data, options = os.path.join(folder, "data"), f"-k {folder} -c listen_addresses="
    call("initdb", "--pgdata", data, "--username", "search", "--auth", "trust", "--no-sync")
    call("pg_ctl", "--pgdata", data, "--log", os.path.join(folder, "log"), "--wait", "--options", options, "start")

    def database(name):
        call("createdb", "--host", folder, "--username", "search", name)
        return f"postgresql://search@/{name}?host={folder}"

    yield database
    call("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("undisturbed"))
    ledgers.work(folder, "alone")
    return ledgers.ended(ledgers.ledger(folder))


def test_three_processes_share_a_database(server, tmp_path, undisturbed):
    url = server("shared")
    workers = [Forked(ledgers.work, [str(tmp_path), f"worker{i}", url, 0.02], tmp_path / f"{i}.txt") for i in range(3)]
    for worker in workers:
        printed = worker.join(120)
        assert worker.status == 0, printed
    assert ledgers.noted(tmp_path) == ledgers.noted(tmp_path, "begin") == list(range(16))  # nothing was trained twice
    assert ledgers.ended(ledgers.ledger(str(tmp_path), url)) == undisturbed


def test_kills_change_nothing(server, tmp_path, undisturbed):
    url, choose = server("killed"), random.Random(0)

    def start(i):
        return Forked(ledgers.work, [str(tmp_path), f"worker{i}", url, 0.5], tmp_path / f"{i}.txt")

    workers = [start(0), start(1)]
    for kill in range(10):
        time.sleep(choose.uniform(0.05, 0.4))
        workers[kill % 2].kill()
        workers[kill % 2] = start(kill + 2)
    for worker in workers:
        printed = worker.join(120)
        assert worker.status == 0, printed
    assert ledgers.ended(ledgers.ledger(str(tmp_path), url)) == undisturbed
