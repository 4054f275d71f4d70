"""Every option but those of the sinks, a class a section: its name, type, default, bounds and what it is for.

The text under an option is its only description: the JSON Schema and config/unwonted.yaml are made from it.
"""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BeforeValidator, Field, SecretStr, field_validator, model_validator

from service.options import LOOPBACK, Duration, PositiveDuration, Section, Texts, read_secret

_HOST = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d{1,5})?|localhost(:\d{1,5})?")

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")


def _instant(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if text in {"earliest", "latest"}:
        return text
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        instant = None
    if isinstance(instant, date) and not isinstance(instant, datetime):
        instant = datetime(instant.year, instant.month, instant.day, tzinfo=UTC)
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError("should be earliest, latest, or a time with its offset such as 2026-03-01T00:00:00Z")
    return instant.astimezone(UTC)


Start = Annotated[Literal["earliest", "latest"] | AwareDatetime, BeforeValidator(_instant)]
"""Where to begin: the oldest message, the next one, or the first enqueued after an instant."""


class EventHubSettings(Section):
    """Where the activity log comes from."""

    namespace: str | None = Field(default=None, examples=["contoso.servicebus.windows.net"])
    """Host of the Event Hubs namespace; signs in with Microsoft Entra (workload identity, Azure CLI, …)."""
    hub: str | None = Field(default=None, examples=["activity-log"])
    """Name of the Event Hub; not needed with a connection string that has an EntityPath."""
    consumer_group: str = Field(default="$Default", min_length=1)
    """Consumer group; give this service one of its own."""
    connection_string: SecretStr | None = Field(
        default=None, examples=["Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…"]
    )
    """Instead of namespace, for the emulator and for development; a secret."""
    connection_string_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/event-hub"])
    """File with the connection string, instead of the string itself."""
    start: Start = "earliest"
    """Where to begin in a partition without a position: earliest, latest, or a time such as 2026-03-01T00:00:00Z."""
    max_wait: PositiveDuration = timedelta(seconds=20)
    """A partition without messages reports that it is alive this often; several seconds at least."""
    prefetch: int = Field(default=300, ge=1, le=10_000)
    """Messages kept in memory ahead of their processing, a partition."""
    max_batch: int = Field(default=100, ge=1, le=10_000)
    """Most messages processed in one go."""
    probe_every: PositiveDuration = timedelta(seconds=60)
    """How often the hub is asked for its newest messages, to know the lag."""
    silent_after: PositiveDuration = timedelta(seconds=60)
    """A partition that delivers neither messages nor empty batches for so long is reconnected; readiness fails."""
    give_up_after: PositiveDuration = timedelta(minutes=5)
    """The process exits, to be restarted, when a hub that can be reached has been silent for so long."""
    give_up_unreachable_after: PositiveDuration = timedelta(hours=2)
    """The same for a hub that cannot be reached, where a restart would not help."""
    recycle_after_messages: int = Field(default=5_000_000, ge=1_000)
    """A connection is replaced after so many messages, because the client library's memory grows with them."""
    recycle_every: PositiveDuration = timedelta(hours=24)
    """A connection is replaced after so long, too."""
    transport: Literal["amqp", "websocket"] = "amqp"
    """amqp uses port 5671; websocket uses 443, for networks that allow nothing else."""
    endpoint: str | None = Field(default=None, examples=["sb://gateway.example.com:5671"])
    """Address of a private gateway in front of the namespace."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of that gateway, when it is a private one."""

    proxy: str | None = Field(default=None, examples=["proxy.example.com:3128"])
    """Host and port of an HTTP proxy to go through, for transport websocket; HTTPS_PROXY does not count here."""
    proxy_user: str | None = Field(default=None, examples=["unwonted"])
    """Name to give to that proxy, if it wants one."""
    proxy_password_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/proxy-password"])
    """File with the password that goes with it."""

    @field_validator("proxy")
    @classmethod
    def _proxy_is_host_and_port(cls, value: str | None) -> str | None:
        if value is not None and not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("should be a host and a port, such as proxy.example.com:3128")
        return value

    @field_validator("namespace")
    @classmethod
    def _namespace_is_a_host(cls, value: str | None) -> str | None:
        if value is not None and not _HOST.fullmatch(value):
            raise ValueError("should be a host alone, such as contoso.servicebus.windows.net")
        return value

    @field_validator("connection_string")
    @classmethod
    def _connection_string_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_connection_string(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "EventHubSettings":
        given = [name for name in ("namespace", "connection_string", "connection_string_file") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"needs only one of namespace, connection_string and connection_string_file, has {given}")
        if self.proxy is not None and self.transport != "websocket":
            raise ValueError("proxy needs transport: websocket")
        if (self.proxy_user is None) != (self.proxy_password_file is None) or (self.proxy_user and not self.proxy):
            raise ValueError("proxy_user and proxy_password_file go together, and with proxy")
        if self.silent_after < 2 * self.max_wait:
            raise ValueError("silent_after should be longer than max_wait: twice as long at least, best three times")
        if self.give_up_after <= self.silent_after:
            raise ValueError("give_up_after should be longer than silent_after")
        return self

    def connection(self) -> SecretStr | None:
        """Return the connection string, wherever it is kept; None means Microsoft Entra.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If what it holds is no connection string; the text does not repeat it.
        """
        secret = read_secret(self.connection_string, self.connection_string_file)
        if secret is not None:
            check_connection_string(secret.get_secret_value())
        return secret


def check_connection_string(text: str) -> None:
    """Raise ValueError, without repeating it, for what is no connection string of an Event Hub."""
    keys = {part.partition("=")[0].strip().lower() for part in text.split(";")}
    signed = "sharedaccesssignature" in keys or {"sharedaccesskeyname", "sharedaccesskey"} <= keys
    if "endpoint" not in keys or not signed:
        raise ValueError("should look like Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…")


def _account(value: str | None) -> str | None:
    if value is not None and (not value.startswith(("https://", "http://")) or "?" in value):
        raise ValueError("should be https://ACCOUNT.blob.core.windows.net, without a SAS token")
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


class SuppressionsSettings(Section):
    """What does not alert for a while: maintenance, exercises, known noise."""

    file: Path | None = Field(default=None, examples=["/etc/unwonted/suppressions.yaml"])
    """YAML file, such as config/suppressions.yaml; without it, nothing is suppressed."""
    look_every: PositiveDuration = timedelta(seconds=5)
    """How often the file is looked at; what has changed is in force after the second look that finds it unchanged."""


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
