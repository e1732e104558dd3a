"""The pages, one file each."""

from hitl_graph.inbox.pages import (
    audit,
    bulk,
    case,
    claim,
    decide,
    draft,
    filters,
    form,
    graphs,
    insights,
    live,
    me,
    notices,
    people,
    queue,
    rules,
)

__all__ = ["ROUTERS"]

ROUTERS = (
    queue.router,
    bulk.router,
    filters.router,
    case.router,
    decide.router,
    claim.router,
    draft.router,
    form.router,
    live.router,
    audit.router,
    graphs.router,
    insights.router,
    people.router,
    rules.router,
    notices.router,
    me.router,
)
