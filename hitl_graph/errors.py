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
│   └── EffectHeld             approved, but a check at execution said no
├── DeskError                  the desk could not do what was asked; nothing was saved
│   ├── ReviewNotFound
│   ├── AmbiguousReview        one id in several threads (a copied thread)
│   ├── ReviewClosed           superseded: the thread went on without this review
│   ├── DecisionConflict       somebody else decided first
│   └── StaleReview            what was shown is no longer what would be decided
└── StorageError               the database cannot be used as it is
    ├── EmbeddedPostgresError  the embedded server could not be started or joined
    └── MigrationError         the schema is newer than this library, or a migration failed
```
"""

__all__ = [
    "AmbiguousReview",
    "AnswerError",
    "BoundaryError",
    "DecisionConflict",
    "DefinitionError",
    "DeskError",
    "EffectError",
    "EffectHeld",
    "EffectNotApproved",
    "EmbeddedPostgresError",
    "HitlError",
    "MigrationError",
    "PlainJsonError",
    "ProposalError",
    "ReviewClosed",
    "ReviewNotFound",
    "StaleReview",
    "StorageError",
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

    def __reduce__(self) -> tuple[type, tuple[str, tuple[tuple[str, ...], ...]]]:  # type: ignore[override]
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
    """A check at execution said no to an approved act. Nothing was done."""


class DeskError(HitlError):
    """The desk could not do what was asked. Nothing was saved."""


class ReviewNotFound(DeskError):
    """No review has this id."""


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


class StorageError(HitlError):
    """The database cannot be used as it is."""


class EmbeddedPostgresError(StorageError):
    """The embedded server could not be started or joined."""


class MigrationError(StorageError):
    """The tables are newer than this library, or a migration failed. Nothing was changed."""
