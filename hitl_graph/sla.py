"""How long a case may wait, who hears of it meanwhile, and what happens when nobody acts (R33, R35, R58)."""

from __future__ import annotations

import datetime as dt
import itertools
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from hitl_graph.calendars import BusinessHours, explained

__all__ = ["Level", "Sla", "Timer", "TimerKind", "Told"]

_CONFIG = ConfigDict(extra="forbid")
_CENTURY_H = 365 * 24 * 100
_Hours = Annotated[float, Field(gt=0, le=_CENTURY_H, allow_inf_nan=False)]
_LONGEST_H = 10 * 52  # weeks: what a calendar is searched through for one deadline

TimerKind = Literal["reminder", "escalate", "repeat", "ack", "expiry"]
"""What a timer does: reminds, gives the case to a level, tells it again, ends an acknowledgement, lets it expire."""


class Timer(typing.NamedTuple):
    """One moment of a plan: what happens then, and at which level the case is from there on."""

    kind: TimerKind
    level: int
    at: dt.datetime


class Told(typing.NamedTuple):
    """The decision that expiry takes: its word, and the option where it chooses one."""

    word: Literal["approve", "reject", "choose"]
    option: str | None = None

    def acts(self, continuation: Mapping[str, str]) -> bool:
        """Whether it may let the act happen: a choice does, unless it is known to lead elsewhere."""
        if self.word != "choose":
            return self.word == "approve"
        leads = continuation.get(f"choose:{self.option}")
        return leads is None or leads == continuation.get("choose")


def _ordered(value: object) -> object:
    """Hours as they fall due: the longest before expiry first."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(one, (int, float)) for one in value):
        return tuple(sorted(set(value), reverse=True))
    return value


@explained
@dataclass(frozen=True, config=_CONFIG)
class Level:
    """One step of an escalation ladder.

    Args:
        after_h: Hours after the case was asked at which this level gets it, above 0.
        to: The group that gets it.
        repeat: How often the group is told again while nobody acts or acknowledges.
        every_h: Hours between these; needed where `repeat` is above 0.
        ack_h: Hours for which an acknowledgement keeps the level quiet; then it is told again. None: for as long as
            the case is at this level.
    """

    after_h: _Hours
    to: str = Field(min_length=1, pattern=r"^[^\x00-\x1f]*\w[^\x00-\x1f]*$")
    repeat: int = Field(default=0, ge=0, le=1000, kw_only=True)
    every_h: _Hours | None = Field(default=None, kw_only=True)
    ack_h: _Hours | None = Field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.repeat and self.every_h is None:
            raise ValueError("every_h: is missing: say how many hours lie between the repeats")


@explained
@dataclass(frozen=True, config=_CONFIG)
class Sla:
    """How long a case may wait, and what happens then.

    All hours are counted from the moment at which the case was asked, on the database's clock. With a `calendar` they
    are working hours.

    Args:
        hours: Time from the pause to expiry, in hours, above 0; with a calendar, working hours. At most 100 years.
        on_expiry: What expiry does. `"approve"` is refused for an irreversible action.
        escalate_to: The group that gets the case on `"escalate"`. It has the same hours once more.
        default: The option that `"safe_default"` takes, or `"reject"`.
        remind: Hours *before* expiry at which whoever holds the case is reminded, such as `(4, 1)`.
        ladder: The levels that the case climbs while nobody decides, before it expires.
        calendar: The hours at which people work; None: every hour counts.

    Raises:
        DefinitionError: A number that is no number of hours, a reminder or a level that would come after expiry, levels
            out of order; the error names the field.
    """

    hours: _Hours
    on_expiry: Literal["escalate", "reject", "safe_default", "keep_waiting", "approve"] = Field(
        default="keep_waiting", kw_only=True
    )
    escalate_to: str | None = Field(default=None, kw_only=True)
    default: str | None = Field(default=None, kw_only=True)
    remind: Annotated[tuple[_Hours, ...], BeforeValidator(_ordered)] = Field(default=(), kw_only=True)
    ladder: tuple[Level, ...] = Field(default=(), kw_only=True)
    calendar: BusinessHours | None = Field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if late := [one for one in self.remind if one >= self.hours]:
            raise ValueError(
                f"remind: {late[0]:g} hours before expiry is before the case is asked: it expires after {self.hours:g}"
            )
        for number, level in enumerate(self.ladder):
            if level.after_h >= self.hours:
                raise ValueError(
                    f"ladder: level {number + 1} comes after {level.after_h:g} hours, and the case has expired by "
                    f"then: {self.hours:g}"
                )
        for number, (one, two) in enumerate(itertools.pairwise(self.ladder)):
            if two.after_h <= one.after_h:
                raise ValueError(
                    f"ladder: level {number + 2} comes no later than level {number + 1}: order them"
                )
        if self.calendar and self.hours * 3600 > self.calendar.weekly.total_seconds() * _LONGEST_H:
            raise ValueError(f"hours: {self.hours:g} working hours of this calendar take more than ten years")

    def later(self, start: dt.datetime, hours: float) -> dt.datetime:
        """So many of this limit's hours after `start`: working hours where there is a calendar."""
        if self.calendar is not None:
            return self.calendar.add(start, hours)
        return start.astimezone(dt.UTC) + dt.timedelta(hours=hours)

    def due(self, start: dt.datetime) -> dt.datetime:
        """When a case that was asked at `start` expires."""
        return self.later(start, self.hours)

    def plan(self, start: dt.datetime, *, level: int = 0) -> list[Timer]:
        """The timers of a case that waits since `start`, in the order in which they fall due.

        At a level above 0 it was escalated by expiry: it has its hours and reminders again, and the ladder lies behind
        it.
        """
        timers = [Timer("reminder", level, self.later(start, self.hours - early)) for early in self.remind]
        if level == 0:
            timers += [
                Timer("escalate", number, self.later(start, step.after_h))
                for number, step in enumerate(self.ladder, start=1)
            ]
        timers.append(Timer("expiry", level, self.due(start)))
        return sorted(timers, key=lambda timer: timer.at)

    def decides(self, options: Collection[str]) -> Told | None:
        """The decision that expiry takes where these are the options; None where it takes none."""
        if self.on_expiry == "approve":
            return Told("approve")
        if self.on_expiry == "safe_default" and self.default in options:
            return Told("choose", self.default)
        rejects = self.on_expiry == "reject" or (
            self.on_expiry == "safe_default" and self.default == "reject"
        )
        return Told("reject") if rejects else None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Sla:
        """Read what stands in a request.

        Raises:
            pydantic.ValidationError: It is none, or one of a later version of this library.
        """
        return _SLA.validate_python(dict(value))


_SLA = TypeAdapter(Sla)
