"""Where records come from: Event Hubs through their Kafka endpoint, or files; as streams of messages, all alike.

What a stream reads in a batch is in Spark's checkpoint before it is processed, so that a batch that is run again is the
same. A stream has one column of bytes, where each message stands and what is in it, because these go from Java to
Python as they are: rows would be pickled, at a third of what a batch costs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from models.stream import EPOCH
from service.options import named_by, read_secret
from service.settings import Settings, SettingsError
from service.spark.tenants import Tenant

FILES = "files"
"""The one partition that all files of a tenant are in."""
MOST_FILES = 1_000_000
"""Files that a batch may have."""
_END = "X'00'"
"""In SQL, what ends where a message stood; the rest is the message."""


class MessageBody(NamedTuple):
    """A message, before it is parsed.

    Attributes
    ----------
    tenant, partition
        Whose it is, and where it stood.
    place
        Its number there; of a file its path, since its number follows from those of the others.
    enqueued_time
        When the hub took it; None where that is the time of its newest event.
    body
        As it came.
    """

    tenant: str
    partition: str
    place: int | str
    enqueued_time: datetime | None
    body: bytes


class Heartbeat(NamedTuple):
    """Until when the source has been read, messages or none."""

    at: datetime


class FileInput(NamedTuple):
    """Files of records, each a message, in the order of their paths: for back-tests.

    Attributes
    ----------
    folder
        With one tenant, its files; with several, a folder for each by its name. Files in folders below count as well.
    files_a_batch
        How many are taken at once.
    """

    folder: Path
    files_a_batch: int = 100

    def open(self, session: Any, tenants: Sequence[Tenant]) -> Any:
        """Return the stream."""
        # Otherwise Spark lists more than 32 files by a job of its own, of a task a file, in every batch.
        session.conf.set("spark.sql.sources.parallelPartitionDiscovery.threshold", str(MOST_FILES))
        return (
            session.readStream.format("binaryFile")
            .schema("path string, modificationTime timestamp, length long, content binary")
            .option("recursiveFileLookup", "true")
            .option("maxFilesPerTrigger", str(self.files_a_batch))
            .load(str(self.folder))
            .selectExpr(f"concat(encode(path, 'UTF-8'), {_END}, content) message")
        )

    @property
    def is_live(self) -> bool:
        """Whether it goes on by itself, so that its silence or delay means something."""
        return False

    def rows(self, frame: Any, tenants: Sequence[Tenant], tasks: int) -> Any:
        """Return the messages of a batch, as an RDD of `MessageBody` in so many partitions."""
        tenant_of = _tenant_of_file(self.folder.resolve().as_uri().rstrip("/"), [tenant.name for tenant in tenants])

        def bodies(message: bytes) -> list[MessageBody]:
            path, _, content = message.partition(b"\0")
            place = path.decode()
            tenant = tenant_of(place)
            return [] if tenant is None else [MessageBody(tenant, FILES, place, None, content)]

        return in_partitions(frame, tasks).flatMap(bodies)

    def has_all(self, messages: int) -> bool:
        """Whether a batch of so many has everything that was there."""
        return True


def _tenant_of_file(folder: str, names: Sequence[str]) -> Callable[[str], str | None]:
    """Return what says whose a file is; nobody's, if there are several tenants and it is in the folder of none."""
    if len(names) == 1:
        return lambda path: names[0]
    known = frozenset(names)
    tail = folder.removeprefix("file://").removeprefix("file:")

    def tenant_of(path: str) -> str | None:
        inside = path.partition(f"{tail}/")[2].partition("/")[0]
        return inside if inside in known else None

    return tenant_of


class HubInput(NamedTuple):
    """Event Hubs of one namespace, a hub a tenant, read through the Kafka endpoint.

    Attributes
    ----------
    messages_a_batch
        How many are taken at once.
    """

    messages_a_batch: int = 100_000

    def open(self, session: Any, tenants: Sequence[Tenant]) -> Any:
        """Return the stream: messages, and a heartbeat a second.

        Raises
        ------
        SettingsError
            The settings of the tenants do not name one namespace, and a hub for each.
        """
        options = kafka_options(tenants, self.messages_a_batch)
        messages = session.readStream.format("kafka").options(**options).load()
        heartbeat = session.readStream.format("rate").option("rowsPerSecond", "1").load()
        place = "concat_ws(' ', unix_micros(timestamp), partition, offset, topic)"
        return messages.selectExpr(
            f"concat(encode({place}, 'UTF-8'), {_END}, coalesce(value, X'')) message"
        ).unionByName(heartbeat.selectExpr(f"concat(encode(string(unix_micros(timestamp)), 'UTF-8'), {_END}) message"))

    @property
    def is_live(self) -> bool:
        """As of files."""
        return True

    def rows(self, frame: Any, tenants: Sequence[Tenant], tasks: int) -> Any:
        """Return the messages of a batch, as an RDD of `MessageBody`, and of `Heartbeat` in between."""
        names = {_read_from(tenant.settings).hub: tenant.name for tenant in tenants}

        def body(message: bytes) -> MessageBody | Heartbeat:
            place, _, value = message.partition(b"\0")
            micros, *where = place.decode().split(" ")
            enqueued = EPOCH + timedelta(microseconds=int(micros))
            if not where:
                return Heartbeat(enqueued)
            partition, offset, topic = where
            return MessageBody(names[topic], partition, int(offset), enqueued, value)

        return in_partitions(frame, tasks).map(body)

    def has_all(self, messages: int) -> bool:
        """As of files."""
        # What is read at most is shared out among partitions: half of it may be all that one of them was allowed.
        return messages * 2 < self.messages_a_batch


def in_partitions(frame: Any, tasks: int) -> Any:
    """Return a frame of one column of bytes as an RDD in so many partitions, some of which may be empty."""
    from pyspark.core.rdd import RDD  # noqa: PLC0415 - an extra
    from pyspark.serializers import NoOpSerializer  # noqa: PLC0415

    context = frame.sparkSession.sparkContext
    rows = getattr(frame._jdf, "as")(context._jvm.org.apache.spark.sql.Encoders.BINARY()).toJavaRDD()  # noqa: SLF001
    lacking = tasks - rows.getNumPartitions()
    if lacking > 0:
        rows = rows.union(context._jsc.parallelize(context._jvm.java.util.ArrayList(), lacking))  # noqa: SLF001
    elif lacking < 0:
        rows = rows.coalesce(tasks)
    return RDD(rows, context, NoOpSerializer())


def kafka_options(tenants: Sequence[Tenant], messages_a_batch: int) -> dict[str, str]:
    """Return the options of Spark's Kafka source for the hubs of tenants.

    With a connection string it signs in by SASL PLAIN, as `Event Hubs want it
    <https://learn.microsoft.com/azure/event-hubs/azure-event-hubs-apache-kafka-overview>`_; without one by OAUTHBEARER,
    as a managed identity or workload identity, for which the job needs a callback handler on its class path.

    Raises
    ------
    SettingsError
        The settings of the tenants do not name one namespace, and a hub for each.
    """
    problems, hubs, hosts, passwords = [], list[str](), set[str](), set[str]()
    for tenant in tenants:
        hub, host, password = _read_from(tenant.settings)
        if not hub or not host:
            problems.append(f"{tenant.name}: event_hub.namespace and event_hub.hub should name the hub that is read")
            continue
        hubs.append(hub)
        hosts.add(host)
        passwords.add(password)
    if len(set(hubs)) < len(hubs):
        problems.append("event_hub.hub should be another one for each tenant of a job")
    if len(hosts) > 1 or len(passwords) > 1:
        problems.append("event_hub: the hubs of a job should be in one namespace, and be read with one sign-in")
    if problems:
        raise SettingsError(problems)
    [host], [password] = hosts, passwords
    start = tenants[0].settings.event_hub.start
    options = {
        "kafka.bootstrap.servers": f"{host}:9093",
        "subscribe": ",".join(sorted(hubs)),
        "kafka.security.protocol": "SASL_SSL",
        "kafka.request.timeout.ms": "60000",
        "kafka.session.timeout.ms": "60000",
        "maxOffsetsPerTrigger": str(messages_a_batch),
        "failOnDataLoss": "false",
        "startingOffsets": start if isinstance(start, str) else "earliest",
    }
    if isinstance(start, datetime):
        options["startingTimestamp"] = str(int(start.timestamp() * 1000))
    if password:
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        secret = password.replace("\\", "\\\\").replace('"', '\\"')
        return options | {
            "kafka.sasl.mechanism": "PLAIN",
            "kafka.sasl.jaas.config": f'{module} required username="$ConnectionString" password="{secret}";',
        }
    module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
    return options | {
        "kafka.sasl.mechanism": "OAUTHBEARER",
        "kafka.sasl.jaas.config": f"{module} required;",
        "kafka.sasl.login.callback.handler.class": OAUTH_HANDLER,
    }


OAUTH_HANDLER = "com.microsoft.azure.eventhubs.kafka.CustomAuthenticateCallbackHandler"
"""Gets tokens of Microsoft Entra; Azure's samples have its source, no package on Maven Central has it."""


class _ReadFrom(NamedTuple):
    hub: str
    host: str
    connection_string: str


def _read_from(settings: Settings) -> _ReadFrom:
    """Return which hub is read, where, and how one signs in; the hub as it is written, as Kafka's topics are."""
    given = settings.event_hub
    secret = read_secret(given.connection_string, given.connection_string_file)
    text = secret.get_secret_value() if secret else ""
    host, _ = named_by(text) if text else ("", "")
    hub = next((part[len(_HUB) :] for part in text.split(";") if part.lower().startswith(_HUB)), "")
    return _ReadFrom(given.hub or hub, (given.namespace or host).partition(":")[0], text)


_HUB = "entitypath="
