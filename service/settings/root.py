"""All sections together, and what must hold between them."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from models.detectors import DETECTORS
from service.options import LOOPBACK, Section
from service.settings.console import ConsoleSettings
from service.settings.detectors import DetectorSettings, check_detectors, default_threshold
from service.settings.event_hub import EventHubSettings
from service.settings.history import HistorySettings
from service.settings.sections import (
    AlertingSettings,
    DeadLetterSettings,
    GeographySettings,
    HttpSettings,
    LearnSettings,
    LimitsSettings,
    LogSettings,
    NoticesSettings,
    OwnersSettings,
    ScheduleSettings,
    ShadowSettings,
    ShutdownSettings,
    SnapshotsSettings,
    StandbySettings,
    SuppressionsSettings,
    VerdictsSettings,
    WindowsSettings,
)
from service.settings.sign_in import SignInSettings
from service.settings.watch import WatchSettings
from service.sinks import AnySink, EventHubSinkSettings, StdoutSettings

_DAY = timedelta(days=1)


def _with_defaults(value: object) -> object:
    """Leave a detector that is not mentioned at its defaults, rather than off."""
    if not isinstance(value, dict):
        return value
    detectors = dict(value)
    for name in DETECTORS:
        given = detectors.get(name, {})
        if isinstance(given, dict):
            detectors[name] = {"threshold": default_threshold(name), **given}
    return detectors


class Settings(Section):
    """Everything that can be configured.

    Examples
    --------
    >>> Settings().schedule.window
    datetime.timedelta(seconds=7200)
    """

    event_hub: EventHubSettings = EventHubSettings()
    snapshots: SnapshotsSettings = SnapshotsSettings()
    history: HistorySettings = HistorySettings()
    standby: StandbySettings = StandbySettings()
    learn: LearnSettings = LearnSettings()
    windows: WindowsSettings = WindowsSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    alerting: AlertingSettings = AlertingSettings()
    shadow: ShadowSettings = ShadowSettings()
    suppressions: SuppressionsSettings = SuppressionsSettings()
    owners: OwnersSettings = OwnersSettings()
    verdicts: VerdictsSettings = VerdictsSettings()
    watch: WatchSettings = WatchSettings()
    notices: NoticesSettings = NoticesSettings()
    detectors: Annotated[dict[str, DetectorSettings], BeforeValidator(_with_defaults)] = Field(default={})
    """What to look for, by name of the detector."""
    geography: GeographySettings = GeographySettings()
    limits: LimitsSettings = LimitsSettings()
    sinks: dict[str, AnySink] = Field(default={"stdout": StdoutSettings()})
    """Where alerts and notices go, by a name of your choice."""
    dead_letter: DeadLetterSettings = DeadLetterSettings()
    http: HttpSettings = HttpSettings()
    console: ConsoleSettings = ConsoleSettings()
    sign_in: SignInSettings = SignInSettings()
    log: LogSettings = LogSettings()
    shutdown: ShutdownSettings = ShutdownSettings()

    @field_validator("sinks")
    @classmethod
    def _names_are_short_words(cls, value: dict[str, AnySink]) -> dict[str, AnySink]:
        # Names become metric labels and parts of environment variables.
        wrong = [
            f"sinks.{name}: a name should have lower-case letters, digits and _ only, begin with a letter, and be 40 "
            "long at most"
            for name in value
            if not (name.isascii() and name.isidentifier() and name == name.lower() and len(name) <= 40)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("detectors")
    @classmethod
    def _detectors_exist(cls, value: dict[str, DetectorSettings]) -> dict[str, DetectorSettings]:
        if problems := check_detectors(value):
            raise ValueError("\n".join(problems))
        return value

    @model_validator(mode="after")
    def _alerts_lead_to_the_console(self) -> "Settings":
        for one in self.sinks.values():
            one.lead_to(self.console.public_url or "")
        return self

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Settings":
        if problems := conflicts(self):
            raise ValueError("\n".join(problems))
        return self


def conflicts(settings: Settings) -> list[str]:
    """Say what in bucket, lateness, horizon, interval, window and limits contradicts each other, a line each."""
    bucket, lateness, horizon = settings.windows.bucket, settings.windows.lateness, settings.windows.late_horizon
    every, window = settings.schedule.every, settings.schedule.window
    checks = [
        (_DAY % every == timedelta(0), "schedule.every should divide a day, so that evaluations are aligned"),
        (_DAY % bucket == timedelta(0), "windows.bucket should divide a day, so that buckets are aligned"),
        (
            window >= every,
            "schedule.window should be no shorter than schedule.every, or events fall between evaluations",
        ),
        (window < every or window % every == timedelta(0), "schedule.window should be a multiple of schedule.every"),
        (
            window >= bucket + lateness,
            "schedule.window should be no shorter than windows.bucket + windows.lateness, or buckets close unseen",
        ),
        (
            settings.notices.after >= 3 * settings.event_hub.probe_every,
            "notices.after should be at least three times event_hub.probe_every, or a quiet partition looks silent",
        ),
        (horizon >= lateness, "windows.late_horizon should be no shorter than windows.lateness"),
        (
            not settings.console.enabled
            or (settings.history.enabled and (settings.history.path or settings.snapshots.kind == "file")),
            "console.enabled needs a history: history.enabled, and history.path where snapshots are in blobs",
        ),
        (
            settings.console.host in LOOPBACK or settings.sign_in.issuer is not None,
            "console.host should be 127.0.0.1, ::1 or localhost, unless sign_in.issuer says who may read it",
        ),
        (
            settings.sign_in.issuer is None or not settings.console.enabled or settings.console.public_url is not None,
            "sign_in.issuer needs console.public_url: the address to which people come back",
        ),
        (
            not any(
                isinstance(one, EventHubSinkSettings) and one.enabled and one.is_hub(*settings.event_hub.named)
                for one in settings.sinks.values()
            ),
            "sinks should not send to the Event Hub that is read: alerts would come back as records",
        ),
        (horizon >= bucket, "windows.late_horizon should be no shorter than windows.bucket"),
    ]
    return [problem for holds, problem in checks if not holds]
