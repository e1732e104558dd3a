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
# # 3. Confidence: a threshold chosen on data
#
# A classifier sorts customer messages and says how sure it is. Where it is sure enough, the graph goes on alone; below
# that a person is asked. "Sure enough" is a number, and this notebook is about where that number comes from:
#
# 1. train a small honest classifier, and find out what its scores are worth;
# 2. put a price on a mistake and on a review, one for each kind of act;
# 3. choose a bar on one set of messages and report on another;
# 4. put the bars into gates, run a graph, and count what happened;
# 5. see what no threshold can promise.

# %%
import re
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from typing import Any
from uuid import uuid4

import matplotlib.pyplot as plt
import numpy as np
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Approve,
    AuditSample,
    Choose,
    ConfidenceGate,
    Decision,
    Desk,
    Edit,
    Evidence,
    HitlState,
    Option,
    Owner,
    ReviewKind,
    Thresholds,
    add_gate,
    check_boundary,
    effect,
    open_checkpointer,
)
from notebooks.look import AMBER, BLUE, GREEN, GREY, RED, caption, use_style
from notebooks.messages import Labelled, load

use_style()
messages = load()
print(f"from {messages.whose}")
print(messages.sizes)

# %% [markdown]
# ## A classifier in thirty lines
#
# Naive Bayes on words and pairs of words: count how often each occurs under each label, add up the logarithms. It is
# old, quick, and needs nothing but counting. (McCallum and Nigam, 1998, "A comparison of event models for naive Bayes
# text classification".) A language model's answer would take its place; everything after it stays as it is.


# %%
def words(text: str) -> set[str]:
    """The words of a text, and the pairs of neighbours."""
    found = re.findall(r"[a-z']+", text.lower())
    return {*found, *map(" ".join, pairwise(found))}


def as_shares(evidence: Any, temperature: float) -> Any:
    """Logarithms as shares that add up to 1 in each row; none is ever certain."""
    raw = np.exp((evidence - evidence.max(axis=1, keepdims=True)) / temperature)
    return np.minimum(raw / raw.sum(axis=1, keepdims=True), 0.999)


class NaiveBayes:
    """Scores for each label. `temperature` divides them: above 1 it makes the classifier less sure of itself."""

    def __init__(self, rows: list[Labelled], smoothing: float = 0.1) -> None:
        self.labels = sorted({row.label for row in rows})
        self.vocabulary = {
            word: n for n, word in enumerate(sorted(set().union(*(words(row.text) for row in rows))))
        }
        self.temperature = 1.0
        place = {label: n for n, label in enumerate(self.labels)}
        counts = np.full((len(self.labels), len(self.vocabulary)), smoothing)
        for row in rows:
            counts[place[row.label], [self.vocabulary[word] for word in words(row.text)]] += 1
        self.log_likelihood = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.log_prior = np.log(np.bincount([place[row.label] for row in rows]) / len(rows))

    def evidence(self, texts: list[str]) -> Any:
        """The logarithms that each label adds up: one row for each text, one column for each label."""
        known = [[self.vocabulary[w] for w in words(text) if w in self.vocabulary] for text in texts]
        return np.array([self.log_prior + self.log_likelihood[:, columns].sum(axis=1) for columns in known])

    def probabilities(self, texts: list[str]) -> Any:
        """The same as shares from 0 to 1."""
        return as_shares(self.evidence(texts), self.temperature)

    def sort(self, rows: list[Labelled]) -> tuple[Any, Any, Any]:
        """For each message: the likeliest label, its probability, and whether that label is right."""
        shares = self.probabilities([row.text for row in rows])
        best = np.array(self.labels)[shares.argmax(axis=1)]
        return best, shares.max(axis=1), best == np.array([row.label for row in rows])


model = NaiveBayes(messages.learn)
parts = {"learned from": messages.learn, "to choose on": messages.choose, "to report on": messages.report}
for name, rows in parts.items():
    print(f"right on the messages {name}: {model.sort(rows)[2].mean():.1%}")

# %% [markdown]
# The first line is why one never judges a model by what it has learned from. The other two are what it can do.
#
# ## Is a 0.9 nine in ten?
#
# Naive Bayes counts every word as independent evidence, and words are not, so it is far too sure of itself. One
# number, the temperature, takes most of that back. It is fitted on the messages to choose on. (Guo et al., 2017, "On
# calibration of modern neural networks".)
#
# The bars are Wilson's 95% intervals: how far the share that was measured may be from the true one. (Wilson, 1927,
# "Probable inference, the law of succession, and statistical inference".)


# %%
def wilson(hits: float, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share, from 0 to 1; everything is possible where nothing was counted."""
    if of == 0:
        return 0.0, 1.0
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def surprise(shares: Any, rows: list[Labelled]) -> float:
    """How surprised the classifier is by the right labels (mean negative log-likelihood); lower is better."""
    place = {label: n for n, label in enumerate(model.labels)}
    right = [shares[n, place[row.label]] for n, row in enumerate(rows) if row.label in place]
    return -float(np.mean(np.log(np.maximum(right, 1e-12))))


def reliability(score: Any, right: Any, bins: int) -> list[tuple[float, float, int]]:
    """Messages of like confidence together, as many in each: mean confidence, share right, how many."""
    parts = np.array_split(np.argsort(score), bins)
    return [(float(score[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def draw_reliability(axes: Any, title: str, colour: str) -> float:
    """One curve of confidence against what came of it; returns the mean distance between the two."""
    _, score, right = model.sort(messages.report)
    points = reliability(score, right, bins=max(2, min(10, len(score) // 5)))
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--", label="as sure as right")
    for confidence, share, size in points:
        low, high = wilson(share * size, size)
        axes.vlines(confidence, low, high, color=colour, lw=2, alpha=0.6)
    axes.plot(
        [p[0] for p in points],
        [p[1] for p in points],
        "o-",
        color=colour,
        ms=4,
        label="measured, 95% interval",
    )
    axes.set(title=title, xlabel="mean confidence of the group (share)", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="upper left")
    return sum(abs(confidence - share) * size for confidence, share, size in points) / len(score)


figure, (left, right_axes) = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
model.temperature = 1.0
before = draw_reliability(left, "As it comes", RED)
evidence = model.evidence([row.text for row in messages.choose])
candidates = [float(t) for t in np.arange(1.0, 12.1, 0.25)]
temperature = min(candidates, key=lambda t: surprise(as_shares(evidence, t), messages.choose))
model.temperature = temperature
after = draw_reliability(right_axes, f"At temperature {temperature:g}", BLUE)
left.set_ylabel("right in that group (share)")
caption(
    figure,
    "Messages to report on, in groups of equal size. On the dashed line a 0.9 is right nine times in ten.",
)
plt.show()
print(f"mean distance between confidence and share right: {before:.3f} before, {after:.3f} after")

# %% [markdown]
# ## What is bought with a higher bar
#
# The higher the bar, the fewer messages pass alone, and the fewer of those are wrong. Which point to take is not a
# question of statistics: it depends on what a mistake costs.

# %%
guess, score, right = model.sort(messages.choose)
grid = np.round(np.arange(0.30, 0.996, 0.005), 3)
shares = np.array([(score >= bar).mean() for bar in grid])
errors = [(int((~right[score >= bar]).sum()), int((score >= bar).sum())) for bar in grid]
rate = np.array([wrong / max(1, of) for wrong, of in errors])
limits = np.array([wilson(wrong, of) for wrong, of in errors])

figure, axes = plt.subplots(figsize=(9, 3.8))
axes.fill_between(shares, limits[:, 0], limits[:, 1], color=BLUE, alpha=0.18, lw=0, label="95% interval")
axes.plot(shares, rate, color=BLUE, label="wrong among those that pass")
for bar in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
    at = int(np.argmin(abs(grid - bar)))
    axes.plot(shares[at], rate[at], "o", color=BLUE, ms=5)
    axes.annotate(f"{bar:g}", (shares[at], rate[at]), xytext=(-4, 7), textcoords="offset points", ha="right")
axes.set(title="Wrong among those that pass, by bar", ylabel="wrong among them (share)")
axes.set_xlabel("messages that pass alone (share)")
axes.set_ylim(0, None)
axes.legend(loc="upper left")
caption(
    figure,
    "Messages to choose on. The numbers along the line are bars: at 0.9, what is 0.9 sure or surer passes.",
)
plt.show()

# %% [markdown]
# ## What a mistake costs
#
# The same guess serves two acts here. A wrong *tag* sends the message to the wrong colleague, who sends it on. A wrong
# *answer* reaches the customer. A tag that is about security and wrong costs more than others: every hour counts there.
#
# The costs are ours, in minutes of somebody's work; put yours in their place. With $p$ the chance of being right,
# acting alone costs $(1-p)\,c_{\text{wrong}}$ on average and asking costs $c_{\text{review}}$. So an act should pass
# where
#
# $$p \;\ge\; 1 - \frac{c_{\text{review}}}{c_{\text{wrong}}}$$
#
# (Chow, 1970, "On optimum recognition error and reject tradeoff".) The formula trusts the confidence. The curve below
# does not: it adds up what each bar would have cost on the messages to choose on. Where they agree, the scores are
# calibrated well enough for the purpose.

# %%
SECURITY = {
    "security",
    "card_payment_not_recognised",
    "cash_withdrawal_not_recognised",
    "compromised_card",
    "direct_debit_payment_not_recognised",
    "lost_or_stolen_card",
    "lost_or_stolen_phone",
    "passcode_forgotten",
    "pin_blocked",
}


def segment_of(label: str) -> str:
    """Which bars apply to a message that is taken to be about this."""
    return "security" if label in SECURITY else "other"


MINUTES = {  # act and segment: a mistake, a review
    ("tag_ticket", "other"): (4.0, 0.5),
    ("tag_ticket", "security"): (20.0, 0.5),
    ("send_answer", "other"): (45.0, 1.5),
    ("send_answer", "security"): (120.0, 1.5),
}


def cost(score: Any, right: Any, bar: float, minutes: tuple[float, float]) -> float:
    """Minutes for each message when those under the bar are reviewed and the others go alone."""
    wrong, review = minutes
    passes = score >= bar
    return float(((passes & ~right) * wrong + ~passes * review).mean())


def cheapest(score: Any, right: Any, minutes: tuple[float, float]) -> float:
    """The bar of the grid that would have cost least; of equal ones the highest."""
    costs = [cost(score, right, bar, minutes) for bar in grid]
    return float(max(bar for bar, c in zip(grid, costs, strict=True) if c <= min(costs) + 1e-12))


NEVER = 1.0  # no guess of the classifier reaches it
generator = np.random.default_rng(7)
segments = np.array([segment_of(label) for label in guess])
bars: dict[tuple[str, str], float] = {}
figure, panels = plt.subplots(2, 2, figsize=(9, 6), sharex=True)
for axes, ((act, segment), minutes) in zip(panels.flat, MINUTES.items(), strict=True):
    its_score, its_right = score[segments == segment], right[segments == segment]
    size, formula = len(its_score), 1 - minutes[1] / minutes[0]
    measured, low, high = NEVER, 0.0, 1.0
    if size:
        measured = cheapest(its_score, its_right, minutes)
        draws = [generator.integers(0, size, size) for _ in range(200)]
        low, high = np.percentile([cheapest(its_score[d], its_right[d], minutes) for d in draws], [5, 95])
        axes.plot(grid, [cost(its_score, its_right, bar, minutes) for bar in grid], color=BLUE)
    over = its_score >= measured
    at_most = wilson((over & ~its_right).sum(), over.sum())[1]
    pays = at_most * minutes[0] <= minutes[1]
    bars[act, segment] = round(measured, 3) if pays else NEVER
    axes.axvspan(low, high, color=BLUE, alpha=0.12, lw=0)
    axes.axhline(minutes[1], color=GREY, lw=1, ls=":")
    axes.axvline(formula, color=AMBER, lw=1.5, ls="--")
    axes.axvline(bars[act, segment], color=GREEN, lw=2)
    axes.set(title=f"{act}, {segment}: {size:,} messages", ylabel="minutes a message", ylim=(0, None))
    print(f"{act:12} {segment:9} formula {formula:.3f}   cheapest {measured:.3f} ({low:.3f} to {high:.3f})")
    print(f"{'':22} wrong over it: at most {at_most:.1%}, so the bar is {bars[act, segment]:.3f}")
for axes in panels[1]:
    axes.set_xlabel("bar (confidence, share)")
words_below = (
    "Green: the bar that is taken. Dashed: the formula. Dotted: the cost of asking about everything.\n"
)
caption(figure, words_below + "Shaded: where the cheapest bar lies in 90% of 200 resamples.")
plt.show()

# %% [markdown]
# The cheapest bar is only as good as the messages behind it. So it has to show that it pays: the upper end of Wilson's
# interval for the errors over it, times what one costs, must not be more than a review. Where too few messages can show
# that, the bar is 1 and a person is asked about every one. A rare segment is asked about because it is rare, not only
# because it is dear.
#
# And the same message has two bars: it may be tagged alone and still not be answered alone.
#
# ## On messages that had no say in it
#
# A bar looks best on the messages that it was chosen on. These figures are from the others.

# %%
guess_report, score_report, right_report = model.sort(messages.report)
segments_report = np.array([segment_of(label) for label in guess_report])


def outcome(act: str, segment: str, labels: Any, score: Any, right: Any) -> tuple[float, int, int]:
    """Share that passes, how many pass, how many of those are wrong."""
    mine = labels == segment
    passes = mine & (score >= bars[act, segment])
    return float(passes.sum() / max(1, mine.sum())), int(passes.sum()), int((passes & ~right).sum())


figure, axes = plt.subplots(figsize=(9, 3.2))
for place, (act, segment) in enumerate(bars):
    for shift, name, colour, part in (
        (-0.15, "chosen on", GREY, (segments, score, right)),
        (0.15, "reported on", BLUE, (segments_report, score_report, right_report)),
    ):
        share, passed, wrong = outcome(act, segment, *part)
        low, high = wilson(wrong, passed)
        line = f"{act:12} {segment:9} {name:12} {share:6.1%} pass alone"
        if passed:
            axes.plot(
                [low, high], [place + shift] * 2, color=colour, lw=3, label=name if place == 0 else None
            )
            axes.plot(wrong / passed, place + shift, "o", color=colour, ms=6)
            line += f", {passed:5,} in all; wrong among them {wrong / passed:6.2%} ({low:.2%} to {high:.2%})"
        print(line)
axes.set_yticks(range(len(bars)), [f"{act}, {segment}" for act, segment in bars])
axes.set(
    title="Wrong among those that pass alone", xlabel="share, with Wilson's 95% interval", xlim=(0, None)
)
axes.set_ylim(len(bars) - 0.5, -0.5)
if axes.get_legend_handles_labels()[0]:
    axes.legend(loc="lower right")
caption(
    figure,
    "A wide line means that little is known, whatever the dot says. No line: every such message is asked about.",
)
plt.show()

total = {"as chosen": 0.0, "ask about everything": 0.0, "never ask": 0.0}
for (act, segment), minutes in MINUTES.items():
    mine = segments_report == segment
    for name, bar in (("as chosen", bars[act, segment]), ("ask about everything", 1.1), ("never ask", 0.0)):
        total[name] += (
            cost(score_report[mine], right_report[mine], bar, minutes) * mine.mean() if mine.any() else 0.0
        )
for name, spent in total.items():
    print(f"{name:22} {spent:6.2f} minutes a message, both acts together")

# %% [markdown]
# ## Into the gates
#
# The bars belong to the policy, by act and by segment. A segment that nobody thought of is asked about. Of what would
# pass, 5% are asked about all the same: the audit sample. Without it nobody would know what passes.


# %%
class Answer(BaseModel):
    """A standard letter: what it is about, and to whom."""

    to: str
    about: str


def message(state: Any) -> list[Evidence]:
    """What every reviewer sees beside the question."""
    return [Evidence("Customer message", state["text"], source="inbox")]


def segment_in(state: Any) -> str:
    """The segment of the label that is proposed."""
    return segment_of(state["tag"]["category"])


thresholds = Thresholds(
    {act: {s: bars[act, s] for s in ("security", "other")} for act in ("tag_ticket", "send_answer")}
)
tag_ticket = ActionClass("tag_ticket", reversible=True)
send_answer = ActionClass("send_answer", reversible=False, audience="customer", touches={"trust"})
triage = ConfidenceGate(
    name="triage",
    action=tag_ticket,
    proposal="tag",
    kind=ReviewKind.CHOOSE,
    options=[Option(label, label.replace("_", " ")) for label in model.labels],
    option_field="category",
    question="What is this message about?",
    evidence=message,
    consequence="Tags the message {category}.",
    owner=Owner("triage"),
    score="confidence",
    segment=segment_in,
    thresholds=thresholds,
    audit=AuditSample(rate=0.05, salt="notebook"),
)
answer = ConfidenceGate(
    name="answer",
    action=send_answer,
    proposal="answer",
    schema=Answer,
    allowed=("approve", "edit", "reject"),
    question="Does this standard letter answer the customer's message?",
    evidence=message,
    consequence="Sends {to} the standard letter about {about}.",
    owner=Owner("support-agents"),
    score="confidence",
    segment=segment_in,
    thresholds=thresholds,
    audit=AuditSample(rate=0.05, salt="notebook"),
    unattended="A fixed text for each matter, which promises nothing and names a way to reach a person.",
)
thresholds

# %% [markdown]
# A gate is a pure function of the state, so a policy can be tried on thousands of messages without any graph:


# %%
def state_of(row: Labelled, label: str, confidence: float) -> dict[str, Any]:
    """What the graph's state will be at the gates."""
    return {"text": row.text, "confidence": float(confidence), "tag": {"category": str(label)}}


judged = Counter[str]()
audited = Counter[str]()
let_through = Counter[str]()
for row, label, confidence, is_right in zip(
    messages.report, guess_report, score_report, right_report, strict=True
):
    judgement = triage.judge(state_of(row, label, confidence)).judgement
    code = judgement.reasons[0].code
    judged[code] += 1
    if code == "audit_sample":
        audited["right" if is_right else "wrong"] += 1
    if code in ("audit_sample", "confident"):
        let_through["right" if is_right else "wrong"] += 1
print("triage on all messages to report on:", dict(judged))
low, high = wilson(audited["wrong"], audited.total())
print(
    f"wrong over the bar, as the audit tells it: {audited['wrong']} of {audited.total()}, {low:.1%} to {high:.1%}"
)
truth = f"{let_through['wrong']} of {let_through.total():,}, {let_through['wrong'] / max(1, let_through.total()):.1%}"
print(f"wrong over the bar, which production never knows: {truth}")

# %% [markdown]
# ## The graph
#
# Sort, tag, answer. What a person tagged is certain from then on, so they are not asked the same thing twice.


# %%
class State(HitlState, total=False):
    """One message."""

    sender: str
    text: str
    tag: dict[str, Any]
    confidence: float
    answer: dict[str, Any]


def classify(state: State) -> dict[str, Any]:
    """The classifier's guess, as plain JSON."""
    row = model.probabilities([state["text"]])[0]
    return {"tag": {"category": model.labels[int(row.argmax())]}, "confidence": float(row.max())}


def prepare(state: State) -> dict[str, Any]:
    """The letter for the tag that stands now."""
    by_person = any(record["gate"] == "triage" for record in state.get("reviews", []))
    letter = {"to": state["sender"], "about": state["tag"]["category"]}
    return {"answer": letter, "confidence": 1.0 if by_person else state["confidence"]}


def send(state: State, key: str) -> None:
    """A mail service would stand here; it takes `key`, so that nothing is sent twice."""


builder = StateGraph(State)
builder.add_node("classify", classify)
builder.add_node("prepare", prepare)
builder.add_node("send", effect(send, action=send_answer))
add_gate(builder, triage, approved="prepare")
add_gate(builder, answer, approved="send", rejected=END)
builder.add_edge(START, "classify")
builder.add_edge("classify", "triage")
builder.add_edge("prepare", "answer")
builder.add_edge("send", END)
check_boundary(builder)

# %%
session = ExitStack()
checkpointer = session.enter_context(open_checkpointer())
desk = session.enter_context(Desk())
graph = builder.compile(checkpointer=checkpointer, name="threshold").with_config(
    metadata={"workflow": "threshold"}
)

run = uuid4().hex[:8]
sample = {f"{run}-{n}": row for n, row in enumerate(messages.report[:150], start=1)}
inputs: list[Any] = [{"sender": "customer@example.com", "text": row.text} for row in sample.values()]
configs: list[Any] = [{"configurable": {"thread_id": thread}, "max_concurrency": 8} for thread in sample]
graph.batch(inputs, configs)


def decide(case: Any, label: str) -> Decision:
    """A scripted reviewer, who knows the right label. People are not that good: see what a slip costs."""
    if case.gate == "triage":
        return Choose(label)
    return Approve() if case.proposal["about"] == label else Edit({"about": label}, reason="wrong_matter")


asked = Counter[tuple[str, str]]()
while cases := [c for c in desk.pending(workflow="threshold", limit=1000) if c.thread_id in sample]:
    for case in cases:
        label = sample[case.thread_id].label
        proposed = case.proposal["category" if case.gate == "triage" else "about"]
        asked[str(case.gate), "kept" if proposed == label else "changed"] += 1
        desk.decide(case.id, decide(case, label), by="scripted reviewer", digest=case.digest)
    failed = [done.error for done in desk.resume(graph, thread_ids=list(sample)) if done.error]
    print(f"{len(cases)} decided, {len(failed)} failed")

# %%
done = {thread: graph.get_state({"configurable": {"thread_id": thread}}).values for thread in sample}
tally = {gate: Counter[str]() for gate in ("triage", "answer")}
for thread, values in done.items():
    for gate, found in (("triage", values["tag"]["category"]), ("answer", values["answer"]["about"])):
        if any(record["gate"] == gate for record in values.get("reviews", [])):
            continue
        tally[gate]["right alone" if found == sample[thread].label else "wrong alone"] += 1
for gate, counted in tally.items():
    counted.update({f"asked, {what}": asked[gate, what] for what in ("kept", "changed")})

figure, axes = plt.subplots(figsize=(9, 2.6))
start = np.zeros(len(tally))
for name, colour, hatch in (
    ("right alone", GREEN, ""),
    ("wrong alone", RED, "///"),
    ("asked, kept", GREY, ""),
    ("asked, changed", AMBER, ".."),
):
    width = np.array([tally[gate][name] for gate in tally])
    bars_drawn = axes.barh(list(tally), width, left=start, color=colour, hatch=hatch, ec="white", label=name)
    axes.bar_label(bars_drawn, [str(n) if n else "" for n in width], label_type="center", fontsize=9)
    start += width
axes.invert_yaxis()
axes.set(title=f"{len(sample)} messages through the graph", xlabel="messages")
axes.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, -0.28))
plt.show()

for gate, counted in tally.items():
    alone = counted["right alone"] + counted["wrong alone"]
    low, high = wilson(counted["wrong alone"], alone)
    errors_told = f"{counted['wrong alone']} wrong among them ({low:.1%} to {high:.1%})"
    print(f"{gate}: {alone} of {len(sample)} pass alone, {errors_told}; {counted.total() - alone} asked")
session.close()

# %% [markdown]
# "Asked, kept" is the price of caution: a person looked, and changed nothing. "Wrong alone" is the price of speed.
# Moving a bar trades one for the other; no bar removes both.
#
# ## What no threshold promises
#
# A bar was chosen on average, on messages like those of the past. Both words matter.
#
# **On average.** Behind one share of errors stand labels with none and labels with many:

# %%
passes = score_report >= np.array([bars["tag_ticket", s] for s in segments_report])
by_label = Counter[str](guess_report[passes].tolist())
wrong_by_label = Counter[str](guess_report[passes & ~right_report].tolist())
average = wrong_by_label.total() / max(1, by_label.total())
worst = sorted(by_label, key=lambda label: wrong_by_label[label] / by_label[label], reverse=True)[:8]

figure, axes = plt.subplots(figsize=(9, 3.4))
for row_number, label in enumerate(worst):
    low, high = wilson(wrong_by_label[label], by_label[label])
    axes.plot([low, high], [row_number] * 2, color=RED, lw=3)
    axes.plot(wrong_by_label[label] / by_label[label], row_number, "o", color=RED, ms=6)
axes.axvline(average, color=BLUE, lw=1.5, ls="--", label=f"average {average:.1%}")
axes.set_yticks(range(len(worst)), [f"{label.replace('_', ' ')} ({by_label[label]})" for label in worst])
axes.invert_yaxis()
axes.set(title="The eight labels with most errors over the bar", xlim=(0, 1))
axes.set_xlabel("wrong among those that pass (share), 95% interval")
axes.legend(loc="lower right")
caption(
    figure, "Messages to report on; in brackets how many passed. The worst of many look worse than they are."
)
plt.show()

# %% [markdown]
# **Like those of the past.** Suppose that a few matters are new: a product was launched, a scam went round. The
# classifier has never seen them, and it cannot say so. It is sure of something else.

# %%
every = max(2, len(model.labels) // 6)
new = set(sorted({row.label for row in messages.learn})[::every])
earlier = NaiveBayes([row for row in messages.learn if row.label not in new])
earlier.temperature = temperature
labels_then, score_then, right_then = earlier.sort(messages.report)
is_new = np.array([row.label in new for row in messages.report])
passes_then = score_then >= np.array([bars["tag_ticket", segment_of(label)] for label in labels_then])
print("taken away:", ", ".join(sorted(new)))
for name, mine in (("known matters", ~is_new), ("new matters", is_new)):
    passed, wrong = int((passes_then & mine).sum()), int((passes_then & mine & ~right_then).sum())
    low, high = wilson(wrong, passed)
    line = f"{name:14} {passed / max(1, mine.sum()):6.1%} of {mine.sum():5,} pass alone"
    print(line + (f"; wrong among them: {wrong / passed:.1%} ({low:.1%} to {high:.1%})" if passed else ""))

figure, axes = plt.subplots(figsize=(9, 3.2))
edges = np.linspace(0, 1, 21).tolist()
kinds = ((~is_new, "known matters", BLUE, "-"), (is_new, "new matters: every guess is wrong", RED, "--"))
for mine, name, colour, style in kinds:
    weights = np.full(mine.sum(), 1 / max(1, mine.sum()))
    axes.hist(
        score_then[mine], edges, weights=weights, histtype="step", color=colour, ls=style, lw=2, label=name
    )
axes.axvline(bars["tag_ticket", "other"], color=GREEN, lw=1.5, label="bar for tags")
axes.set(title="How sure the classifier is of what it has never seen", xlabel="confidence (share)")
axes.set_ylabel("messages (share of their kind)")
axes.legend(loc="upper center")
caption(figure, "Messages to report on. What lies right of the green line passes without a person.")
plt.show()

# %% [markdown]
# Every one of the new messages over the bar is tagged wrong, and the confidence does not tell. That is what the audit
# sample is for: it asks about a share of what passes, whatever the score says, so a new kind of mistake shows up in its
# figures. And it is why a bar is a policy with an owner, and not a property of the model: choose it on data, write down
# which, look again when the world changes, and keep what cannot be taken back behind
# [a review before send](01_first_gate.ipynb).
#
# Next: [4. Paused threads](04_paused_threads.ipynb).
