"""Times, and what is said of them."""

import dataclasses
import statistics
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: ours against a control of the same run.

    Attributes:
        measure: What was measured.
        unit: Of `ours` and `control`.
        ours, control: The median, or a rate.
        p99: Of ours, in `unit`; None for a rate.
        ratio: ours / control.
        target: What is to be reached, in words.
        met: Whether it was.
        n: Completed pieces of work, for ours and the control each.
    """

    measure: str
    unit: str
    ours: float
    control: float
    p99: float | None
    ratio: float
    target: str
    met: bool
    n: int


def p50(times: Sequence[float]) -> float:
    """The median."""
    return statistics.median(times)


def p99(times: Sequence[float]) -> float:
    """The 99th percentile, by the nearest rank."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]


def latency(measure: str, ours: Sequence[float], control: Sequence[float], *, at_most: float) -> Figure:
    """A figure from two series of seconds, shown in ms; the target is a ratio of medians."""
    ratio = p50(ours) / p50(control)
    return Figure(
        measure=measure,
        unit="ms",
        ours=p50(ours) * 1000,
        control=p50(control) * 1000,
        p99=p99(ours) * 1000,
        ratio=ratio,
        target=f"at most {at_most:.2f}x",
        met=ratio <= at_most,
        n=len(ours),
    )


def added(measure: str, ours: Sequence[float], control: Sequence[float], *, at_most_ms: float) -> Figure:
    """A figure from two series of seconds, shown in ms; the target is a difference of medians."""
    more = (p50(ours) - p50(control)) * 1000
    figure = latency(measure, ours, control, at_most=1)
    return dataclasses.replace(figure, target=f"at most +{at_most_ms:g} ms", met=more <= at_most_ms)


def rate(measure: str, ours: float, control: float, *, at_least: float, n: int) -> Figure:
    """A figure from two rates per second; the target is a ratio."""
    ratio = ours / control
    return Figure(
        measure=measure,
        unit="1/s",
        ours=ours,
        control=control,
        p99=None,
        ratio=ratio,
        target=f"at least {at_least:.2f}x",
        met=ratio >= at_least,
        n=n,
    )
