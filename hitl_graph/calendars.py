"""Working time: when a calendar is open, and where so many working hours lead. Pure, and exact across clock changes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
import typing
import zoneinfo
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from hitl_graph.errors import DefinitionError

__all__ = ["BusinessHours", "explained"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST = 366 * 30
"""Days that are looked through for working time; more is no deadline any more."""
_SECOND = dt.timedelta(seconds=1)
_DAY = dt.timedelta(days=1)

Made = typing.TypeVar("Made", bound=type)


def explained(cls: Made) -> Made:
    """Let a pydantic dataclass raise `DefinitionError`, which names the field, when it is made with a wrong value."""
    make: Callable[..., None] = cls.__init__  # type: ignore[misc]  # of a class, not of an instance

    @functools.wraps(make)
    def init(self: object, *args: Any, **kwargs: Any) -> None:
        try:
            make(self, *args, **kwargs)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            names = [field.name for field in dataclasses.fields(cls)]
            head, *inner = first["loc"] or ("",)
            place = [
                str(part) for part in (names[head] if isinstance(head, int) else head, *inner) if part != ""
            ]
            problem = first["msg"].removeprefix("Value error, ")
            named, colon, rest = problem.partition(": ")
            if not place and colon and named.isidentifier():  # a check of several fields together
                place, problem = [named], rest
            raise DefinitionError(cls.__name__, ".".join(place), problem[:1].lower() + problem[1:]) from None

    cls.__init__ = init  # type: ignore[misc]  # the same
    return cls


def _listed(value: object) -> object:
    """Dates as they stand in JSON, each once and in order."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(sorted({day.isoformat() if isinstance(day, dt.date) else day for day in value}, key=str))
    return value


@explained
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BusinessHours:
    """When people work: a case's hours are counted only while this calendar is open.

    An instant is open when the clock on the wall of `zone` shows a time from `start` up to `end` of a working day. So
    an hour that the change to summer time leaves out is not counted, and one that comes twice in autumn is counted
    twice.

    Args:
        zone: An IANA time zone, such as `"Europe/Berlin"`.
        days: Working days, such as `"mon-fri"` or `"mon-wed,sat"`.
        start: When work begins, `"HH:MM"` of the zone.
        end: When it ends, later on the same day; `"24:00"` is midnight.
        holidays: Days without work: `"2026-12-24"` that day, `"12-25"` every year.

    Raises:
        DefinitionError: An unknown zone, an end that is not after the start, no day, a date that there is not, or no
            working time at all; the error names the field.

    Example:
        >>> office = BusinessHours(zone="Europe/Berlin")
        >>> office.add(dt.datetime(2026, 1, 9, 15, 0, tzinfo=dt.UTC), 2).isoformat()  # a Friday at 16:00 in Berlin
        '2026-01-12T08:30:00+00:00'
    """

    zone: str
    days: str = "mon-fri"
    start: str = "09:00"
    end: str = "17:30"
    holidays: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"zone: {self.zone!r} is no time zone: name one such as 'Europe/Berlin' or 'UTC'"
            ) from None
        _weekdays(self.days)
        if _minutes("end", self.end) <= _minutes("start", self.start):
            raise ValueError(
                f"end: {self.end} is not after the start, {self.start}: a day ends later than it starts"
            )
        for day in self.holidays:
            _date(day)
        if not any(self._is_working(dt.date(2024, 1, 1) + count * _DAY) for count in range(366 * 9)):
            raise ValueError("holidays: leave no working time at all: name fewer days")

    @functools.cached_property
    def _zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)

    @functools.cached_property
    def _open_on(self) -> tuple[frozenset[int], frozenset[str]]:
        return _weekdays(self.days), frozenset(self.holidays)

    @property
    def weekly(self) -> dt.timedelta:
        """Working time in a week without holidays."""
        minutes = _minutes("end", self.end) - _minutes("start", self.start)
        return dt.timedelta(minutes=minutes * len(_weekdays(self.days)))

    def is_open(self, at: dt.datetime) -> bool:
        """Whether an instant is working time: what the clock on the wall says."""
        local = at.astimezone(self._zone)
        minutes = local.hour * 60 + local.minute
        inside = _minutes("start", self.start) <= minutes < _minutes("end", self.end)
        return inside and self._is_working(local.date())

    def add(self, start: dt.datetime, hours: float | dt.timedelta) -> dt.datetime:
        """The instant by which so much working time has passed since `start`, in UTC.

        It lies in working time or at its very end: what is due after the last minute of Friday is due then, not on
        Monday.

        Args:
            start: An aware datetime. hours: Working hours above 0, or a timedelta.

        Raises:
            ValueError: `start` has no zone.
            OverflowError: There is not so much working time in the next 30 years.
        """
        if start.tzinfo is None:
            raise ValueError(f"start: {start} has no zone: give tzinfo, such as datetime.UTC")
        left = hours if isinstance(hours, dt.timedelta) else dt.timedelta(hours=hours)
        for opens, closes in self.windows(start):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise OverflowError(f"{hours} working hours end later than any deadline may")

    def windows(self, start: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """The stretches of working time from `start` on, in UTC; for 30 years at most."""
        since = start.astimezone(dt.UTC)
        day = start.astimezone(self._zone).date()
        for count in range(_FARTHEST):
            date = day + count * _DAY
            if not self._is_working(date):
                continue
            for opens, closes in self._windows_of(date):
                if closes > since:
                    yield max(opens, since), closes

    def _is_working(self, date: dt.date) -> bool:
        weekdays, holidays = self._open_on
        iso = date.isoformat()
        return date.weekday() in weekdays and iso not in holidays and iso[5:] not in holidays

    def _windows_of(self, date: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
        """One working day's open time: one stretch, or two around a change of the clock."""
        midnight = dt.datetime.combine(
            date, dt.time(), tzinfo=dt.UTC
        )  # the wall's digits, written as if in UTC
        opens = midnight + dt.timedelta(minutes=_minutes("start", self.start))
        closes = midnight + dt.timedelta(minutes=_minutes("end", self.end))
        before, after = self._offset_on(date), self._offset_on(date + _DAY)
        if before == after:
            return [(opens - before, closes - before)]
        change = self._change(midnight - max(before, after), midnight + _DAY - min(before, after), before)
        first = (opens - before, min(closes - before, change))
        second = (max(opens - after, change), closes - after)
        return [(start, end) for start, end in (first, second) if start < end]

    def _offset_on(self, date: dt.date) -> dt.timedelta:
        """How far the zone is from UTC as the day begins."""
        offset = dt.datetime.combine(date, dt.time(), tzinfo=self._zone).utcoffset()
        assert offset is not None
        return offset

    def _change(self, low: dt.datetime, high: dt.datetime, before: dt.timedelta) -> dt.datetime:
        """The first second between two instants at which the zone is no longer `before`."""
        while high - low > _SECOND:
            middle = low + (high - low) // 2
            middle = middle.replace(microsecond=0)
            middle = middle if middle > low else low + _SECOND
            if middle.astimezone(self._zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high


@functools.lru_cache(maxsize=256)
def _weekdays(days: str) -> frozenset[int]:
    """`mon-fri,sun` as numbers, Monday 0."""
    found: set[int] = set()
    for part in days.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"days: {days!r} names no days: write them as 'mon-fri' or 'mon,wed,sat'")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update(range(begin, end + 1) if begin <= end else [*range(begin, 7), *range(end + 1)])
    return frozenset(found)


@functools.lru_cache(maxsize=256)
def _minutes(field: str, text: str) -> int:
    """`HH:MM` as minutes after midnight."""
    read = re.fullmatch(r"(\d\d):(\d\d)", text, re.ASCII)
    minutes = int(read[1]) * 60 + int(read[2]) if read else -1
    if read is None or int(read[2]) > 59 or minutes > 24 * 60:
        raise ValueError(f"{field}: {text!r} is no time of day: write it as '09:00'")
    return minutes


def _date(text: str) -> None:
    """Refuse what is neither a date nor a day of every year."""
    whole = f"2024-{text}" if re.fullmatch(r"\d\d-\d\d", text, re.ASCII) else text
    try:
        dt.datetime.strptime(whole, "%Y-%m-%d").replace(tzinfo=dt.UTC)
        read = re.fullmatch(r"\d{4}-\d\d-\d\d", whole, re.ASCII)
    except ValueError:
        read = None
    if read is None:
        raise ValueError(f"holidays: {text!r} is no day: write '2026-12-24', or '12-25' for every year")
