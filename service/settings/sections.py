"""Every option but those of `event_hub` and the sinks, a class a section: its name, type, default, bounds and purpose.

The text under an option is its only description: the JSON Schema and config/unwonted.yaml are made from it.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service.options import LOOPBACK, Duration, PositiveDuration, Section, Texts

_ACCOUNT_HELP = "should be https://ACCOUNT.blob.core.windows.net, without a container or a SAS token"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _account(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        address = urlsplit(value)
    except ValueError:
        raise ValueError(_ACCOUNT_HELP) from None
    # An emulator has the name of its account as a path; in Azure a path would be a container.
    host = address.hostname or ""
    contained = host.partition(".")[2].startswith("blob.") and address.path.strip("/")
    if address.scheme not in {"https", "http"} or not host or "?" in value or contained:
        raise ValueError(_ACCOUNT_HELP)
    return value


class BlobPlace(Section):
    """Where in a storage account something is kept; shared by what can be a file or a blob."""

    kind: str
    account_url: str | None = Field(default=None, examples=["https://contoso.blob.core.windows.net"])
    """Storage account, for kind blob; signs in with Microsoft Entra."""
    container: str = Field(default="unwonted", pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")
    """Container, for kind blob."""
    connection_string: SecretStr | None = Field(
        default=None, examples=["DefaultEndpointsProtocol=…;AccountName=…;AccountKey=…"]
    )
    """Instead of account_url, for Azurite and for development; a secret."""

    @field_validator("account_url")
    @classmethod
    def _account_is_an_address(cls, value: str | None) -> str | None:
        return _account(value)

    @model_validator(mode="after")
    def _one_account(self) -> "BlobPlace":
        if self.account_url is not None and self.connection_string is not None:
            raise ValueError("needs only one of account_url and connection_string")
        if self.kind == "blob" and self.account_url is None and self.connection_string is None:
            raise ValueError("needs account_url or connection_string when kind is blob")
        return self


class SnapshotsSettings(BlobPlace):
    """Where the service keeps what it has learnt, its positions, and the alerts still to be sent."""

    kind: Literal["file", "blob"] = "file"
    """file: a directory; blob: Azure Blob Storage."""
    path: Path = Path(".state")
    """Directory, for kind file."""
    blob: str = Field(default="snapshot", min_length=1)
    """Name of the blob, for kind blob."""
    every: PositiveDuration = timedelta(seconds=60)
    """How often a snapshot is taken, when something has changed; evaluations take one as well."""
    keep_daily: int = Field(default=7, ge=0, le=90)
    """How many days' first snapshots are kept besides, to go back to (`unwonted state revert`); 0 keeps none."""
    timeout: PositiveDuration = timedelta(seconds=60)
    """How long storing a snapshot may take, or reading it at the start; alerts never wait for it longer than 5 s."""


class LearnSettings(Section):
    """History that an empty state is taught, by `unwonted learn` or when the service starts for the first time."""

    on_empty_state: bool = False
    """Whether the service learns history by itself when it starts without a state; else `unwonted learn` does."""
    api: bool = True
    """Whether to read Azure's REST API, which has 90 days; needs the role Reader."""
    subscriptions: Texts = ()
    """Ids of the subscriptions to learn from; all that can be read, if no management group is given either."""
    management_group: str | None = Field(default=None, examples=["contoso"])
    """Id of a management group whose subscriptions to learn from."""
    days: int = Field(default=90, ge=1, le=90)
    """How many days back."""
    endpoint: str = "https://management.azure.com"
    """Address of Azure Resource Manager; another one in a sovereign cloud, whose Log Analytics is then asked, too."""
    workspaces: Texts = Field(default=(), examples=["9a9a9a9a-0000-4000-8000-00000000a1a1"])
    """Ids of Log Analytics workspaces to learn from; needs Log Analytics Reader, and unwonted[loganalytics]."""
    archive: str | None = Field(default=None, examples=["https://contosologs.blob.core.windows.net"])
    """Storage account that a diagnostic setting archives the activity log to; needs Storage Blob Data Reader."""
    archive_container: str = Field(default="insights-activity-logs", pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")
    """Container of that archive."""
    spool: Path = Path(".state/history")
    """Directory for what has been fetched and not learnt yet; it holds people's records, and is cleared afterwards."""
    give_up_after: PositiveDuration = timedelta(hours=2)
    """How long one page may be throttled, or be out of reach, before learning gives up."""
    at_most: PositiveDuration = timedelta(hours=12)
    """How long a service with on_empty_state may fetch altogether, before it starts without history."""

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        address = urlsplit(value)
        local = address.scheme == "http" and address.hostname in LOOPBACK
        if not (address.scheme == "https" or local) or not address.hostname or address.path.strip("/"):
            raise ValueError("should be https://HOST, or http://127.0.0.1:PORT for a server on this machine")
        return value

    @field_validator("workspaces")
    @classmethod
    def _workspaces_are_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_ID.fullmatch, value)):
            raise ValueError("should be ids as a workspace's overview shows them, not names or resource ids")
        return value

    @field_validator("archive")
    @classmethod
    def _archive_is_an_address(cls, value: str | None) -> str | None:
        return _account(value)


class WindowsSettings(Section):
    """How event time is divided, and how late events may arrive."""

    bucket: PositiveDuration = timedelta(hours=1)
    """Repetitions of an action by one identity within a bucket count once."""
    lateness: Duration = timedelta(minutes=30)
    """How much later than a newer event an event may arrive and still count as on time."""
    late_horizon: PositiveDuration = timedelta(hours=24)
    """How late an event is still judged; later ones are only counted."""


class ScheduleSettings(Section):
    """When alerts are decided."""

    every: PositiveDuration = timedelta(minutes=15)
    """Time between two evaluations, aligned to midnight UTC."""
    window: PositiveDuration = timedelta(hours=2)
    """How far each evaluation looks back; what one identity does in an aligned window makes one alert."""


class AlertingSettings(Section):
    """How many alerts there are."""

    alerts_per_day: float | None = Field(default=None, gt=0.0, le=1_000_000.0, allow_inf_nan=False, examples=[5])
    """Most identities alerted a day, on average: moves all thresholds together; without it, they stay as configured."""
    group_failures_from: int = Field(default=5, ge=2)
    """Unusual failures of one operation by so many identities in a window make one alert for the operation."""
    group_rollouts_from: int = Field(default=5, ge=2)
    """So many established identities that take up one operation within a week make one alert for who comes later."""


class ShadowSettings(Section):
    """Attacks that are imagined in silence, to know what would be missed: metrics, never an alert."""

    attacks: int = Field(default=5, ge=0, le=100)
    """Identities of each kind that are imagined to be stolen in an hour; 0: none."""


class SuppressionsSettings(Section):
    """What does not alert for a while: maintenance, exercises, known noise."""

    file: Path | None = Field(default=None, examples=["/etc/unwonted/suppressions.yaml"])
    """YAML file, such as config/suppressions.yaml; without it, nothing is suppressed."""
    look_every: PositiveDuration = timedelta(seconds=5)
    """How often the file is looked at; what has changed is in force after the second look that finds it unchanged."""


class OwnersSettings(Section):
    """Who answers for which identity, for cards and the console; it decides nothing."""

    file: Path | None = Field(default=None, examples=["/etc/unwonted/owners.csv"])
    """CSV file with the columns identity (an id, object id or name), owner, and tags, separated by semicolons."""
    look_every: PositiveDuration = timedelta(seconds=30)
    """How often the file is looked at; what has changed counts after the second look that finds it unchanged."""


class VerdictsSettings(Section):
    """What people found alerts to be; the journal of it is kept beside the snapshots."""

    look_every: PositiveDuration = timedelta(seconds=15)
    """How often the journal is looked at for verdicts that were given elsewhere; 2m at most."""

    @field_validator("look_every")
    @classmethod
    def _is_heard_of_in_time(cls, value: timedelta) -> timedelta:
        if value > timedelta(minutes=2):
            raise ValueError("should be at most 2m: a verdict says from when on it counts, and must be known by then")
        return value


class NoticesSettings(Section):
    """When a coverage gap is reported: a span of time for which input is missing or late."""

    after: PositiveDuration = timedelta(minutes=15)
    """How long input must be missing, or late, before a coverage gap is reported."""
    late_by: PositiveDuration = timedelta(hours=1)
    """How long after they happened events may reach the hub without counting as late; 3 to 20 minutes are usual."""


class LimitsSettings(Section):
    """Bounds on memory; whatever they cut off is counted in the metrics."""

    max_identities: int = Field(default=100_000, ge=100)
    """Identities remembered; beyond it, those silent for longest are evicted."""
    max_actions_per_identity: int = Field(default=2_000, ge=10)
    """Actions remembered of one identity; beyond it, those with the least weight are evicted."""
    max_open_actions: int = Field(default=2_000, ge=10)
    """Actions of one identity held in an open bucket."""
    max_operations_per_cell: int = Field(default=256, ge=8)
    """Operations of one action by one identity in a bucket that are kept; beyond it, their number is estimated."""
    max_open_operations: int = Field(default=200_000, ge=100)
    """Operations remembered that have begun and not ended."""


class GeographySettings(Section):
    """Where addresses are: what the detectors unusual_country and unusual_city need; without it both are off."""

    database: Path | None = Field(default=None, examples=["/usr/share/GeoIP/GeoLite2-City.mmdb"])
    """File in MaxMind's format, of cities or, for unusual_country alone, of countries; read at start."""


class DeadLetterSettings(BlobPlace):
    """Where records that could not be understood go, as a redacted sample, and messages that could not be delivered."""

    kind: Literal["file", "blob", "none"] = "file"
    """file: files of JSON lines; blob: Azure Blob Storage; none: both are only counted."""
    path: Path = Path(".state/dead-letter.ndjson")
    """The file of records, for kind file; messages go into one beside it, dead-letter-undelivered.ndjson."""
    blob: str = Field(default="dead-letter.ndjson", min_length=1)
    """Folder of the records' blobs, one a day, for kind blob; that of messages is dead-letter-undelivered.ndjson."""
    max_bytes: int = Field(default=10_000_000, ge=10_000)
    """Size, of each of the two, at which the oldest go; in Blob Storage, of a day, after which nothing is added."""

    @property
    def undelivered_path(self) -> Path:
        """The file of undelivered messages."""
        return self.path.parent / _undelivered(self.path.name)

    @property
    def undelivered_blob(self) -> str:
        """Folder of the blobs of undelivered messages."""
        return _undelivered(self.blob)


def _undelivered(name: str) -> str:
    return f"{name.removesuffix('.ndjson')}-undelivered.ndjson"


class HttpSettings(Section):
    """Metrics and health: /metrics, /healthz/live, /healthz/ready, /healthz/startup."""

    host: str = "0.0.0.0"  # noqa: S104 - a kubelet and a Prometheus come from outside; it serves no secrets or names
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on; 0 takes any that is free."""


class LogSettings(Section):
    """What the service says of itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level written: debug, info, warning or error."""
    format: Literal["auto", "json", "console"] = "auto"
    """json: one object a line; console: for people; auto: console on a terminal."""


class ShutdownSettings(Section):
    """What happens at SIGTERM."""

    grace: PositiveDuration = timedelta(seconds=45)
    """Time for all steps together: finish the batch, snapshot, send what is pending, close."""


class StandbySettings(Section):
    """A second instance that waits, and takes over when the first is gone; both need the same configuration."""

    enabled: bool = False
    """Whether an instance waits until it alone holds the lease, which is kept where the snapshots are."""
    lease: PositiveDuration = timedelta(seconds=15)
    """How long a lease lasts unless it is renewed; who cannot renew it stops. 15s to 60s, in whole seconds."""

    @field_validator("lease")
    @classmethod
    def _lease_is_one_that_blob_storage_gives(cls, value: timedelta) -> timedelta:
        if not 15 <= value.total_seconds() <= 60 or value.microseconds:
            raise ValueError("should be 15s to 60s, in whole seconds, as Blob Storage has it")
        return value
