"""``unwonted verdict``: keeps what somebody found, refuses what makes no sense in one line, and lists it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from models.stream.events import Actor, ActorKind
from service.clock import SystemClock
from service.core.alerting.alerts import Alert
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.verdicts.journal import Journal, line_of, read_journal
from service.core.verdicts.verdict import VerdictKind
from service.settings.reading import load
from service.storage.snapshots import FileSnapshotStore
from service.storage.state import State
from service.verdicts.stores import BlobVerdictStore, FileVerdictStore
from service.wiring import build_engine
from tests.fakes.azurite import Account
from tests.fakes.verdicts import HOUR, START, verdict
from tests.service.cli.test_commands import unwonted
from tests.service.core.engine.test_engine import event
from tests.service.history.seen import save
from tests.service.storage.blobs import container

ANN = Actor("t/ann", "ann@contoso.example", ActorKind.HUMAN)
WHY = ("--why", "she has asked", "--by", "eve")


class Place:
    """A folder with a configuration, and a state in which somebody on the watch list has been alerted."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "unwonted.yaml"
        self.journal = FileVerdictStore(folder / "state" / "verdicts.ndjson")
        watch = {"entries": [{"reason": "break glass", "identities": ["ann@contoso.example"]}]}
        self.config.write_text(yaml.safe_dump({"snapshots": {"path": str(folder / "state")}, "watch": watch}))
        self.alerts: list[Alert] = []
        asyncio.run(self._save(folder))

    async def _save(self, folder: Path) -> None:
        engine = build_engine(load(self.config, {}))
        now = SystemClock().now()
        engine.begin(now - timedelta(hours=5))
        engine.apply(Message("0", 1, "1", now, b""), [event(now - timedelta(minutes=1), actor=ANN)])
        self.alerts = list(engine.evaluate(now).alerts)
        state = State(engine, Outbox(), FileSnapshotStore(folder / "state"), SystemClock(), lambda _: None)
        await state.restore()
        await state.save()

    @property
    def id(self) -> str:
        return self.alerts[0].id

    def give(self, *words: str) -> Result:
        return unwonted("verdict", *words, "--config", str(self.config))

    def kept(self) -> Journal:
        return asyncio.run(self._read())

    async def _read(self) -> Journal:
        return read_journal(await self.journal.read())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("option", "kind", "said"),
    [
        ("--benign", VerdictKind.BENIGN, "closed as benign; takes effect from "),
        ("--once", VerdictKind.BENIGN_ONCE, "closed as benign once; takes effect from "),
        ("--malicious", VerdictKind.MALICIOUS, "found malicious; takes effect from "),
        ("--duplicate", VerdictKind.DUPLICATE, "closed as a duplicate"),
    ],
)
def test_what_was_found_is_kept_with_who_when_and_why(place: Place, option: str, kind: VerdictKind, said: str) -> None:
    result = place.give(place.id, option, *WHY)
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    [one] = place.kept().verdicts
    assert (one.kind, one.alert, one.actor_id, one.by, one.why) == (kind, place.id, "t/ann", "eve", "she has asked")
    assert one.actions == {"a/write"}
    assert one.start == place.alerts[0].window_start
    assert one.at - timedelta(hours=2) < one.takes_effect < one.at + timedelta(minutes=5)


def test_it_may_be_named_by_its_beginning_and_be_answered_as_json(place: Place) -> None:
    result = place.give("give", place.id[:6], "--benign", "--for-kind", "--json", *WHY)
    [one] = place.kept().verdicts
    said = json.loads(result.stdout)
    assert (said["id"], said["kind"], said["for_kind"]) == (one.id, "benign", True)


def test_an_alert_that_the_state_has_forgotten_is_found_in_the_history(place: Place) -> None:
    old = place.alerts[0].model_copy(
        update={"id": "00000000000000aa", "window_start": START, "window_end": START + HOUR}
    )
    save(place.journal.path.with_name("history.sqlite"), [old])
    assert place.give("00000000", "--once", *WHY).exit_code == 0
    assert [(one.alert, one.start) for one in place.kept().verdicts] == [(old.id, START)]


def test_an_attack_has_the_time_that_it_is_given(place: Place) -> None:
    begins, until = datetime(2026, 3, 1, 6, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC)
    place.give(place.id, "--malicious", "--from", begins.isoformat(), "--to", until.isoformat(), *WHY)
    [one] = place.kept().verdicts
    assert (one.start, one.end) == (begins, until)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ID", *WHY], "say what it was: --benign, --once, --malicious or --duplicate"),
        (["ID", "--benign", "--to", "2026-03-01T18:00:00Z", *WHY], "--from and --to are for --malicious alone"),
        (["ID", "--once", "--for-kind", *WHY], "should speak for a kind only if it is benign"),
        (["ID", "--malicious", "--to", "tomorrow", *WHY], "--to: should be a time with its offset"),
        (["ID", "--malicious", "--from", "2026-03-01", *WHY], "--from: should be a time with its offset"),
        (["ID", "--malicious", "--to", "2020-03-01T18:00:00Z", *WHY], "should end after it begins"),
        (["ID", "--benign", "--why", ""], "--why: String should have at least 1 character"),
        (["ID", "--benign", "--why", "a\nb"], "--why: should have no control characters in it"),
        (["ID", "--benign", "--why", "x" * 501], "--why: String should have at most 500 characters"),
        (["0123", "--benign", *WHY], "no alert 0123 is known; the newest are ID"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_changes_nothing(place: Place, words: list[str], said: str) -> None:
    result = place.give(*(word.replace("ID", place.id) for word in words))
    assert result.exit_code == 2
    assert said.replace("ID", place.id) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert place.kept() == Journal()


def test_a_closed_alert_is_judged_again_only_if_that_is_meant(place: Place) -> None:
    place.give(place.id, "--benign", *WHY)
    second = place.give(place.id, "--malicious", "--why", "it was not her", "--by", "bob")
    assert second.exit_code == 2
    assert f"{place.id} is closed: " in second.stderr
    assert "benign: ann@contoso.example, by eve: she has asked; --again gives another verdict" in second.stderr
    assert place.give(place.id, "--malicious", "--why", "it was not her", "--by", "bob", "--again").exit_code == 0
    listed = place.give("list").stdout.splitlines()
    assert [line.split()[:3:2] for line in listed] == [[place.id, "benign:"], [place.id, "malicious:"]]


def test_a_damaged_line_is_named_and_the_others_are_listed(place: Place) -> None:
    place.give(place.id, "--benign", *WHY)
    with place.journal.path.open("ab") as file:
        file.write(line_of(verdict())[:-20])
    result = place.give("list", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["alert"] for line in result.stdout.splitlines()] == [place.id]
    assert result.stderr == "verdicts.ndjson: line 2: is no JSON: damaged, or not written to its end; passed over\n"


def test_where_there_are_none_that_is_said(place: Place) -> None:
    assert place.give("list").stdout.endswith("there are no verdicts\n")


def test_a_journal_that_cannot_be_read_or_written_is_one_line(place: Place) -> None:
    place.journal.path.mkdir()
    for words in (["list"], [place.id, "--benign", *WHY]):
        result = place.give(*words)
        assert result.exit_code == 1
        assert result.stderr == "the journal of verdicts cannot be read: Is a directory\n"


def test_without_a_state_there_is_nothing_to_judge(tmp_path: Path) -> None:
    (tmp_path / "unwonted.yaml").write_text(yaml.safe_dump({"snapshots": {"path": str(tmp_path / "state")}}))
    result = unwonted("verdict", "give", "0123", "--benign", *WHY, "--config", str(tmp_path / "unwonted.yaml"))
    assert result.exit_code == 2
    assert "there is no snapshot yet" in result.stderr


@pytest.mark.integration
async def test_in_a_blob_the_journal_is_listed_from_there(tmp_path: Path, storage: Account) -> None:
    async with container(storage) as client:
        await client.create_container()
        await BlobVerdictStore(client, "snapshot.verdicts").append("1.json", line_of(verdict()))
        text, name = storage.connection_string, client.container_name
    place = {"kind": "blob", "connection_string": text, "container": name}
    (tmp_path / "unwonted.yaml").write_text(yaml.safe_dump({"snapshots": place}))
    result = await asyncio.to_thread(unwonted, "verdict", "list", "--config", str(tmp_path / "unwonted.yaml"))
    assert result.stdout.startswith("a1  2026-03-02T11:10:00Z  benign: ann@example.com")
