"""Where the embedded server lies, and what of the environment counts."""

import tempfile
from pathlib import Path

import pytest

from hitl_graph.storage import embedded
from hitl_graph.storage.embedded import EmbeddedServer, database_url, embedded_url
from hitl_graph.storage.home import ROOT_HOME, SOCKET, Home
from tests.integration.holders import IS_ROOT, answers, execute, keeper_pid, mode, server_pid


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
