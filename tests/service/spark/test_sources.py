"""What Spark is asked to read, and what becomes of its rows."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import RejectReason
from service.settings import Settings, SettingsError
from service.spark import messages, sources
from service.spark.job import numbered
from service.spark.messages import MOST_SAMPLES, ParsedMessage, parse_messages
from service.spark.sources import OAUTH_HANDLER, FileInput, Heartbeat, HubInput, MessageBody, kafka_options
from service.spark.tenants import ShardKey, Tenant, assign_shards
from tests.fakes.spark import LocalRdd
from tests.service.spark.test_batches import PEOPLE, record

SECRET = (
    'Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=read;SharedAccessKey=a"b\\c=;EntityPath=logs'
)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tenant(name: str = "contoso", **hub: Any) -> Tenant:
    return Tenant(name, Settings.model_validate({"event_hub": hub}))


class Rows:
    """A Java RDD of so many partitions, as much as is asked of one."""

    def __init__(self, partitions: int, *done: str) -> None:
        self.partitions = partitions
        self.done = done

    def getNumPartitions(self) -> int:  # noqa: N802 - Spark's name
        return self.partitions

    def coalesce(self, partitions: int) -> "Rows":
        return Rows(partitions, *self.done, "coalesce")

    def union(self, other: "Rows") -> "Rows":
        return Rows(self.partitions + other.partitions, *self.done, "union")


class MagicFrame:
    """A frame, its session and its context in one, that any other name leads back to."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def toJavaRDD(self) -> "Rows":  # noqa: N802 - Spark's name
        return self.rows

    def parallelize(self, rows: Any, partitions: int) -> "Rows":
        return Rows(partitions)

    def __call__(self, *arguments: Any) -> "MagicFrame":
        return self

    def __getattr__(self, name: str) -> "MagicFrame":
        return self


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., LocalRdd]:
    """Have a source read these messages, where each stands and what is in it."""

    def rows(source: FileInput | HubInput, tenants: list[Tenant], *messages: bytes) -> Any:
        monkeypatch.setattr(sources, "in_partitions", lambda frame, tasks: LocalRdd([messages]))
        return source.rows(None, tenants, 1)

    return rows


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


def test_a_batch_of_hubs_has_messages_and_a_heartbeat(read: Callable[..., LocalRdd]) -> None:
    tenants = [tenant(namespace="contoso.servicebus.windows.net", hub="logs")]
    source = HubInput(4)
    micros = int(NOON.timestamp() * 1_000_000) + 7
    found = read(source, tenants, f"{micros}\0".encode(), f"{micros} 3 41 logs\0{{\0}}".encode()).collect()
    noon = NOON + timedelta(microseconds=7)
    assert found == [Heartbeat(noon), MessageBody("contoso", "3", 41, noon, b"{\0}")]
    assert (source.has_all(1), source.has_all(2), source.is_live) == (True, False, True)


def test_files_are_messages_in_the_order_of_their_paths(tmp_path: Path, read: Callable[..., LocalRdd]) -> None:
    tenants = [tenant("contoso"), tenant("fabrikam")]
    places = ["fabrikam/1.json", "contoso/b/2.json", "contoso/a/1.json", "nobody/1.json"]
    rows = [f"file:{tmp_path}/{place}\0{place}".encode() for place in places]
    source = FileInput(tmp_path)
    found = list(parse_messages(read(source, tenants, *rows).collect(), horizons(tenants), 1))
    messages = [one for one in found if isinstance(one, ParsedMessage)]
    assert [(one.tenant, one.head.message.sequence_number - 2_000_000) for one in numbered(messages, 2)] == [
        ("fabrikam", 2),
        ("contoso", 1),
        ("contoso", 0),
    ]
    alone = read(source, tenants[:1], *rows).collect()
    assert {one.tenant for one in alone} == {"contoso"}
    assert [one.body for one in alone] == [place.encode() for place in places]
    assert (source.has_all(100), source.is_live) == (True, False)


@pytest.mark.parametrize(("there", "done"), [(1, ("union",)), (3, ()), (5, ("coalesce",))])
def test_a_batch_has_as_many_partitions_as_there_are_tasks(
    monkeypatch: pytest.MonkeyPatch, there: int, done: tuple[str, ...]
) -> None:
    """PySpark itself is in an environment of its own."""
    core, serializers = ModuleType("pyspark.core.rdd"), ModuleType("pyspark.serializers")
    core.RDD, serializers.NoOpSerializer = (lambda rows, *_: rows), object  # type: ignore[attr-defined]
    for name, module in {"pyspark.core.rdd": core, "pyspark.serializers": serializers}.items():
        monkeypatch.setitem(sys.modules, name, module)
    frame = MagicFrame(Rows(there))
    found = sources.in_partitions(frame, 3)
    assert (found.partitions, found.done) == (3, done)


def test_events_stay_where_their_shard_is() -> None:
    """Those of the others are packed."""
    body = json.dumps({"records": [record(who, NOON, "Microsoft.Web/sites/write", 1) for who in PEOPLE]}).encode()
    here: dict[ShardKey, Any] = {ShardKey("contoso", 1): {}}
    message = MessageBody("contoso", "0", 3, NOON, body)
    [found] = parse_messages([message], {"contoso": timedelta(days=7)}, 2, 5, here)
    assert isinstance(found, ParsedMessage)
    assert (found.origin, set(found.events)) == ((5, 0), {0})
    [everybody] = parse_messages([message], {"contoso": timedelta(days=7)}, 2)
    assert isinstance(everybody, ParsedMessage)
    assert everybody.events == {0: found.events[0], 1: messages._pack(here[ShardKey("contoso", 1)][0])}


def horizons(tenants: list[Tenant]) -> dict[str, timedelta]:
    return {one.name: one.settings.windows.late_horizon for one in tenants}


def test_what_no_parser_foresaw_is_set_aside_and_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that cannot be parsed for a reason of ours costs itself and nothing else."""

    class Surprised:
        def parse(self, body: bytes) -> Any:
            if body == b"poison":
                raise RecursionError("too deep")
            return ActivityLogParser().parse(body)

    monkeypatch.setattr(messages, "_PARSER", Surprised())
    bodies = [MessageBody("contoso", "3", number, NOON, body) for number, body in enumerate((b"poison", b"{}"))]
    first, second = parse_messages(bodies, {"contoso": timedelta(days=7)}, 2)
    assert isinstance(first, ParsedMessage)
    assert isinstance(second, ParsedMessage)
    assert [(one.reason, one.sample) for one in first.rejects] == [(RejectReason.SET_ASIDE, "")]
    assert "RecursionError: partition 3, 0, 6 bytes" in first.rejects[0].detail
    assert (first.head.records, first.size, second.head.message.sequence_number) == (0, 6, 1)


def test_of_very_many_rejects_a_few_are_shown() -> None:
    bodies = [MessageBody("contoso", "0", number, NOON, b"nonsense") for number in range(MOST_SAMPLES + 5)]
    found = [one for one in parse_messages(bodies, {"contoso": timedelta(days=7)}, 1) if isinstance(one, ParsedMessage)]
    assert sum(bool(one.rejects[0].sample) for one in found) == MOST_SAMPLES
    assert sum(reject.records for one in found for reject in one.rejects) == len(bodies)
    assert list(parse_messages(bodies, {}, 1)) == []


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
    assert [name for name, *_ in files.asked][-1] == "selectExpr"
    assert ("set", "spark.sql.sources.parallelPartitionDiscovery.threshold", "1000000") in files.asked
    HubInput(9).open(hub, [tenant(connection_string=SECRET)])
    assert [one[1] for one in hub.asked if one[0] == "format"] == ["kafka", "rate"]


def test_shards_are_spread_over_tasks_and_stay_where_their_state_is() -> None:
    shards = [ShardKey(tenant, number) for tenant in "ab" for number in range(3)]
    spread = assign_shards(shards, {0: {}, 1: {}, 2: {}, 3: {}}, {"a": None, "b": None})
    assert sorted(spread.values()) == [0, 0, 1, 1, 2, 3]
    kept = {0: {ShardKey("b", 1): 7, ShardKey("a", 0): 6}, 1: {ShardKey("a", 1): 7, ShardKey("b", 1): 7}}
    found = assign_shards(shards, kept, {"a": 7, "b": 7})
    assert (found[ShardKey("b", 1)], found[ShardKey("a", 1)]) == (0, 1)
    assert sorted(found.values()) == [0, 0, 0, 1, 1, 1]
    crowded = assign_shards(shards, {0: dict.fromkeys(shards, 7), 1: {}}, {"a": 7, "b": 7})
    assert sorted(crowded.values()) == [0, 0, 0, 1, 1, 1]


def test_executors_know_no_secret() -> None:
    told = tenant(connection_string=SECRET).for_executors()
    assert told.settings == Settings()
    strict = Tenant("x", Settings.model_validate({"detectors": {"rare_action": {"threshold": 12}}})).for_executors()
    assert strict.settings.detectors["rare_action"].threshold == 12
