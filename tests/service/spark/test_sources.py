"""What Spark is asked to read, and what becomes of its rows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import RejectReason
from service.settings import Settings, SettingsError
from service.spark import worker
from service.spark.job import numbered
from service.spark.sources import OAUTH_HANDLER, FileInput, Heartbeat, HubInput, MessageBody, kafka_options
from service.spark.tenants import ShardKey, Tenant, assign_shards
from service.spark.worker import MOST_SAMPLES, ParsedMessage, parse_messages
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
    source = HubInput(4)
    found = source.rows(Frame(beat, sent), tenants).collect()
    assert found == [Heartbeat(NOON), MessageBody("contoso", "3", 41, NOON, b"{}")]
    assert (source.has_all(1), source.has_all(2), source.is_live) == (True, False, True)


def test_files_are_messages_in_the_order_of_their_paths(tmp_path: Path) -> None:
    tenants = [tenant("contoso"), tenant("fabrikam")]
    places = ["fabrikam/1.json", "contoso/b/2.json", "contoso/a/1.json", "nobody/1.json"]
    rows = [SimpleNamespace(path=f"file:{tmp_path}/{place}", content=bytearray(place.encode())) for place in places]
    source = FileInput(tmp_path)
    found = list(parse_messages(source.rows(Frame(*rows), tenants).collect(), horizons(tenants), 1))
    messages = [one for one in found if isinstance(one, ParsedMessage)]
    assert [(one.tenant, one.head.message.sequence_number - 2_000_000) for one in numbered(messages, 2)] == [
        ("fabrikam", 2),
        ("contoso", 1),
        ("contoso", 0),
    ]
    alone = source.rows(Frame(*rows), tenants[:1]).collect()
    assert {one.tenant for one in alone} == {"contoso"}
    assert (source.has_all(100), source.is_live) == (True, False)


def horizons(tenants: list[Tenant]) -> dict[str, timedelta]:
    return {one.name: one.settings.windows.late_horizon for one in tenants}


def test_what_no_parser_foresaw_is_set_aside_and_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that cannot be parsed for a reason of ours costs itself and nothing else."""

    class Surprised:
        def parse(self, body: bytes) -> Any:
            if body == b"poison":
                raise RecursionError("too deep")
            return ActivityLogParser().parse(body)

    monkeypatch.setattr(worker, "_PARSER", Surprised())
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
