"""The folder of an embedded server: its door, who is in, and the keeper that shuts it when all have left.

```
HOME/postgres/         closed to everybody else: the server trusts whoever reaches its socket
    door               locked while somebody starts, joins, leaves or stops the server
    holders/           one file for each process that uses the server, locked for as long as it lives
    keeper             locked by the keeper, and its error log
    data/              Postgres' own folder, with the socket and server.log
```

A lock ends with its process, whatever ended it, so nobody can be counted in after death: there is no list of
pids to clean, and a pid given to another process means nothing here. The keeper is this file, run as a small
process of its own. It sleeps on the lock of one holder after the other, and when none is left it stops the
server. A process that ends in good order does the same itself, at once.

Standard library only: the keeper runs this file by its path, where nothing else can be imported.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

# Root's own copy of the programs, when those of the virtual environment lie behind a closed folder.
ROOT_HOME = Path("/var/lib/hitl_graph")

# Postgres refuses to run as root. Under root the server runs as this user id, which has no account and which
# no distribution hands out, so that no other service can reach the data. A folder that has an owner keeps it.
SERVICE_UID = 65527

# The server is started inside its data folder and told to use "here". Under root, it is the way that needs
# no permission on the folders above; for everybody, it keeps odd and long paths away from the server.
HERE = "/proc/self/cwd" if os.path.isdir("/proc/self/cwd") else "."

PORT = 5432  # Only part of the socket's name: the server listens on no network.
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 103  # Bytes; macOS has the smallest limit.

STOP_TIMEOUT_S = 60


class Home:
    """The folder of one server, and the rules for entering and leaving it.

    Args:
        folder: what HITL_HOME names.
        programs: the folder that holds `postgres`, `initdb` and `pg_ctl`.
        throwaway: stop the server without saving, and delete `folder`, when the last process has left.
    """

    def __init__(self, folder: Path, programs: Path, *, throwaway: bool = False) -> None:
        self.folder = folder
        self.programs = programs
        self.throwaway = throwaway
        self.rooms = folder / "postgres"
        self.data = self.rooms / "data"
        self.holders = self.rooms / "holders"

    # --- the door and the people ---

    def prepare(self) -> None:
        """Make the folders, closed to other users. Raises OSError when that is impossible."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", self.folder) from None
        for room in (self.rooms, self.holders):
            with contextlib.suppress(FileExistsError):
                room.mkdir(mode=0o700)
                _own(room)
            if room.stat().st_mode & 0o077:
                room.chmod(0o700)

    @contextlib.contextmanager
    def door(self) -> Iterator[None]:
        """Hold the door: whoever starts, joins, leaves or stops this server does so one at a time."""
        door = self._take_door()
        try:
            yield
        finally:
            os.close(door)

    def _take_door(self) -> int:
        while True:
            door = _open_lock(self.rooms / "door")
            try:
                fcntl.flock(door, fcntl.LOCK_EX)
                # While we waited, the folder may have been deleted and made again: this is no door then.
                if os.path.samestat(os.fstat(door), os.stat(self.rooms / "door")):
                    return door
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(door)  # Left open, it would lock this very process out when it leaves.
                raise
            os.close(door)

    def enter(self) -> tuple[int, Path]:
        """Count this process in, at the door: a descriptor that holds as long as it is open, and its file."""
        descriptor, name = tempfile.mkstemp(prefix=f"{os.getpid()}-", dir=self.holders)
        _own(Path(name))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor, Path(name)

    def first_holder(self) -> Path | None:
        """At the door: the file of a process that lives and uses the server. Clears the files of the dead."""
        for file in sorted(self.holders.iterdir()):
            if _is_locked(file):
                return file
            file.unlink(missing_ok=True)
        return None

    def shut(self) -> bool:
        """At the door: if nobody is in, stop the server, delete what is throwaway, and return True."""
        if self.first_holder() is not None:
            return False
        if self.server_pid() is not None:
            how = "immediate" if self.throwaway else "fast"
            self.run("pg_ctl", "stop", "-D", HERE, "-m", how, "-w", "-t", str(STOP_TIMEOUT_S))
        with contextlib.suppress(OSError):
            if (way := self.socket_folder()) != self.data:
                shutil.rmtree(way.parent)
        if self.throwaway:
            shutil.rmtree(self.folder, ignore_errors=True)
        return True

    # --- the server ---

    def server_pid(self) -> int | None:
        """The pid of the server that runs on this very folder, or None.

        Postgres' own pid file outlives a crash, a reboot and a copy of the folder, and names a stranger then.
        A server works inside its data folder: that tells it from any other process.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().partition("\n")[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if _works_in(pid, self.data) else None

    def server_is_ready(self) -> bool:
        """Whether the server says that it takes connections, and is neither starting nor stopping."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data / "postmaster.pid").read_text().rstrip().endswith("ready")
        return False

    def socket_folder(self) -> Path:
        """The data folder, or a private short way to it where its own path is too long for a socket.

        Raises OSError when there is no such way.
        """
        if len(os.fsencode(self.data / SOCKET)) <= SOCKET_PATH_LIMIT:
            return self.data
        name = f"hitl-{os.geteuid()}-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]}"
        bases = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108  # made private
        for base in bases:
            if base and len(os.fsencode(f"{base}/{name}/d/{SOCKET}")) <= SOCKET_PATH_LIMIT:
                with contextlib.suppress(OSError):
                    return _private_link(Path(base, name), self.data)
        raise OSError(
            errno.ENAMETOOLONG, "too long for a socket, and no private short link could be made", self.data
        )

    def run(self, program: str, *arguments: str, inside: Path | None = None) -> str:
        """Run one of Postgres' programs inside the data folder, never as root; returns what it printed.

        Raises subprocess.CalledProcessError with its output when it fails.
        """
        inside = inside or self.data
        owner = inside.stat() if os.geteuid() == 0 else None
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=inside,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            user=owner.st_uid if owner else None,
            group=owner.st_gid if owner else None,
            extra_groups=() if owner else None,
            check=True,
        )
        return done.stdout

    # --- the keeper ---

    def ensure_keeper(self) -> None:
        """At the door: see that a keeper watches this server.

        Without one, as in a program that embeds Python and has no interpreter to run, the server stops when
        the last process ends in good order, and otherwise when a later one does.
        """
        is_python = Path(sys.executable or "").name.startswith(("python", "pypy"))
        if not is_python or _is_locked(self.rooms / "keeper"):
            return
        options = ["--throwaway"] if self.throwaway else []
        # -I and -S: the standard library and nothing beside this file, so that it starts in 20 ms.
        subprocess.run(
            [sys.executable, "-I", "-S", __file__, self.folder, self.programs, *options],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )

    def keep(self) -> None:
        """Be the keeper: take its lock, let whoever started it go on, and stay until nobody is in."""
        log = _open_lock(self.rooms / "keeper")
        fcntl.flock(log, fcntl.LOCK_EX)
        if os.fork():
            return
        os.ftruncate(log, 0)
        os.dup2(log, 2)
        # A folder that somebody deleted has nothing left to keep.
        with contextlib.suppress(FileNotFoundError):
            while True:
                with self.door():
                    holder = self.first_holder()
                    if holder is None:
                        self.shut()
                        # Still at the door, so that the next process to enter finds no keeper and starts one.
                        os._exit(0)
                    waiting = os.open(holder, os.O_RDONLY)
                fcntl.flock(waiting, fcntl.LOCK_SH)
                os.close(waiting)
        os._exit(0)

    def wait_until_shut(self) -> None:
        """Wait until the server has stopped because everybody has left; not at all when there is none."""
        with contextlib.suppress(FileNotFoundError):
            keeper = os.open(self.rooms / "keeper", os.O_RDONLY)
            fcntl.flock(keeper, fcntl.LOCK_SH)
            os.close(keeper)


def _own(path: Path) -> None:
    """Under root: give a new file to the owner of its folder, who could not use the folder otherwise."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _open_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    _own(path)
    return descriptor


def _is_locked(path: Path) -> bool:
    """Whether a living process holds this file. Asks for a shared lock: two who ask do not meet."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _works_in(pid: int, folder: Path) -> bool:
    if os.path.isdir("/proc/self/cwd"):
        try:
            return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), os.stat(folder))
        except OSError:
            return False
    asked = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip().endswith("postgres")


def _private_link(folder: Path, target: Path) -> Path:
    """A link to `target` in a folder that only this user can enter. Raises OSError when it cannot be so."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "not private", folder)
    link = folder / "d"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(target)
    return link


def _environment() -> dict[str, str]:
    # No PG* variable may bend the server, no odd locale stop it, and no secret live on in it.
    kept = ("PATH", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


if __name__ == "__main__":
    Home(Path(sys.argv[1]), Path(sys.argv[2]), throwaway="--throwaway" in sys.argv).keep()
