"""What stands in a file of detection tests: histories, activities, expectations, each with what may be written there.

Reading the file, and saying where in it a mistake is, is left to `reading`.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from models.detectors import DETECTORS
from models.statistics import Severity
from models.stream import ActorKind
from service.options import Section

MOST_ACTIVITIES = 200_000
"""Records that the activities of one test may come to."""

_TIME = "should be a time with its offset such as 2026-03-02T09:00:00Z"
_SPEAKS, _SILENT = "speaks", "silent"


def _instant(value: object) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(_TIME)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_TIME) from None


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _address(value: str) -> str:
    try:
        return str(ip_address(value.strip()))
    except ValueError:
        raise ValueError("should be an IP address such as 198.51.100.7") from None


Instant = Annotated[datetime, BeforeValidator(_instant)]
Words = Annotated[str, Field(min_length=1, max_length=500)]
ListedWords = Annotated[tuple[Words, ...], BeforeValidator(_listed), Field(min_length=1, max_length=1_000)]
Instants = Annotated[tuple[Instant, ...], BeforeValidator(_listed), Field(min_length=1, max_length=10_000)]


class Activities(Section):
    """That identities did operations at times: each of them each of these, at each time, on each day."""

    identity: ListedWords
    operation: ListedWords
    at: Instants
    days: int = Field(default=1, ge=1, le=400)
    """On how many days in a row from `at` on."""
    weekdays: bool = False
    """Whether Saturdays and Sundays, UTC, are left out of these."""
    times: int = Field(default=1, ge=1, le=10_000)
    """How often each time, a second apart."""
    address: Words = "10.0.1.1"
    outcome: Literal["success", "failure", "denied"] = "success"
    kind: ActorKind = ActorKind.HUMAN
    subscription: Words = "subscription"

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value)

    @field_validator("kind")
    @classmethod
    def _can_be_written(cls, value: ActorKind) -> ActorKind:
        kinds = (ActorKind.HUMAN, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY)
        if value not in kinds:
            raise ValueError(f"should be one of {', '.join(kinds)}")
        return value

    @model_validator(mode="after")
    def _within_the_calendar(self) -> "Activities":
        try:
            _ = max(self.at) + timedelta(days=self.days, seconds=self.times)
        except OverflowError:
            raise ValueError("at: leads past the end of the calendar") from None
        return self

    @property
    def count(self) -> int:
        """How many records it comes to at most."""
        return len(self.identity) * len(self.operation) * len(self.at) * self.days * self.times


class Past(Section):
    """A part of a history: exactly one of what it can be."""

    files: ListedWords | None = None
    """Files, folders or patterns, relative to the file of the test, in any shape that a replay reads."""
    example: str | None = None
    """Example of a detector: ``rare_action.speaks`` or ``rare_action.silent``."""
    activities: tuple[Activities, ...] | None = Field(default=None, min_length=1, max_length=1_000)

    @field_validator("example")
    @classmethod
    def _exists(cls, value: str | None) -> str | None:
        name, _, which = (value or "").partition(".")
        if value is not None and (name not in DETECTORS or which not in {_SPEAKS, _SILENT}):
            raise ValueError(f"should be one of {', '.join(sorted(DETECTORS))}, with .speaks or .silent after it")
        return value

    @model_validator(mode="after")
    def _is_one(self) -> "Past":
        if sum(one is not None for one in (self.files, self.example, self.activities)) != 1:
            raise ValueError("should have exactly one of files, example, activities")
        return self


class Expectation(Section):
    """What must come of what an identity does; of what it restricts to, all must fit.

    Attributes
    ----------
    alerts
        True if it alerts, False if it does not, or the least severity with which it does.
    """

    identity: Words
    """Id, object id, or name, or what stands before its @."""
    operation: Words = "*"
    """Operation; ``*`` stands for anything, ``?`` for one character, whatever the case."""
    at: Instant | None = None
    """A time within the hour that is meant."""
    address: Words | None = None
    detector: str | None = None
    alerts: bool | Severity | None = None
    score_at_least: float | None = Field(default=None, ge=0.0, le=100.0)
    score_below: float | None = Field(default=None, ge=0.0, le=100.0)
    mentions: ListedWords | None = None
    """What the explanation says, whatever the case: each of these."""

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else _address(value)

    @field_validator("alerts", mode="before")
    @classmethod
    def _is_severity(cls, value: Any) -> Any:
        if value is None or isinstance(value, bool) or value in list(Severity):
            return value
        raise ValueError(f"should be true, false or one of {', '.join(Severity)}")

    @field_validator("detector")
    @classmethod
    def _is_detector(cls, value: str | None) -> str | None:
        if value is not None and value not in DETECTORS:
            raise ValueError(f"should be one of {', '.join(sorted(DETECTORS))}")
        return value

    @model_validator(mode="after")
    def _expects(self) -> "Expectation":
        wanted = (self.alerts, self.score_at_least, self.score_below, self.mentions)
        if all(one is None for one in wanted):
            raise ValueError("should expect something: alerts, score_at_least, score_below or mentions")
        if self.score_below is not None and self.score_at_least is not None and self.score_below <= self.score_at_least:
            raise ValueError("score_below: should be more than score_at_least, or nothing can fit both")
        return self

    @property
    def title(self) -> str:
        """The expectation as a line."""
        parts = [self.identity, *([self.operation] if self.operation != "*" else [])]
        parts += [f"at {self.at:%Y-%m-%d %H:%M}"] if self.at else []
        parts += [f"from {self.address}"] if self.address else []
        parts += [f"by {self.detector}"] if self.detector else []
        return f"{' '.join(parts)}: {', '.join(self._wanted())}"

    def _wanted(self) -> list[str]:
        wanted = []
        if self.alerts is not None:
            said = "alerts" if self.alerts else "does not alert"
            wanted.append(f"alerts at least {self.alerts}" if isinstance(self.alerts, Severity) else said)
        if self.score_at_least is not None:
            wanted.append(f"scores at least {self.score_at_least:g}")
        if self.score_below is not None:
            wanted.append(f"stays below {self.score_below:g}")
        return wanted + [f"mentions {text!r}" for text in self.mentions or ()]


class DetectionTest(Section):
    """One history and what must come of it."""

    name: Words
    history: tuple[Past, ...] = Field(default=(), max_length=100)
    """Its parts, put together in order of time. Only a replay of other files can do without."""
    expect: tuple[Expectation, ...] = Field(min_length=1, max_length=1_000)

    @model_validator(mode="after")
    def _is_bounded(self) -> "DetectionTest":
        if sum(activity.count for past in self.history for activity in past.activities or ()) > MOST_ACTIVITIES:
            raise ValueError(
                f"history: its activities come to more than {MOST_ACTIVITIES:,} records, which is the most"
            )
        return self


class TestFile(Section):
    """A whole file."""

    __test__ = False  # pytest takes the name for a test

    tests: tuple[DetectionTest, ...] = Field(min_length=1, max_length=1_000)

    @field_validator("tests")
    @classmethod
    def _names_differ(cls, value: tuple[DetectionTest, ...]) -> tuple[DetectionTest, ...]:
        names = [one.name for one in value]
        if twins := [name for name in names if names.count(name) > 1]:
            number = max(at for at, name in enumerate(names) if name == twins[0])
            raise ValueError(f"{number}.name: is the name of another test as well")
        return value
