"""What is written comes back as it was, each question answers what it says, and names do no harm."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from models.statistics.scoring import Severity
from models.stream.cells import Crowd
from models.stream.events import ActorKind, Outcome
from service.core.alerting.alerts import Alert
from service.core.alerting.score_history import day_number
from service.core.alerting.suppressed_log import SuppressedFinding
from service.core.incidents import IncidentState
from service.history.reading import History
from service.history.schema import NoHistory, open_to_write
from service.history.values import Delivered, HistoryEntry, Restored
from tests.fakes.alerts import alert, hostile, outage
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.hostile_names import each_hostile_name
from tests.fakes.notices import notice
from tests.service.history.seen import ANN, BOB, HOUR, closed, contents, event, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_hours_come_back_as_they_were_judged_and_in_the_order_in_which_they_were_learnt(path: Path) -> None:
    entries = closed(
        [event(0), event(0.1, "b/read", BOB, Outcome.DENIED), event(0.2, "b/delete")],
        [event(1)],
        [event(2.6)],
        [event(0.3, "c/late", BOB), event(2.7)],
    )
    save(path, entries)
    with History(path) as history:
        found = list(history.closed())
        assert [[one.seen for one in group] for group in found] == [
            [judgement.seen for judgement in one.judgements] for one in entries
        ]
        for group, one in zip(found, entries, strict=True):
            for hour, judgement in zip(group, one.judgements, strict=True):
                said = [anomaly for opinions in judgement.anomalies.values() for anomaly in opinions if anomaly.why]
                assert list(hour.anomalies) == said
                assert hour.highest.score == judgement.highest
                assert Crowd.of([each.seen for each in group]) == judgement.crowd._crowd
        assert [group[0].late for group in found] == [False, False, True, False]
        assert [mark.action for mark in history.marks("t/bob")] == ["b/read", "c/late"]
        assert [hour.late for hour in history.hours("t/bob")] == [False, True]
        assert [len(hour.seen.cells) for hour in history.hours("t/ann", MONDAY_MORNING + HOUR)] == [1, 1]
        assert history.span() == (MONDAY_MORNING, MONDAY_MORNING + 2 * HOUR)
        assert {mark.actor for mark in history.unusual(MONDAY_MORNING)} == {ANN, BOB}
        assert history.unusual(MONDAY_MORNING, MONDAY_MORNING) == []


def test_an_hour_in_which_nothing_was_unusual_keeps_what_is_learnt_of_it_and_leaves_its_records_out(path: Path) -> None:
    [judged, _] = closed([event(0), event(0.2, "b/delete")], [event(5)])
    ordinary = [one._replace(anomalies={}) for one in judged.judgements]
    save(path, [judged._replace(judgements=ordinary)])
    with History(path) as history:
        [hour] = history.hours("t/ann")
    [seen] = [one.seen for one in ordinary]
    assert hour.seen == seen._replace(cells=tuple(cell._replace(sample=()) for cell in seen.cells))
    assert all(cell.sample for cell in seen.cells)
    assert [score.score for score in hour.scores] == [0.0, 0.0]


def test_only_what_was_closed_after_a_state_is_to_be_learnt_after_it(path: Path) -> None:
    entries = closed([event(0), event(1.6)], [event(0.3, "c/late", BOB), event(2.6)])
    save(path, entries)
    with History(path) as history:
        assert len(list(history.closed())) == 4
        after = list(history.closed(MONDAY_MORNING + HOUR, records=2))
        assert [(group[0].late, group[0].seen.bucket.start) for group in after] == [
            (True, MONDAY_MORNING),
            (False, MONDAY_MORNING + HOUR),
            (False, MONDAY_MORNING + 2 * HOUR),
        ]


def test_to_write_everything_again_changes_nothing(path: Path) -> None:
    entries: list[HistoryEntry] = [
        *closed([event(0), event(1.6)], [event(0.3, "c/late", BOB), event(2.6)]),
        alert(),
        notice(),
    ]
    save(path, entries)
    before = contents(path)
    save(path, entries)
    assert contents(path) == before


def test_what_a_crash_has_undone_is_taken_out(path: Path) -> None:
    before = closed([event(0), event(1.6)], [event(0.3, "c/late", BOB), event(2.6)])
    save(path, before)
    save(path, [Restored(MONDAY_MORNING + HOUR, 2, timedelta(hours=24))])
    with History(path) as history:
        assert [group[0].seen.bucket.start for group in history.closed()] == [MONDAY_MORNING]
    save(path, [alert(), alert(revision=2), alert(revision=3), alert(revision=2)])
    with History(path) as history:
        assert [one.revision for one in history.alert(alert().id)] == [1, 2]
        assert [one.revision for one in history.alerts()] == [2]


def test_identities_are_found_by_how_they_begin_and_else_by_what_they_hold(path: Path) -> None:
    save(path, closed([event(0), event(0, actor=BOB)], [event(3)]))
    with History(path) as history:
        assert [one.actor for one in history.identities()] == [ANN, BOB]
        for word in ("ANN@", "ann", "Ann@contoso.com", "T/ANN", "nn@c"):
            assert [one.actor for one in history.identities(word)] == [ANN], word
        assert history.identities("%") == history.identities("_") == history.identities("zoe") == []
        assert {one.actor for one in history.identities("contoso")} == {ANN, BOB}
        found = history.identity("t/ann")
        assert found is not None
        assert (found.first_seen, found.last_seen) == (MONDAY_MORNING, MONDAY_MORNING + 3 * HOUR)
        assert history.identity("t/zoe") is None


def test_alerts_come_back_whole_with_whom_they_were_told_to(path: Path) -> None:
    news = alert(findings=2, revision=2, found_at=MONDAY_MORNING + HOUR)
    told = Delivered("chat", "sent", "", ((news.id, 2), ("other", 1)), MONDAY_MORNING)
    save(path, [alert(), news, alert(2), outage(3), told])
    with History(path) as history:
        assert history.alert(news.id) == [alert(), news]
        [first] = [one for one in history.alerts() if one.id == news.id]
        assert (first.revision, first.findings, first.severity) == (2, 2, news.severity)
        assert (first.first_found_at, first.found_at) == (alert().found_at, news.found_at)
        assert [one.outcome for one in history.deliveries(news.id)] == ["sent"]
        assert [one.operation for one in history.alerts(subject=outage(3).actor_id)] == [outage(3).operation]
        assert len(history.alerts(least=Severity.CRITICAL)) == sum(
            one.severity is Severity.CRITICAL for one in (news, alert(2), outage(3))
        )
        assert len(history.alerts(limit=1, offset=1)) == 1
        assert [one.id for one in history.alerts_beginning(news.id[:16])] == [news.id]
        assert history.alert("nothing") == []


def test_severe_alerts_are_found_by_an_index_among_very_many(path: Path) -> None:
    save(path, [alert(), alert(2, severity=Severity.CRITICAL)])
    with History(path) as history:
        assert [one.severity for one in history.alerts(least=Severity.CRITICAL)] == [Severity.CRITICAL]
        [plan] = history._ask(
            "EXPLAIN QUERY PLAN SELECT id FROM alerts",
            "WHERE window_start >= 0 AND severity >= 3 AND severity >= ? ORDER BY window_start DESC, id LIMIT 9",
            4,
        )[:1]
        assert "alerts_severe" in plan[3]


def test_what_was_suppressed_and_what_was_not_seen_is_there(path: Path) -> None:
    kept = SuppressedFinding("1", "s", True, "d", "t/ann", "ann", "a", MONDAY_MORNING, 70.0, "high", "why")
    open_gap = notice(2, until=None)
    shut = notice(1, until=MONDAY_MORNING + HOUR, stage="closed", revision=2)
    save(path, [kept, notice(1), shut, open_gap])
    with History(path) as history:
        assert history.suppressed() == history.suppressed(identity="t/ann") == [kept]
        assert history.suppressed(identity="t/bob") == history.suppressed(MONDAY_MORNING + HOUR) == []
        assert history.gaps() == [shut, open_gap]
        assert history.gaps(MONDAY_MORNING + 2 * HOUR) == [open_gap]


def test_an_incident_is_whole_wherever_one_looks(path: Path) -> None:
    def at(number: int, hours: int) -> Alert:
        start = MONDAY_MORNING + hours * HOUR
        return alert(number, actor_id="t/ann", window_start=start, window_end=start + 2 * HOUR)

    told = [at(number, hours) for number, hours in enumerate((0, 14, 28, 29, 60), 1)]
    save(path, told)
    with History(path) as history:
        assert [len(one.alerts) for one in history.incidents()] == [1, 4]
        [part] = history.incidents(MONDAY_MORNING + 29 * HOUR, MONDAY_MORNING + 40 * HOUR)
        assert part == history.incidents()[1] == history.incident(part.alerts[2].id)
        assert part.state is IncidentState.NEW
        assert history.incident("nothing") is None


@each_hostile_name
def test_whatever_somebody_is_called_is_kept_and_found(path: Path, name: str) -> None:
    who = ANN._replace(id=f"t/{name}", name=name)
    [one, _] = closed([event(0)], [event(3)])
    [judgement] = one.judgements
    cells = tuple(cell._replace(action=name, action_name=name, addresses=(name,)) for cell in judgement.seen.cells)
    renamed = judgement._replace(seen=judgement.seen._replace(actor=who, cells=cells), anomalies={})
    save(path, [one._replace(judgements=[renamed]), hostile(name)])
    readable = name.encode("utf-8", "replace").decode()
    with History(path) as history:
        [found] = history.identities(readable)
        assert found.actor.name == readable
        [hour] = history.hours(f"t/{name}")
        assert hour.seen.actor.name == readable
        [summary] = history.alerts(subject=name) if name else history.alerts()
        [told] = history.alert(summary.id)
        assert (told.actor_name, summary.name) == (readable, readable)
        assert told.actor_kind is ActorKind.HUMAN


def test_without_a_file_there_is_one_line_that_says_so_and_with_one_again_all_is_well(path: Path) -> None:
    history = History(path)
    with pytest.raises(NoHistory, match=r"history\.sqlite: there is no history there"):
        history.alerts()
    path.write_bytes(b"this is no database" * 1_000)
    with pytest.raises(NoHistory, match="file is not a database"):
        history.alerts()
    path.unlink()
    save(path, [alert()])
    assert len(history.alerts()) == 1
    path.unlink()
    save(path, [alert(), alert(2)])
    assert len(history.alerts()) == 2
    history.close()


def test_two_read_while_one_writes(path: Path) -> None:
    save(path, [alert()])
    connection = open_to_write(path)
    with History(path) as one, History(path) as other:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM alerts")
        assert len(one.alerts()) == len(other.alerts()) == 1
        connection.execute("COMMIT")
        assert one.alerts() == other.alerts() == []
    connection.close()


def test_a_damaged_document_costs_only_itself(path: Path) -> None:
    save(path, [*closed([event(0)], [event(3)]), alert()])
    connection = open_to_write(path)
    connection.execute("UPDATE hours SET document = x'00' WHERE start = ?", (MONDAY_MORNING.timestamp(),))
    connection.execute("UPDATE revisions SET document = x'28b52ffd000000'")
    connection.close()
    with History(path) as history:
        assert [hour.seen.bucket.start for hour in history.hours("t/ann")] == [MONDAY_MORNING + 3 * HOUR]
        assert history.alert(alert().id) == []
        assert len(history.alerts()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE alerts SET kind = 'alien' WHERE id = ?",
        "UPDATE alerts SET severity = 77 WHERE id = ?",
        "UPDATE alerts SET window_end = 9e300 WHERE id = ?",
    ],
)
def test_a_row_that_cannot_be_read_costs_only_itself(path: Path, damage: str) -> None:
    first, second = alert(1), alert(2, actor_id=BOB.id, actor_name=BOB.name)
    save(path, [*closed([event(0), event(0.1, "b/read", BOB)], [event(5)]), first, second])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(damage, (first.id,))
        connection.execute("UPDATE identities SET kind = 'alien' WHERE id = ?", (ANN.id,))
        connection.execute("INSERT INTO incidents VALUES (?, 'exploded', '', 'ann', 1.0)", (second.id,))
        connection.commit()
    with History(path) as history:
        assert [one.id for one in history.alerts()] == [second.id]
        assert [(one.id, one.state) for one in history.incidents()] == [(second.id, IncidentState.NEW)]
        assert history.incident(first.id) is None
        assert [one.actor for one in history.identities()] == [BOB]
        assert history.identity(ANN.id) is None
        assert history.marks(ANN.id) == []


def test_peaks_are_what_each_detector_found_from_40_on_and_active_counts_each_identity_once_a_day(path: Path) -> None:
    who = [event(0.1, "a/delete"), event(0.2, "b/read", BOB)]
    save(path, closed(who, [event(1.2, "c/delete")], [event(30, "a/delete")], [event(50)]))
    with History(path) as history:
        peaks = history.peaks(MONDAY_MORNING)
        marks = history.unusual(MONDAY_MORNING)
        assert peaks
        assert {(one.actor.id, one.start, max(one.scores.values())[0]) for one in peaks} == {
            (one.actor.id, one.start, one.score) for one in marks
        }
        assert [one.start for one in peaks] == sorted(one.start for one in peaks)
        newest = history.peaks(MONDAY_MORNING, limit=1)
        assert newest == peaks[-1:]
        first = day_number(MONDAY_MORNING)
        assert history.active(MONDAY_MORNING) == {first: 2, first + 1: 1, first + 2: 1}
        assert history.peaks(MONDAY_MORNING + 500 * HOUR) == []


def test_of_alerts_the_newest_revision_can_be_asked_for_together(path: Path) -> None:
    newer = alert(1, revision=2)
    save(path, [alert(1), newer, alert(2), alert(3)])
    with History(path) as history:
        assert history.newest_revisions([alert(2).id, newer.id, "nothing"]) == [newer, alert(2)]
