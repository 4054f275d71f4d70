"""What can be configured, where it is read from, and how it is shown without its secrets."""

from service.settings.detectors import DetectorSettings, arguments
from service.settings.reading import SettingsError, load, option_paths, variable_name
from service.settings.reference import reference
from service.settings.root import Settings
from service.settings.sections import Alerting, DeadLetter, EventHub, Http, Limits, Schedule, Snapshots, Windows
from service.settings.showing import config_hash, example_yaml, json_schema, redacted, secrets
from service.settings.sinks import SinkSettings, SlackSettings, StdoutSettings, TeamsSettings, WebhookSettings

__all__ = [
    "Alerting",
    "DeadLetter",
    "DetectorSettings",
    "EventHub",
    "Http",
    "Limits",
    "Schedule",
    "Settings",
    "SettingsError",
    "SinkSettings",
    "SlackSettings",
    "Snapshots",
    "StdoutSettings",
    "TeamsSettings",
    "WebhookSettings",
    "Windows",
    "arguments",
    "config_hash",
    "example_yaml",
    "json_schema",
    "load",
    "option_paths",
    "redacted",
    "reference",
    "secrets",
    "variable_name",
]
