"""Every error that this library raises, as one tree.

```
HitlError
├── DefinitionError            a gate, an action or its wiring is wrong; raised while the graph is built
│   └── BoundaryError          an irreversible effect can be reached without a gate
├── PlainJsonError             a value that cannot be kept as plain JSON without changing it
├── ProposalError              the proposal in the state cannot be shown to a person as it is
├── AnswerError                an answer that the review cannot take; nothing was saved
├── EffectError                the act was not done
│   ├── EffectNotApproved      no decision, or a decision about other content
│   ├── EffectHeld             approved, but a check at execution, a hold or a takeover said no
│   ├── EffectUnderWay         another run is doing it now
│   ├── EffectUnknown          whether it was done is not known: a person must say
│   └── EffectNotDone          raised by the act itself: certainly nothing was done
├── DeskError                  the desk could not do what was asked; nothing was saved
│   ├── ReviewNotFound
│   ├── EffectNotFound
│   ├── AmbiguousReview        one id in several threads (a copied thread)
│   ├── ReviewClosed           superseded: the thread went on without this review
│   ├── DecisionConflict       somebody else decided first
│   ├── StaleReview            what was shown is no longer what would be decided
│   ├── CaseClaimed            somebody else is at it
│   ├── NotClaimed             the lease that should be renewed has lapsed, or never was
│   ├── NotAuthorised          this person may not do this
│   ├── TooLate                the decision has been carried out: it cannot be undone
│   ├── IdempotencyConflict    the key stands for another request
│   ├── HoldNotFound           no such hold, or nobody has taken the thread over
│   ├── RunTakenOver           another process runs this thread now
│   ├── ThreadBusy             the thread runs or is paused: new input would come in the way
│   ├── NoticeError            a target, a sender or an address that cannot be taken
│   ├── LinkRefused            a link that decides nothing: altered, expired, used, or of another case
│   └── AuditError             an anchor or an export that cannot be read, or a thread that may not be erased yet
└── StorageError               the database cannot be used as it is
    ├── TenantError            no name for a tenant, or a connection that would see the rows of all
    ├── EmbeddedPostgresError  the embedded server could not be started or joined
    └── MigrationError         the schema is newer than this library, or a migration failed
```
"""

__all__ = [
    "AmbiguousReview",
    "AnswerError",
    "AuditError",
    "BoundaryError",
    "CaseClaimed",
    "DecisionConflict",
    "DefinitionError",
    "DeskError",
    "EffectError",
    "EffectHeld",
    "EffectNotApproved",
    "EffectNotDone",
    "EffectNotFound",
    "EffectUnderWay",
    "EffectUnknown",
    "EmbeddedPostgresError",
    "HitlError",
    "IdempotencyConflict",
    "LinkRefused",
    "MigrationError",
    "NotAuthorised",
    "NotClaimed",
    "NoticeError",
    "PlainJsonError",
    "ProposalError",
    "ReviewClosed",
    "ReviewNotFound",
    "RunTakenOver",
    "StaleReview",
    "StorageError",
    "TenantError",
    "ThreadBusy",
    "TooLate",
]


class HitlError(Exception):
    """Base of every error of this library."""


class _FieldError(HitlError):
    """An error about one named field: `where` it is, `field`, and the `problem` with what to do."""

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: {field}: {problem}" if where else f"{field}: {problem}")
        self.where = where
        self.field = field
        self.problem = problem

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.where, self.field, self.problem)


class DefinitionError(_FieldError, ValueError):
    """A gate, an action class or its wiring is incomplete or contradicts itself."""


class BoundaryError(DefinitionError):
    """An irreversible effect can be reached without a gate; `paths` holds each way there."""

    def __init__(self, problem: str, paths: tuple[tuple[str, ...], ...] = ()) -> None:
        super().__init__("boundary", "graph", problem)
        self.paths = paths

    def __reduce__(self) -> tuple[type, tuple[str, tuple[tuple[str, ...], ...]]]:  # type: ignore[override]  # fewer arguments
        return type(self), (self.problem, self.paths)


class PlainJsonError(_FieldError, ValueError):
    """A value that JSON, Postgres or a browser would change or refuse."""


class ProposalError(_FieldError):
    """The proposal in the state is missing, fails its schema, or cannot be shown unchanged."""


class AnswerError(_FieldError, ValueError):
    """An answer that this review cannot take. Nothing was saved; the case can be answered again."""


class EffectError(HitlError):
    """The act on the outside world was not done."""


class EffectNotApproved(EffectError):
    """No approving decision covers exactly what would be done. Nothing was done."""


class EffectHeld(EffectError):
    """A check at execution, a hold or a takeover said no to an approved act. Nothing was done."""


class EffectUnderWay(EffectError):
    """Another run is doing just this now. Nothing was done here."""


class EffectUnknown(EffectError):
    """It was begun and nobody knows whether it was done: a person must look and say so (`desk.effects.settle`).

    `key` names the act in the ledger. It is not tried again before that.
    """

    def __init__(self, key: str, action: str, because: str) -> None:
        super().__init__(
            f"{action}: {because}, and whether it was done is not known; it is not done again: look, and say what "
            f"happened with desk.effects.settle({key!r}, happened=..., by=...)"
        )
        self.key = key
        self.action = action
        self.because = because

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.key, self.action, self.because)


class EffectNotDone(EffectError):
    """Raise it from an act that failed before anything happened: it may be tried again."""


class DeskError(HitlError):
    """The desk could not do what was asked. Nothing was saved."""


class ReviewNotFound(DeskError):
    """No review has this id."""


class EffectNotFound(DeskError):
    """No act was begun under this key."""


class AmbiguousReview(DeskError):
    """Several threads hold a review of this id, as after copying a thread: name the thread."""

    def __init__(self, review_id: str, thread_ids: tuple[str, ...]) -> None:
        super().__init__(
            f"review {review_id} stands in {len(thread_ids)} threads ({', '.join(thread_ids)}): "
            "pass thread_id="
        )
        self.review_id = review_id
        self.thread_ids = thread_ids


class ReviewClosed(DeskError):
    """The thread went on without this review (new input, edited state, deletion)."""


class DecisionConflict(DeskError):
    """The review was decided already; `by`, `decision` and `at` name the decision that stands."""

    def __init__(self, review_id: str, by: str, decision: str, at: str) -> None:
        super().__init__(f"review {review_id} was already decided: {decision} by {by} at {at}")
        self.review_id = review_id
        self.by = by
        self.decision = decision
        self.at = at


class StaleReview(DeskError):
    """The digest that was shown is not the digest of the case as it stands."""

    def __init__(self, review_id: str, shown: str, current: str) -> None:
        super().__init__(
            f"review {review_id} has changed since it was shown (shown {shown[:19]}, now {current[:19]}): "
            "look at it again and decide on what stands there now"
        )
        self.review_id = review_id
        self.shown = shown
        self.current = current


class HoldNotFound(DeskError):
    """No hold has this number, or nobody has taken the thread over."""


class RunTakenOver(DeskError):
    """Another process runs this thread now: this run was taken over, and nothing more of it is written."""


class CaseClaimed(DeskError):
    """Somebody else is at this case until their lease ends: `by` and `until` name it. Nothing was changed."""

    def __init__(self, review_id: str, by: str, until: str) -> None:
        super().__init__(
            f"review {review_id} is claimed by {by} until {until}: wait, or take it over with a reason "
            "(take_over_claim)"
        )
        self.review_id = review_id
        self.by = by
        self.until = until

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.review_id, self.by, self.until)


class NotClaimed(DeskError):
    """The claim that should be renewed is not held: it has lapsed, or never was. Nothing was changed."""


class NotAuthorised(DeskError):
    """This person may not do this; `why` says which rule stands against it. Nothing was changed."""

    def __init__(self, review_id: str, by: str, why: str) -> None:
        super().__init__(f"{by} may not do this{f' on review {review_id}' if review_id else ''}: {why}")
        self.review_id = review_id
        self.by = by
        self.why = why

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.review_id, self.by, self.why)


class TooLate(DeskError):
    """The decision has been handed to its thread, and cannot be undone any more. Nothing was changed."""


class IdempotencyConflict(DeskError):
    """The key was used for another request; `key` names it. Nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"idempotency key {key!r} stands for another request: give each request a key of its own"
        )
        self.key = key

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.key,)


class NoticeError(DeskError, _FieldError, ValueError):
    """A target, a sender or an address that cannot be taken. Nothing was saved."""


class LinkRefused(DeskError):
    """A link that decides nothing: altered, expired, used, or made for another state of the case. Nothing was saved.

    The message is the same for all of these; `why` is for the log.
    """

    def __init__(self, why: str) -> None:
        super().__init__("this link decides nothing: open the case in the inbox")
        self.why = why

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.why,)


class AuditError(DeskError):
    """An anchor or an export cannot be read, or a thread may not be erased yet. Nothing was changed."""


class ThreadBusy(DeskError):
    """The thread runs, is paused or is to be started already: new input would come in the way. Nothing was saved."""

    def __init__(self, thread_id: str, why: str) -> None:
        super().__init__(
            f'thread {thread_id} {why}: wait for it, say when_busy="queue", or start a thread of another id'
        )
        self.thread_id = thread_id
        self.why = why

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.thread_id, self.why)


class StorageError(HitlError):
    """The database cannot be used as it is."""


class TenantError(StorageError):
    """No name for a tenant, or a connection that would see the rows of all tenants. Nothing was read or written."""


class EmbeddedPostgresError(StorageError):
    """The embedded server could not be started or joined."""


class MigrationError(StorageError):
    """The tables are newer than this library, or a migration failed. Nothing was changed."""
