"""Whatever a desk can do: another tenant's ids are no ids at all (I11)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_graph import Desk
from hitl_graph.testing.databases import Databases

from .foreign import NOWHERE, SECRET, Ids, calls, everything, fill, outcome, without_role

NOT_WALKED = {
    "resume": "takes a graph; see test_savers",
    "run_on": "takes a graph, whose saver is bound; see test_savers",
    "rows": "takes SQL; see test_guards",
}
CALLS = sorted(calls(Desk("postgresql://nowhere")))


@pytest.fixture(scope="module", params=["both guards", "without row-level security"])
def acme(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Ids]]:
    """A database in which acme has something of every kind; and one where only the statements keep tenants apart."""
    with databases.fresh_database() as url:
        if request.param == "without row-level security":
            without_role(url)
        yield url, fill(url, tmp_path_factory.mktemp("acme"))


@pytest.mark.parametrize("name", CALLS)
async def test_a_foreign_id_is_answered_as_one_that_does_not_exist(acme: tuple[str, Ids], name: str) -> None:
    """The same error or the same nothing, in the same words; nothing of the other tenant is told or changed (I11)."""
    if name in NOT_WALKED:
        return
    url, ids = acme
    before = everything(url, "acme")
    foreign, nowhere = await outcome(url, name, ids), await outcome(url, name, NOWHERE)

    assert foreign == nowhere
    assert SECRET not in foreign
    assert everything(url, "acme") == before


async def test_the_tenant_itself_finds_what_it_owns(acme: tuple[str, Ids]) -> None:
    """The same ids, asked by their owner: so the walk above could have found something."""
    url, ids = acme
    async with Desk(url, tenant="acme") as desk:
        case = await desk.show(ids.review_id)
        effect = await desk.effects.show(ids.key)

    assert (case.thread_id, effect.thread_id) == (ids.thread_id, "thread-done")
    assert SECRET in str(everything(url, "acme"))
