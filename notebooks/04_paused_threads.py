# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. Paused threads: inspect, edit, travel in time, repair
#
# A thread that waits for a person may wait for days. In that time somebody looks into it, corrects what stands there,
# tries something else from an earlier point, copies it, or pulls the plug. This notebook does all of that to paused
# threads, and shows each time what becomes of the case that a person has on their screen.
#
# The graph is that of the first notebook (draft, review, send), in [a file of its own](mail.py): the last part of this
# notebook needs it in other processes.

# %%
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import matplotlib.pyplot as plt
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_graph import Approve, Case, Desk, Edit, Reject, open_checkpointer
from hitl_graph.errors import AmbiguousReview, HitlError, ReviewClosed
from hitl_graph.notebook import read_thread, register
from notebooks.look import draw_history, use_style
from notebooks.mail import ROOT, WORKFLOW, compiled, path_of, sent

use_style()
register()  # draws cases, records and threads as pages
session = ExitStack()
checkpointer = session.enter_context(open_checkpointer())
desk = session.enter_context(Desk())
graph = compiled(checkpointer)

run = uuid4().hex[:6]
os.environ["MAIL_FOLDER"] = session.enter_context(tempfile.TemporaryDirectory())
outbox = "outbox"


def config(name: str) -> Any:
    """The config of one of this notebook's threads."""
    return {"configurable": {"thread_id": f"{run}-{name}"}}


def start(name: str, mail: str = outbox) -> Case:
    """Run a thread to its pause; its case."""
    graph.invoke({"ticket": "Where is my card?", "outbox": mail}, config(name))
    return case_of(name)


def case_of(name: str) -> Case:
    """The one open case of a thread."""
    [case] = desk.pending(thread_id=f"{run}-{name}")
    return case


# %% [markdown]
# ## What waits
#
# Three threads pause. The desk lists their cases, oldest first; whoever reaches the database can do that, the graph is
# not needed.

# %%
for name in ("ana", "ben", "eva"):
    start(name)
for case in desk.pending(workflow=WORKFLOW, limit=1000):
    if case.thread_id.startswith(run):
        print(f"{case.thread_id.removeprefix(run)[1:]:4} {case.gate:6} {case.owner}: {case.question}")

# %% [markdown]
# ## Look into one
#
# LangGraph's own view: what stands in the state, what runs next, and every checkpoint on the way there.

# %%
snapshot = graph.get_state(config("ana"))
print("next:", *snapshot.next)
print("email:", snapshot.values["email"])
for past in graph.get_state_history(config("ana")):
    print(f"step {past.metadata['step']:2}  next: {', '.join(past.next):10} state: {', '.join(past.values)}")

# %% [markdown]
# The same thread as a page, with what it waits for:

# %%
read_thread(graph, config("ana"))

# %% [markdown]
# ## Edit the state
#
# Somebody who may write the state puts another recipient into it while a person has the case on their screen. With a
# plain `interrupt()` the old click would now send what nobody has read. Here the case is closed, and the click is told.

# %%
seen = case_of("ana")
graph.update_state(
    config("ana"), {"email": {"to": "someone.else@example.com", "body": "Changed behind your back."}}
)

print("the case is now:", desk.show(seen.id, thread_id=seen.thread_id).status.value)
try:
    desk.decide(seen.id, Approve(), by="ana", digest=seen.digest)
except ReviewClosed as error:
    print("refused:", str(error).replace(seen.id, "..."))

# %% [markdown]
# When the thread runs on, it asks anew, about what stands there now. So an edit of the state is a proposal like any
# other:

# %%
graph.invoke(None, config("ana"))
fresh = case_of("ana")
print("asked about:", fresh.proposal)
right = Edit({"to": "sam@example.com", "body": "Your card was posted on Monday."})
desk.decide(fresh.id, right, by="ana", digest=fresh.digest)
desk.resume(graph)
print("sent:", sent(outbox))

# %% [markdown]
# The person put the recipient right. Another recipient is another act, and nobody has looked at *that* act yet, so the
# gate asks once more, and shows the round before:

# %%
again = case_of("ana")
assert again.request is not None
print(
    "asked about:", again.proposal["to"], " the round before:", (again.request.previous or {}).get("decision")
)
desk.decide(again.id, Approve(), by="ana", digest=again.digest)
desk.resume(graph)
print("sent:", sent(outbox))

# %% [markdown]
# ## Travel in time
#
# Ben's letter was rejected, drafted again and approved. Later somebody wants to know what would have come of it if the
# first draft had been kept. `get_state_history` has the place; running on from there makes a fork.

# %%
for decision in (Reject(reason="tone"), Approve()):
    case = case_of("ben")
    desk.decide(case.id, decision, by="ben", digest=case.digest)
    desk.resume(graph)
print("sent:", sent(outbox)[-1])

history = list(graph.get_state_history(config("ben")))
first_pause = [past for past in history if past.next == ("reply",)][-1]
graph.invoke(None, first_pause.config)

fork = case_of("ben")
print("asked again about:", fork.proposal["body"])
print("statuses:", [(case.decision_type, case.status.value) for case in desk.cases(thread_id=fork.thread_id)])

# %% [markdown]
# The past is not rewritten: the old cases keep their decisions, and the fork has a case of its own. No old approval
# counts for it.

# %%
desk.decide(fork.id, Edit({"body": "Draft 1 was fine after all."}), by="ben", digest=fork.digest)
desk.resume(graph)
print("sent:", sent(outbox)[-1])
for record in graph.get_state(config("ben")).values["reviews"]:
    print(f"  {record['decision']:8} by {record['by']}: {record['outcome']}")

draw_history(list(graph.get_state_history(config("ben"))))
plt.show()

# %% [markdown]
# ## Copy a thread
#
# To try something without touching the original, copy it. The copy is paused where its source is, and has a case of the
# same id, so the desk wants to know which one is meant.

# %%
source = case_of("eva")
checkpointer.copy_thread(f"{run}-eva", f"{run}-copy")
try:
    desk.decide(source.id, Approve(), by="eva", digest=source.digest)
except AmbiguousReview as error:
    print("refused: the review stands in", len(error.thread_ids), "threads")

desk.decide(source.id, Approve(), by="eva", digest=source.digest, thread_id=f"{run}-copy")
desk.resume(graph)
for name in ("eva", "copy"):
    [case] = desk.cases(thread_id=f"{run}-{name}")
    print(f"{name}: {case.status.value}, {len(graph.get_state(config(name)).values.get('effects', []))} sent")

# %% [markdown]
# ## A bad answer
#
# Not everybody answers through the desk. Somebody resumes the thread by hand, with a word where a decision is wanted. A
# gate refuses that, with any checkpointer. But LangGraph has written the answer down by then, and with a stock saver
# the thread is poisoned: each further run meets the bad answer again.


# %%
def tried(graph: Any, given: Any, config: Any) -> str:
    """Run a thread; what it asks, or what it raises."""
    try:
        result = graph.invoke(given, config)
    except ValueError as error:
        return f"raises {type(error).__name__}"
    return "asks" if "__interrupt__" in result else "runs to its end"


stock = compiled(InMemorySaver())
given = {"ticket": "Where is my card?", "outbox": outbox}
for name, one in (("stock saver", stock), ("ours", graph)):
    print(f"{name:12} paused:               ", tried(one, given, config("bad")))
    print(f"{name:12} answered 'sure':      ", tried(one, Command(resume="sure"), config("bad")))
    print(f"{name:12} run on, no answer:    ", tried(one, None, config("bad")))
    print(f"{name:12} and again:            ", tried(one, None, config("bad")))

# %% [markdown]
# Ours does not keep a scalar answer before a gate has taken it, so the case is still open and answerable. The poisoned
# thread can be mended too: an answer by the interrupt's id goes past the bad one.

# %%
[interrupt] = stock.get_state(config("bad")).interrupts
by_id: Any = Command(resume={interrupt.id: {"type": "approve", "by": "eva"}})
print("stock saver, answered by id:", tried(stock, by_id, config("bad")))
open_case = case_of("bad")
desk.decide(open_case.id, Approve(), by="eva", digest=open_case.digest)
desk.resume(graph)
print("ours, decided at the desk:  ", desk.show(open_case.id, thread_id=open_case.thread_id).status.value)

# %% [markdown]
# ## A thread that fails after the decision
#
# The decision is taken, the thread goes on, and the mail service is down. The decision is not lost and not asked for
# again: the case is `failed`, says why, and is retried when the cause is gone.

# %%
down = "elsewhere/outbox"
case = start("fails", down)
desk.decide(case.id, Approve(), by="ana", digest=case.digest)
[failed] = desk.resume(graph, thread_ids=[case.thread_id])
told = str(failed.error).split("(")[0]
print("the thread raised:", told)
[shown] = desk.cases(status="failed", thread_id=case.thread_id)
print("the case is:", shown.status.value)

path_of(down).parent.mkdir()  # the mail service is back
desk.retry(shown.id, by="ana", thread_id=shown.thread_id)
desk.resume(graph, thread_ids=[case.thread_id])
print("after the retry:", desk.show(shown.id, thread_id=shown.thread_id).status.value, "-", sent(down))
events = [event["type"] for event in desk.history(shown.id, thread_id=shown.thread_id)]
print("history:", " > ".join(kind for kind in events if not kind.startswith("effect")))
print("the act:", " > ".join(kind for kind in events if kind.startswith("effect")))

# %% [markdown]
# ## A process that dies
#
# Now the plug is pulled, twice. A first process brings a thread to its pause and is killed with `-9`. The decision is
# made here. A second process resumes the thread and is killed between the approval and the sending. Nobody is left who
# knows of it, but the database does.

# %%
PAUSE = """
import os, signal, sys
from hitl_graph import open_checkpointer
from notebooks.mail import compiled
thread, outbox = sys.argv[1:]
with open_checkpointer() as checkpointer:
    given = {"ticket": "Where is my card?", "outbox": outbox}
    compiled(checkpointer).invoke(given, {"configurable": {"thread_id": thread}})
    os.kill(os.getpid(), signal.SIGKILL)
"""
DIE = """
import os, signal, sys
from hitl_graph import Desk, open_checkpointer
from notebooks import mail
def die(state):
    os.kill(os.getpid(), signal.SIGKILL)  # approved, and not yet sent
mail.send = die
with open_checkpointer() as checkpointer, Desk() as desk:
    desk.resume(mail.compiled(checkpointer), thread_ids=[sys.argv[1]], durability="sync")
"""
FINISH = """
import sys
from hitl_graph import Desk, open_checkpointer
from notebooks.mail import compiled
with open_checkpointer() as checkpointer, Desk() as desk:
    [resumed] = desk.resume(compiled(checkpointer), thread_ids=[sys.argv[1]])
    print("resumed by another process, applied:", len(resumed.applied))
"""


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another Python, which finds the same database by itself."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)  # noqa: S603  # our own command


thread, before = f"{run}-plug", len(sent(outbox))
print("first process ended with", process(PAUSE, thread, outbox).returncode)
case = case_of("plug")
print("its case waits:", case.question)
desk.decide(case.id, Approve(), by="ana", digest=case.digest)

print("second process ended with", process(DIE, thread).returncode)
unfinished = [left["thread_id"] for left in desk.unfinished_runs()]
print("listed as an unfinished run:", thread in unfinished, " sent by then:", len(sent(outbox)) - before)

# %%
third = process(FINISH, thread)
print(third.stdout.strip())
unfinished = [left["thread_id"] for left in desk.unfinished_runs()]
print("listed as an unfinished run:", thread in unfinished, " sent by now:", len(sent(outbox)) - before)
print("the case is", desk.show(case.id, thread_id=thread).status.value)

# %% [markdown]
# The third process took over what the second left: one approval, one email.
#
# What if a process dies *after* the mail service has taken the email and before anybody has written that down? A
# function that takes the `key` is told again with the same one, and its service sends once. Of any other nobody can
# know whether it has sent: it is not told again before a person has looked (`desk.effects.settle`).
#
# ## Clean up
#
# Deleting a thread closes its open cases. What was decided stays in the desk's history.

# %%
last = case_of("eva")
checkpointer.delete_thread(last.thread_id)
print("after deleting the thread, its case is", desk.show(last.id, thread_id=last.thread_id).status.value)
try:
    desk.decide(last.id, Approve(), by="eva", digest=last.digest, thread_id=last.thread_id)
except HitlError as error:
    print("refused:", str(error).replace(last.id, "..."))
session.close()
