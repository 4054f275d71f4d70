"""What can be configured, where it is read from, and how it is shown without its secrets."""

from service.settings.console import ConsoleSettings
from service.settings.detectors import arguments, default_threshold
from service.settings.event_hub import EventHubSettings
from service.settings.history import HistorySettings
from service.settings.names import by_variable, is_variable
from service.settings.reading import SettingsError, load
from service.settings.reference import option_reference
from service.settings.root import Settings
from service.settings.sections import BlobPlace, LearnSettings
from service.settings.showing import config_hash, example_yaml, json_schema, proxy_secrets, redacted, secrets
from service.settings.sign_in import SignInSettings
from service.settings.watch import WatchEntry

__all__ = [
    "BlobPlace",
    "ConsoleSettings",
    "EventHubSettings",
    "HistorySettings",
    "LearnSettings",
    "Settings",
    "SettingsError",
    "SignInSettings",
    "WatchEntry",
    "arguments",
    "by_variable",
    "config_hash",
    "default_threshold",
    "example_yaml",
    "is_variable",
    "json_schema",
    "load",
    "option_reference",
    "proxy_secrets",
    "redacted",
    "secrets",
]
