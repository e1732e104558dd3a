"""The embedded server, met by real processes that join, end, crash and are killed, and by what they left behind."""

import os
import select
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import pytest

from hitl_graph.storage.embedded import EmbeddedServer, embedded_url
from hitl_graph.storage.home import SOCKET, Home
from tests.integration.holders import IS_ROOT, JOIN, Start, answers, execute, keeper_pid, mode, server_pid

EXIT_ON_SIGTERM = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))" + JOIN


WITHOUT_KEEPER = "import sys; sys.executable = ''" + JOIN


FORK = """
import os, sys
from hitl_graph.storage.embedded import embedded_url
url = embedded_url()
if os.fork() == 0:
    sys.exit(0)
os.wait()
print(url, flush=True)
sys.stdin.read()
"""


def kill_and_wait(pid: int) -> None:
    process = os.pidfd_open(pid)
    signal.pidfd_send_signal(process, signal.SIGKILL)
    select.select([process], [], [])
    os.close(process)


# --- meeting and ending ---


def test_six_racing_processes_share_one_server(start: Start) -> None:
    """Six processes that start at once, on a home without data, meet in one server and one database."""
    holders = [start() for _ in range(6)]
    urls = [holder.url() for holder in holders]
    assert len(set(urls)) == 1
    assert len({execute(url, "SELECT pg_postmaster_start_time()") for url in urls}) == 1
    assert execute(urls[0], "SELECT current_database()") == "hitl"


def test_threads_count_as_one_holder(hitl_home: Path) -> None:
    """Eight threads of one process that join at once get one URL and count once."""
    with ThreadPoolExecutor(8) as threads:
        urls = set(threads.map(lambda _: embedded_url(), range(8)))
    assert len(urls) == 1
    assert len(list((hitl_home / "postgres" / "holders").iterdir())) == 1


def test_server_stays_for_those_who_are_in(start: Start) -> None:
    """A process that ends leaves the server running for another that is still in."""
    first, second = start(), start()
    first.url()
    url = second.url()
    first.end()
    assert answers(url)


def test_server_ends_with_the_last_process(hitl_home: Path, start: Start) -> None:
    """Once the last process has ended, the server has ended: nothing to wait for."""
    first, second = start(), start()
    first.url()
    url = second.url()
    first.end()
    assert second.end() == 0
    assert not answers(url)
    assert not (hitl_home / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.usefixtures("filled")
def test_data_survives_a_restart(start: Start) -> None:
    """What one process stored, another reads from the next server."""
    assert execute(start().url(), "SELECT n FROM kept") == 42


def test_a_forked_child_that_ends_takes_nothing_along(start: Start) -> None:
    """A child that was forked from a holder and ends in good order leaves the server to its parent."""
    holder = start(FORK)
    url = holder.url()
    assert answers(url)
    assert holder.end() == 0
    assert not answers(url)


# --- ending badly ---


@pytest.mark.parametrize("program", [JOIN, WITHOUT_KEEPER], ids=["keeper", "no keeper"])
def test_a_killed_holder_does_not_keep_the_server(start: Start, program: str) -> None:
    """After a kill -9 of one of two, the other stops the server at its end, also where no keeper runs."""
    killed, other = start(program), start(program)
    killed.url()
    url = other.url()
    killed.kill()
    other.end()
    assert not answers(url)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_server_ends_when_the_only_holder_is_killed(hitl_home: Path, start: Start, number: int) -> None:
    """A signal that ends the only holder without cleaning up ends the server as well."""
    holder = start()
    url = holder.url()
    assert holder.kill(number) == -number
    Home(hitl_home, Path()).wait_until_shut()
    assert not answers(url)


def test_sigterm_as_exit_stops_the_server_at_once(start: Start) -> None:
    """A program that turns SIGTERM into an exit has stopped the server when it has ended."""
    holder = start(EXIT_ON_SIGTERM)
    url = holder.url()
    assert holder.kill(signal.SIGTERM) == 3
    assert not answers(url)


def test_a_killed_keeper_is_replaced(hitl_home: Path, start: Start) -> None:
    """When the keeper itself was killed, the next process to join starts another."""
    first = start()
    first.url()
    kill_and_wait(keeper_pid(hitl_home))
    second = start()
    url = second.url()
    first.kill()
    second.kill()
    Home(hitl_home, Path()).wait_until_shut()
    assert not answers(url)


def test_a_crashed_server_comes_back(hitl_home: Path) -> None:
    """After the server was killed, the next call in the same process starts it again, with its data."""
    execute(embedded_url(), "CREATE TABLE kept AS SELECT 42 AS n")
    kill_and_wait(server_pid(hitl_home))
    assert execute(embedded_url(), "SELECT n FROM kept") == 42


# --- what is left behind ---


def test_pid_file_that_names_a_stranger(filled: Path) -> None:
    """A pid file from before a crash, whose pid is another process of the same user by now, stops nobody."""
    owner = filled.stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if IS_ROOT else {}
    with subprocess.Popen(["sleep", "600"], **identity) as stranger:
        content = f"{stranger.pid}\n{filled}\n1\n5432\n.\n\n  1 1\nready\n"
        (filled / "postmaster.pid").write_text(content)
        (filled / f"{SOCKET}.lock").write_text(content)
        assert execute(embedded_url(), "SELECT n FROM kept") == 42
        assert stranger.poll() is None
        stranger.kill()


def test_folder_copied_from_under_a_running_server(filled: Path, tmp_path: Path) -> None:
    """A copy that names the server of the original, which still runs, gets a server of its own."""
    copy = tmp_path / "postgres" / "data"
    shutil.copytree(filled, copy)
    original = embedded_url()
    shutil.copy(filled / "postmaster.pid", copy)
    restored = EmbeddedServer(tmp_path)
    restored.join()
    query: LiteralString = "SELECT pg_postmaster_start_time()"
    assert execute(restored.url(), query) != execute(original, query)
    restored.leave()
    assert answers(original)


def test_folder_restored_with_open_permissions(filled: Path) -> None:
    """A folder that a backup brought back open to all, and under root as root's, works and is closed."""
    filled.chmod(0o755)
    if IS_ROOT:
        subprocess.run(["chown", "-R", "root:root", filled], check=True)
    assert execute(embedded_url(), "SELECT n FROM kept") == 42
    assert mode(filled) == "0o700"


def test_half_made_data_is_made_again(hitl_home: Path) -> None:
    """What a process left that was killed while it made the data folder is cleared away."""
    left = hitl_home / "postgres" / "new-left" / "base"
    left.mkdir(parents=True)
    assert answers(embedded_url())
    assert not left.exists()


def test_door_of_a_deleted_folder_is_no_door(hitl_home: Path) -> None:
    """Who waited at a door that was deleted meanwhile goes through the new one, not through a hole."""
    home, door = Home(hitl_home, Path()), hitl_home / "postgres" / "door"
    home.prepare()

    def enter() -> bool:
        with home.door():
            return door.exists()

    with ThreadPoolExecutor(1) as threads:
        with home.door():
            entered = threads.submit(enter)
            waits = f":{door.stat().st_ino} "
            while not any(
                "->" in line and waits in line for line in Path("/proc/locks").read_text().splitlines()
            ):
                os.sched_yield()
            door.unlink()
        assert entered.result()


def test_deleted_home_is_made_again(hitl_home: Path) -> None:
    """When somebody deletes the home of a process that uses it, the next call starts from nothing."""
    execute(embedded_url(), "CREATE TABLE kept AS SELECT 42 AS n")
    old = server_pid(hitl_home)
    shutil.rmtree(hitl_home)
    url = embedded_url()
    assert execute(url, "SELECT to_regclass('kept') IS NULL") is True
    kill_and_wait(old)  # It would see for itself within a minute.
