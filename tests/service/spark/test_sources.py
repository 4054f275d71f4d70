"""What Spark is asked to read, and what becomes of its rows."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.settings import Settings, SettingsError
from service.spark.sources import OAUTH_HANDLER, FileInput, HubInput, kafka_options
from service.spark.tenants import Home, Tenant, tasks_of
from tests.fakes.spark import LocalRdd

SECRET = (
    'Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=read;SharedAccessKey=a"b\\c=;EntityPath=logs'
)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tenant(name: str = "contoso", **hub: Any) -> Tenant:
    return Tenant(name, Settings.model_validate({"event_hub": hub}))


class Frame:
    """A data frame of a few rows; as much as sources ask of one."""

    def __init__(self, *rows: Any) -> None:
        self.rows = list(rows)

    def select(self, *columns: str) -> "Frame":
        return self

    def persist(self) -> "Frame":
        self.held = True
        return self

    def unpersist(self) -> None:
        self.held = False

    def collect(self) -> list[Any]:
        return self.rows

    def count(self) -> int:
        return len(self.rows)

    def where(self, condition: str) -> "Frame":
        without = condition == "topic is null"
        return Frame(*(row for row in self.rows if (row.topic is None) is without))

    def agg(self, _: Any) -> "Frame":
        return Frame([max((row.timestamp for row in self.rows), default=None)])

    def first(self) -> Any:
        return self.rows[0]

    @property
    def rdd(self) -> LocalRdd:
        made = LocalRdd([])
        made.partitions = [self.rows]
        return made


def test_a_connection_string_signs_in_by_plain_sasl() -> None:
    options = kafka_options([tenant(connection_string=SECRET)], 500)
    assert options["kafka.bootstrap.servers"] == "contoso.servicebus.windows.net:9093"
    assert (options["subscribe"], options["maxOffsetsPerTrigger"]) == ("logs", "500")
    assert (options["kafka.sasl.mechanism"], options["startingOffsets"]) == ("PLAIN", "earliest")
    quoted = SECRET.replace("\\", "\\\\").replace('"', '\\"')
    assert f'username="$ConnectionString" password="{quoted}";' in options["kafka.sasl.jaas.config"]


def test_a_namespace_signs_in_by_oauth(tmp_path: Path) -> None:
    options = kafka_options(
        [tenant(namespace="contoso.servicebus.windows.net", hub="logs", start="2026-03-02T12:00:00Z")], 1
    )
    assert options["kafka.sasl.mechanism"] == "OAUTHBEARER"
    assert options["kafka.sasl.login.callback.handler.class"] == OAUTH_HANDLER
    assert options["startingTimestamp"] == str(int(NOON.timestamp() * 1000))
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert kafka_options([tenant(connection_string_file=str(file))], 1)["kafka.sasl.mechanism"] == "PLAIN"


def test_hubs_of_a_job_are_in_one_namespace_and_differ() -> None:
    one = tenant(namespace="contoso.servicebus.windows.net", hub="logs")
    with pytest.raises(SettingsError) as refused:
        kafka_options([one, tenant("fabrikam"), tenant("x", namespace="x.servicebus.windows.net", hub="logs")], 1)
    assert list(refused.value.lines) == [
        "fabrikam: event_hub.namespace and event_hub.hub should name the hub that is read",
        "event_hub.hub should be another one for each tenant of a job",
        "event_hub: the hubs of a job should be in one namespace, and be read with one sign-in",
    ]


def test_a_batch_of_hubs_has_messages_and_a_heartbeat() -> None:
    beat = SimpleNamespace(topic=None, partition=0, offset=0, timestamp=NOON, value=None)
    sent = SimpleNamespace(topic="logs", partition=3, offset=41, timestamp=NOON, value=b"{}")
    tenants = [tenant(namespace="contoso.servicebus.windows.net", hub="logs")]
    frame = Frame(beat, sent)
    batch = HubInput(4).batch(frame, 0, tenants)
    assert frame.held
    assert batch.bodies.collect() == [("contoso", "3", 41, NOON, b"{}")]
    assert (batch.heartbeat, batch.caught_up) == (NOON, True)
    batch.release()
    assert not frame.held
    full = HubInput(4).batch(Frame(sent, sent), 0, tenants)
    assert (full.heartbeat, full.caught_up) == (None, False)


def test_files_are_messages_in_the_order_of_their_paths(tmp_path: Path) -> None:
    tenants = [tenant("contoso"), tenant("fabrikam")]
    places = ["fabrikam/1.json", "contoso/b/2.json", "contoso/a/1.json", "nobody/1.json"]
    rows = [SimpleNamespace(path=f"file:{tmp_path}/{place}", content=bytearray(place.encode())) for place in places]
    batch = FileInput(tmp_path).batch(Frame(*rows), 2, tenants)
    assert [(one.tenant, one.sequence_number - 2_000_000, one.body) for one in batch.bodies.collect()] == [
        ("fabrikam", 2, b"fabrikam/1.json"),
        ("contoso", 1, b"contoso/b/2.json"),
        ("contoso", 0, b"contoso/a/1.json"),
    ]
    alone = FileInput(tmp_path).batch(Frame(*rows), 0, tenants[:1])
    assert {one.tenant for one in alone.bodies.collect()} == {"contoso"}


class Reader:
    """Remembers what a stream is asked to be."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    @property
    def readStream(self) -> "Reader":  # noqa: N802 - Spark's name
        return self

    @property
    def conf(self) -> "Reader":
        return self

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **named: Any) -> "Reader":
            self.asked.append((name, *arguments, *named.values()))
            return self

        return called


def test_streams_are_opened_as_spark_wants_it(tmp_path: Path) -> None:
    files, hub = Reader(), Reader()
    FileInput(tmp_path, 7).open(files, [tenant()])
    assert ("option", "maxFilesPerTrigger", "7") in files.asked
    assert ("set", "spark.sql.sources.parallelPartitionDiscovery.threshold", "1000000") in files.asked
    HubInput(9).open(hub, [tenant(connection_string=SECRET)])
    assert [one[1] for one in hub.asked if one[0] == "format"] == ["kafka", "rate"]


def test_shards_are_spread_over_tasks_and_executors_know_no_secret() -> None:
    homes = tasks_of(["a", "b"], 3, 4)
    assert sorted(homes.values()) == [0, 0, 1, 1, 2, 3]
    assert homes[Home("b", 2)] == 1
    told = tenant(connection_string=SECRET).for_executors()
    assert told.settings == Settings()
    strict = Tenant("x", Settings.model_validate({"detectors": {"rare_action": {"threshold": 12}}})).for_executors()
    assert strict.settings.detectors["rare_action"].threshold == 12
