"""I1 to I14, each as far as it can be read from what is known after a run. Pure: evidence in, complaints out."""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from hitl_graph.decisions import APPROVING
from hitl_graph.reviews import proposal_digest

from .evidence import Evidence, Row

__all__ = ["INVARIANTS", "check"]

DECIDED = {"decided"}
VOID = {"refused", "changed", "undone", "reopened", "voided"}
"""Events after which a decision no longer stands."""
OPEN = ("pending", "decided", "failed")
HOLDS_THE_CASE = {"claimed", "claim_renewed", "claim_taken_over"}
ENDS_THE_LEASE = {"claim_released", "rerouted", "reassigned", "escalated", "decided", "voted"}
NEEDS_THE_CASE = {"claimed", "claim_renewed", "rerouted", "reassigned", "snoozed", "decided", "voted"}
"""What nobody can do while somebody else is at the case."""
NOT_THERE = {"ReviewNotFound"}
"""All that another tenant may be told."""


def i1(found: Evidence) -> list[str]:
    """At most one terminal decision per review; who was told "ok" has it, who was told "fail" has not."""
    out = []
    for review in found.reviews:
        standing, by_client = None, collections.Counter[str]()
        for event in found.of(review):
            if event["type"] in DECIDED:
                by = (event["data"] or {}).get("by", "?")
                by_client[by] += 1
                if standing is not None:
                    out.append(f"{_name(review)}: decided by {by} while the decision of {standing} stands")
                standing = by
            elif event["type"] in VOID:
                standing = None
        kept = [d for d in found.decisions if _same(d, review)]
        if len(kept) > 1:
            out.append(f"{_name(review)}: {len(kept)} decisions")
        if (review["status"] in ("decided", "applied", "failed")) != bool(kept) and review[
            "status"
        ] != "superseded":
            out.append(f"{_name(review)}: {review['status']} with {len(kept)} decisions")
        if review.get("approvals", 1) == 1:
            out += _told(found, review, by_client)
    return out


def _told(found: Evidence, review: Row, decided: collections.Counter[str]) -> list[str]:
    """What clients were told against what was decided. One idempotency key is one attempt."""
    ok, unknown = collections.defaultdict(set), collections.Counter[str]()
    for number, op in enumerate(found.ops("decide")):
        if (op.get("thread"), op.get("review")) == (review["thread_id"], review["id"]):
            if op["outcome"] == "ok":
                ok[op["client"]].add(op.get("key") or number)
            unknown[op["client"]] += op["outcome"] == "unknown"
    out = []
    for client in {*ok, *unknown, *(op["client"] for op in found.ops("decide"))}:
        least, most = len(ok[client]), len(ok[client]) + unknown[client]
        if not least <= decided[client] <= most:
            told = f"{least} were accepted and {unknown[client]} unknown"
            out.append(f"{_name(review)}: {decided[client]} decisions by {client}, of which {told}")
    return out


def i2(found: Evidence) -> list[str]:
    """Effects per approved review: one; never a blind retry; what is unknown is shown."""
    out = []
    counts = collections.Counter(act["key"] for act in found.acts)
    rows = {row["key"]: row for row in found.effects}
    again = collections.Counter(
        (event["data"] or {}).get("key")
        for event in found.events
        if event["type"] == "effect_not_done"
        or (event["type"] == "effect_settled" and not (event["data"] or {}).get("happened"))
    )
    for key, number in counts.items():
        if key not in rows:
            out.append(f"act {key}: done, and not in the ledger")
        if number > 1 + (0 if key in rows and rows[key]["idempotent"] else again[key]):
            out.append(f"act {key}: done {number} times")
    for key, row in rows.items():
        if row["status"] == "done" and not counts[key] and not again.get(key):
            out.append(f"act {key}: the ledger says done, and nothing was")
        if row["status"] == "not_done" and counts[key] and not row["idempotent"]:
            out.append(f"act {key}: the ledger says not done, and it was")
        if found.finished and row["status"] == "started":
            out.append(f"act {key}: begun, and left so")
        if row["status"] == "unknown" and found.finished and not _shown(found, row):
            out.append(f"act {key}: unknown, and nobody is shown it")
    return out + _undone_approvals(found, counts)


def _shown(found: Evidence, row: Row) -> bool:
    """Whether somebody is told that the outcome of an act is unknown."""
    told = any(
        e["type"] == "effect_unknown" and (e["data"] or {}).get("key") == row["key"] for e in found.events
    )
    review = found.review(row["key"], row["thread_id"])
    return told and (review is None or review["status"] == "failed")


def _undone_approvals(found: Evidence, counts: Mapping[str, int]) -> list[str]:
    """What was approved and applied, and came to nothing though its thread does not wait."""
    if not found.finished:
        return []
    out = []
    waiting = {thread for thread, _ in found.paused}  # its step ends when all its gates have their answers
    for review in (one for one in found.reviews if one["thread_id"] not in waiting):
        decision = found.decision(review["thread_id"], review["id"])
        if decision is None or decision["type"] not in APPROVING or not decision.get("final_digest"):
            continue
        if "to" in (decision["decision"] or {}).get("changes", {}):
            continue  # another recipient is another act: it has a review of its own
        if review["status"] == "applied" and not counts.get(review["id"]):
            out.append(f"{_name(review)}: approved and applied, and nothing was done")
    return out


def i3(found: Evidence) -> list[str]:
    """No effect without an approving decision or an active boundary version."""
    out = []
    for act in found.acts:
        row = next((row for row in found.effects if row["key"] == act["key"]), None)
        by_policy = row is not None and row["review_id"] is None and str(row["by"]).startswith("policy of ")
        if not by_policy and found.decision(act["thread"], act["key"]) is None:
            out.append(f"act {act['key']}: nobody decided it")
    return out


def i4(found: Evidence) -> list[str]:
    """Hash executed = hash approved = hash shown."""
    out = []
    for decision in found.decisions:
        review = found.review(decision["review_id"], decision["thread_id"])
        if review is None:
            out.append(f"decision about {decision['review_id']}, which is no review")
        elif review["status"] != "superseded" and decision["digest"] != review["digest"]:
            out.append(f"{_name(review)}: decided on something else than what is shown")
    for act in found.acts:
        kept, review = found.decision(act["thread"], act["key"]), found.review(act["key"], act["thread"])
        if kept is None or review is None:
            continue
        if kept.get("final_digest") not in (None, act["digest"]):
            out.append(f"act {act['key']}: not what was approved")
        if kept["type"] == "approve" and review["payload"]["proposal_digest"] != act["digest"]:
            out.append(f"act {act['key']}: not what was shown")
        if "letter" in act and proposal_digest(review["action"], act["letter"]) != act["digest"]:
            out.append(f"act {act['key']}: its digest is not that of what was done")
    return out


def i5(found: Evidence) -> list[str]:
    """Every pause has exactly one visible review; no orphans either way. A thread that was stopped asks nobody."""
    shown = {
        (r["thread_id"], r["id"]) for r in found.reviews if r["status"] in OPEN and r["closed_at"] is None
    }
    stops = {hold["value"] for hold in found.holds if (hold["scope"], hold["kind"]) == ("thread", "stop")}
    stopped = {(r["thread_id"], r["id"]) for r in found.reviews if r["thread_id"] in stops}
    return [
        *(
            f"thread {t} waits for {r}, and nobody is asked"
            for t, r in sorted(found.paused - shown - stopped)
        ),
        *(
            f"review {r} of thread {t} is open, and the thread does not wait for it"
            for t, r in sorted(shown - found.paused)
        ),
    ]


def i6(found: Evidence) -> list[str]:
    """Every decision resumes its thread, or raises an alarm; nothing is stuck once all has come to rest."""
    if not found.finished:
        return []
    held = {hold["value"] for hold in found.holds if hold["released_at"] is None}
    everything = any(hold["scope"] != "thread" and hold["released_at"] is None for hold in found.holds)
    out = []
    for review in found.reviews:
        if review["status"] == "decided" and not everything and review["thread_id"] not in held:
            out.append(f"{_name(review)}: decided, and its thread was never told")
        if review["status"] == "failed" and not review["error"]:
            out.append(f"{_name(review)}: failed, and says nothing")
    out += [f"thread {run['thread_id']}: a run that nobody finishes" for run in found.runs if run["holder"]]
    return out + [f"thread {thread}: stands still, and waits for nobody" for thread in found.unfinished]


def i7(found: Evidence) -> list[str]:
    """What was rejected, expired or cancelled never executes."""
    out = []
    for act in found.acts:
        review, decision = found.review(act["key"], act["thread"]), found.decision(act["thread"], act["key"])
        if decision is not None and decision["type"] not in APPROVING:
            out.append(f"act {act['key']}: done after {decision['type']}")
        if review is not None and review["status"] == "superseded":
            out.append(f"act {act['key']}: done though its case was superseded")
    return out


def i8(found: Evidence) -> list[str]:
    """The audit event commits with what it describes, and the chain verifies."""
    out = [f"audit chain: {problem}" for problem in found.chain]
    for review in found.reviews:
        types = [event["type"] for event in found.of(review)]
        if "asked" not in types:
            out.append(f"{_name(review)}: no event says that it was asked")
        decision = found.decision(review["thread_id"], review["id"])
        told = {(e["data"] or {}).get("by") for e in found.of(review)}
        if decision is not None and decision["by"] not in told:
            out.append(f"{_name(review)}: no event tells of the decision by {decision['by']}")
        needed = {
            "applied": {"applied", "decided_elsewhere"},
            "superseded": {"superseded"},
            "failed": {"failed"},
        }
        if not needed.get(review["status"], set(types)) & set(types) and types:
            out.append(f"{_name(review)}: {review['status']}, and no event says so")
    told_acts = {(e["data"] or {}).get("key") for e in found.events if e["type"].startswith("effect_")}
    out += [
        f"act {e['key']}: {e['status']}, and no event says so"
        for e in found.effects
        if e["status"] in ("done", "unknown") and e["key"] not in told_acts
    ]
    return out


def i9(found: Evidence) -> list[str]:
    """A lapsed lease loses no draft and makes no decision; a live one keeps the others out."""
    return [line for review in found.reviews for line in _leases(found, review)] + _drafts(found)


def _leases(found: Evidence, review: Row) -> list[str]:
    """What was done to a case while somebody else held it, and decisions that nobody made."""
    out: list[str] = []
    name, place = _name(review), (review["thread_id"], review["id"])
    clients = {op["client"] for op in found.history}
    tried = {op["client"] for op in found.ops("decide") if (op["thread"], op["review"]) == place}
    holder, until = None, None
    for event in found.of(review):
        data = event["data"] or {}
        kind, by = event["type"], data.get("by")
        live = holder if until is not None and event["at"] < until else None
        if kind in NEEDS_THE_CASE and data.get("via") != "system" and live not in (None, by):
            out.append(f"{name}: {kind} by {by} while {live} holds it")
        if kind == "claim_renewed" and live is None:
            out.append(f"{name}: a lease that had lapsed was renewed by {by}")
        if kind == "decided" and by in clients - tried:
            out.append(f"{name}: {by} never decided, and a decision is theirs")
        if kind in HOLDS_THE_CASE:
            holder, until = by, dt.datetime.fromisoformat(data["until"])
        elif kind in ENDS_THE_LEASE and data.get("to") != holder:
            holder = until = None
    return out


def _drafts(found: Evidence) -> list[str]:
    """Drafts that were saved and are not there, or not as they were saved. One's own decision takes one's own."""

    def place(op: Row) -> tuple[str, str, str]:
        return op["thread"], op["review"], op["client"]

    kept = {(d["thread_id"], d["review_id"], d["by"]): d["body"] for d in found.drafts}
    last = {place(op): op.get("body") for op in found.ops("draft", "ok")}
    unsure = {place(op) for op in found.ops("draft", "unknown")}
    for event in found.events:
        if event["type"] in DECIDED:
            last.pop((event["thread_id"], event["review_id"], (event["data"] or {}).get("by", "")), None)
    lost = [one for one in last if one not in kept]
    other = [one for one in last if one in kept and one not in unsure and last[one] not in (None, kept[one])]
    return [
        *(f"review {review} of thread {thread}: the draft of {by} is lost" for thread, review, by in lost),
        *(
            f"review {review} of thread {thread}: the draft of {by} is another"
            for thread, review, by in other
        ),
    ]


def i10(found: Evidence) -> list[str]:
    """Time comes from the database's clock: nothing from before it began or after now, nothing early."""
    times = [(f"event {e['id']} ({e['type']})", e["at"]) for e in found.events]
    times += [(f"decision about {d['review_id']}", d["decided_at"]) for d in found.decisions]
    times += [(f"case {r['id']}", r["asked_at"]) for r in found.reviews]
    out = [
        f"{what}: at {at}, which is not of the database's clock"
        for what, at in times
        if (found.since is not None and at < found.since) or (found.now is not None and at > found.now)
    ]
    for review in found.reviews:
        decision = found.decision(review["thread_id"], review["id"])
        if decision is None:
            continue
        if decision["decided_at"] < review["asked_at"]:
            out.append(f"{_name(review)}: decided before it was asked")
        expired = decision["via"] == "system" and str(decision["by"]).startswith("system:")
        if expired and review["due_at"] is not None and decision["decided_at"] < review["due_at"]:
            out.append(f"{_name(review)}: expired early")
    return out


def i11(found: Evidence) -> list[str]:
    """Tenants are isolated: what belongs to a thread is its tenant's, and to the others it is not there at all."""
    of_thread: dict[str, str] = {r["thread_id"]: r.get("tenant", "default") for r in found.reviews}
    out = []
    for kind in ("decisions", "events", "effects", "drafts", "runs"):
        for row in getattr(found, kind):
            expected = of_thread.get(row["thread_id"])
            if expected is not None and row.get("tenant", expected) != expected:
                out.append(f"{kind} of thread {row['thread_id']}: of tenant {row['tenant']}, not {expected}")
    for op in found.history:
        if "tenant" not in op or of_thread.get(op["thread"], op["tenant"]) == op["tenant"]:
            continue
        who = f"{op['client']} of tenant {op['tenant']}"
        if op["outcome"] == "ok":
            out.append(f"{who} did {op['op']} on thread {op['thread']}")
        elif op["outcome"] == "fail" and op["error"] not in NOT_THERE:
            out.append(f"{who} was told {op['error']} of thread {op['thread']}: it is there, then")
    return out


def i12(found: Evidence) -> list[str]:
    """An edit is validated and judged again: what was done under a review is the act that was reviewed."""
    out = []
    for act in found.acts:
        review, decision = found.review(act["key"], act["thread"]), found.decision(act["thread"], act["key"])
        if review is None or "letter" not in act:
            continue
        letter, shown = act["letter"], review["payload"]["proposal"]
        if letter.get("to") != shown.get("to"):
            out.append(f"act {act['key']}: to {letter.get('to')}, and reviewed was {shown.get('to')}")
        if set(letter) != {"to", "body"} or not all(isinstance(value, str) for value in letter.values()):
            out.append(f"act {act['key']}: its content breaks the schema")
        if decision is not None and decision["type"] == "edit":
            final = {**shown, **decision["decision"]["changes"]}
            if letter != final:
                out.append(f"act {act['key']}: not the edit that was decided")
    return out


def i13(found: Evidence) -> list[str]:
    """Probes never execute: nothing is done for them, and nothing is begun."""
    out = [f"act {act['key']}: done for a probe" for act in found.acts if act["thread"] in found.probes]
    return out + [
        f"act {row['key']}: begun for a probe" for row in found.effects if row["thread_id"] in found.probes
    ]


def i14(found: Evidence) -> list[str]:
    """Undone before dispatch means never done; after it, the client was told that it is too late."""
    out = []
    for op in found.ops("undo", "ok"):
        review = found.review(op["review"], op["thread"])
        events = [] if review is None else found.of(review)
        undone = max((e["id"] for e in events if e["type"] == "undone"), default=None)
        if undone is None:
            out.append(f"review {op['review']}: told that it was undone, and no event says so")
            continue
        decided_again = any(e["id"] > undone and e["type"] in DECIDED for e in events)
        done = [act for act in found.acts if (act["thread"], act["key"]) == (op["thread"], op["review"])]
        if done and not decided_again:
            out.append(f"review {op['review']}: undone, and done")
    for op in found.ops("undo", "fail"):
        decision = found.decision(op["thread"], op["review"])
        if op["error"] == "TooLate" and decision is not None and decision.get("dispatched_at") is None:
            out.append(f"review {op['review']}: too late, it was said, and nothing was handed over")
    return out


INVARIANTS: dict[str, Callable[[Evidence], list[str]]] = {
    f"I{number}": rule
    for number, rule in enumerate((i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14), start=1)
}


def check(found: Evidence) -> list[str]:
    """All complaints, each with its invariant."""
    return [f"{name}: {problem}" for name, rule in INVARIANTS.items() for problem in rule(found)]


def _name(review: Row) -> str:
    return f"review {review['id']} of thread {review['thread_id']}"


def _same(decision: Row, review: Any) -> bool:
    return (decision["thread_id"], decision["review_id"]) == (review["thread_id"], review["id"])
