"""Working time: weekends, holidays, and days on which the clock is changed (R33, R58)."""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph import BusinessHours
from hitl_graph.errors import DefinitionError

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Sao_Paulo",  # used to change at midnight
    "Africa/Cairo",  # at midnight
    "Asia/Kathmandu",
    "Pacific/Apia",  # left out a whole day in 2011
    "America/St_Johns",  # changed at one minute past midnight
)
MINUTE = dt.timedelta(minutes=1)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin") -> dt.datetime:
    """What the wall shows, as an instant."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-01-05 09:00", 4, "2026-01-05 13:00"),
        ("2026-01-05 07:00", 1, "2026-01-05 10:00"),  # before work begins
        ("2026-01-05 16:30", 2, "2026-01-06 10:00"),  # over night
        ("2026-01-09 16:30", 2, "2026-01-12 10:00"),  # over a weekend
        ("2026-01-10 12:00", 8.5, "2026-01-12 17:30"),  # from a Saturday; the very end of Monday
        ("2026-12-23 17:00", 1, "2026-12-28 09:30"),  # Christmas
        ("2026-01-05 17:30", 0.5, "2026-01-06 09:30"),  # asked as work ends
    ],
)
def test_working_hours_lead_over_nights_weekends_and_holidays(start: str, hours: float, end: str) -> None:
    """R33: nobody is late for what came on a Friday evening."""
    office = BusinessHours(zone="Europe/Berlin", holidays=("2026-12-24", "12-25"))

    assert office.add(at(start), hours) == at(end)


def test_a_night_shift_loses_the_hour_that_spring_leaves_out() -> None:
    """29 March 2026 in Berlin: after 02:00 comes 03:00, so 01:00 to 04:00 are two hours."""
    night = BusinessHours(zone="Europe/Berlin", days="mon-sun", start="01:00", end="04:00")

    assert night.add(at("2026-03-29 01:00"), 2) == at("2026-03-29 04:00")


def test_a_night_shift_works_twice_the_hour_that_comes_twice() -> None:
    """25 October 2026 in Berlin: 02:00 to 03:00 comes twice, so 01:00 to 04:00 are four hours."""
    night = BusinessHours(zone="Europe/Berlin", days="mon-sun", start="01:00", end="04:00")

    assert night.add(at("2026-10-25 01:00"), 4) == at("2026-10-25 04:00")


def test_work_that_ends_in_the_middle_of_a_doubled_hour_is_interrupted() -> None:
    """Until 02:30 means until 02:30 on the wall, both times."""
    night = BusinessHours(zone="Europe/Berlin", days="mon-sun", start="02:00", end="02:30")
    first = dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC)

    assert list(itertools.islice(night.windows(first), 2)) == [
        (first, first + 30 * MINUTE),
        (first + 60 * MINUTE, first + 90 * MINUTE),
    ]


def test_work_that_begins_in_an_hour_that_is_left_out_begins_after_it() -> None:
    """02:30 does not come: work begins at 03:00."""
    night = BusinessHours(zone="Europe/Berlin", days="mon-sun", start="02:30", end="05:00")

    assert night.add(at("2026-03-29 00:00"), 1) == at("2026-03-29 04:00")


def test_a_day_that_there_is_not_is_no_working_day() -> None:
    """Samoa left out 30 December 2011, a Friday."""
    office = BusinessHours(zone="Pacific/Apia", start="09:00", end="17:00")

    assert office.add(at("2011-12-29 16:00", "Pacific/Apia"), 2) == at("2012-01-02 10:00", "Pacific/Apia")


def test_office_hours_are_the_same_on_the_wall_in_summer_and_winter() -> None:
    """R33: a deadline over the change of the clock is still at ten on the wall."""
    office = BusinessHours(zone="America/New_York")
    zone = "America/New_York"

    assert office.add(at("2026-03-06 16:30", zone), 2) == at("2026-03-09 10:00", zone)
    assert office.add(at("2026-10-30 16:30", zone), 2) == at("2026-11-02 10:00", zone)


@pytest.mark.parametrize(
    ("days", "open_on"),
    [
        ("mon-fri", "MTWTF"),
        ("mon, wed,SAT", "MWS"),
        ("fri-mon", "MFSS"),
        ("sun", "S"),
        ("mon-wed,sat", "MTWS"),
    ],
)
def test_days_are_listed_in_words(days: str, open_on: str) -> None:
    """Ranges, lists, and both."""
    office = BusinessHours(zone="UTC", days=days)
    monday = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)

    found = [
        name for number, name in enumerate("MTWTFSS") if office.is_open(monday + dt.timedelta(days=number))
    ]

    assert "".join(found) == open_on


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("zone", {"zone": "Europe/Berlni"}),
        ("zone", {"zone": ""}),
        ("zone", {"zone": "Europe"}),
        ("zone", {"zone": "../../etc/passwd"}),
        ("zone", {"zone": None}),
        ("days", {"days": ""}),
        ("days", {"days": "mon-"}),
        ("days", {"days": "monday"}),
        ("end", {"start": "17:30", "end": "09:00"}),
        ("end", {"start": "09:00", "end": "09:00"}),
        ("end", {"end": "24:01"}),
        ("end", {"end": "5 pm"}),
        ("start", {"start": "9:00"}),
        ("start", {"start": "09:60"}),
        ("start", {"start": "\u0660\u0669:\u0660\u0660"}),
        ("holidays", {"holidays": ("2026-02-29",)}),
        ("holidays", {"holidays": ("Christmas",)}),
        ("holidays", {"days": "mon", "holidays": [f"{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 29)]
                      + ["01-29", "01-30", "01-31", "02-29", "03-29", "03-30", "03-31", "04-29", "04-30", "05-29",
                         "05-30", "05-31", "06-29", "06-30", "07-29", "07-30", "07-31", "08-29", "08-30", "08-31",
                         "09-29", "09-30", "10-29", "10-30", "10-31", "11-29", "11-30", "12-29", "12-30", "12-31"]}),
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_kept_is_refused_by_field(field: str, fields: dict[str, Any]) -> None:
    """R33: unknown zone, end before start, no day, no working time at all."""
    with pytest.raises(DefinitionError) as caught:
        BusinessHours(**{"zone": "UTC", **fields})

    assert caught.value.field == field


def test_a_start_without_a_zone_is_refused() -> None:
    """It would be another moment on another machine."""
    with pytest.raises(ValueError, match="has no zone"):
        BusinessHours(zone="UTC").add(dt.datetime(2026, 1, 5), 1)  # noqa: DTZ001  # without a zone, on purpose


def test_dates_may_be_given_as_dates() -> None:
    """And stand in the request as text, once, in order."""
    days = (dt.date(2026, 12, 24), "2026-05-01", "2026-05-01")

    assert BusinessHours(zone="UTC", holidays=days).holidays == ("2026-05-01", "2026-12-24")


@st.composite
def calendars(draw: st.DrawFn) -> BusinessHours:
    minutes = sorted(draw(st.lists(st.integers(0, 96), min_size=2, max_size=2, unique=True)))
    start, end = (f"{number * 15 // 60:02}:{number * 15 % 60:02}" for number in minutes)
    return BusinessHours(
        zone=draw(st.sampled_from(ZONES)),
        days=draw(st.sampled_from(["mon-fri", "mon-sun", "sat,sun", "sun", "fri-mon"])),
        start=start,
        end=end,
        holidays=draw(st.sampled_from([(), ("12-25", "01-01"), ("2018-11-04", "2023-04-28")])),
    )


# Around changes of the clock in these zones, and anywhere.
instants = st.one_of(
    st.sampled_from(
        [
            "2026-03-28",
            "2026-10-24",
            "2018-11-03",
            "2011-12-29",
            "2018-02-17",
            "2026-04-04",
            "2023-04-27",
            "2006-04-01",
        ]
    ).flatmap(
        lambda day: st.integers(0, 4 * 24 * 60).map(
            lambda minutes: dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) + minutes * MINUTE
        )
    ),
    st.datetimes(dt.datetime(2005, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001  # the zone is added
)
spans = st.integers(1, 100 * 60 * 60).map(lambda seconds: dt.timedelta(seconds=seconds))


@settings(max_examples=150, deadline=None)
@given(calendars(), instants, spans)
def test_a_deadline_never_lies_in_closed_time(
    office: BusinessHours, start: dt.datetime, span: dt.timedelta
) -> None:
    """The instant before it is open on the wall."""
    due = office.add(start, span)

    assert due > start
    assert office.is_open(due - dt.timedelta(microseconds=1))


@settings(max_examples=150, deadline=None)
@given(calendars(), instants, spans, spans)
def test_adding_in_two_parts_is_adding_at_once(
    office: BusinessHours, start: dt.datetime, one: dt.timedelta, two: dt.timedelta
) -> None:
    """So a plan does not depend on where it is looked at."""
    assert office.add(office.add(start, one), two) == office.add(start, one + two)


@settings(max_examples=150, deadline=None)
@given(calendars(), instants, st.integers(0, 3 * 24 * 60), spans, spans)
def test_who_asks_later_is_never_due_earlier(
    office: BusinessHours, start: dt.datetime, minutes: int, one: dt.timedelta, two: dt.timedelta
) -> None:
    """Nor is who has more time."""
    short, long = sorted((one, two))

    assert office.add(start, short) <= office.add(start + minutes * MINUTE, long)


@settings(max_examples=40, deadline=None)
@given(calendars(), instants)
def test_working_time_is_what_the_wall_shows(office: BusinessHours, start: dt.datetime) -> None:
    """Each minute of three days is in a stretch exactly when it is open."""
    start = start.replace(second=0, microsecond=0)
    end = start + dt.timedelta(days=3)
    stretches = []
    for opens, closes in office.windows(start):
        if opens >= end:
            break
        stretches.append((opens, closes))

    minutes = [start + number * MINUTE for number in range(3 * 24 * 60)]
    inside = [any(opens <= minute < closes for opens, closes in stretches) for minute in minutes]

    assert inside == [office.is_open(minute) for minute in minutes]


@settings(max_examples=60, deadline=None)
@given(calendars(), instants, spans)
def test_exactly_the_time_that_is_added_lies_before_the_deadline(
    office: BusinessHours, start: dt.datetime, span: dt.timedelta
) -> None:
    """Nothing is counted twice and nothing left out."""
    due = office.add(start, span)

    counted = dt.timedelta(0)
    for opens, closes in office.windows(start):
        if opens >= due:
            break
        counted += min(closes, due) - opens

    assert counted == span
