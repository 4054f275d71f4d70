"""What is too old or too much goes, the file becomes smaller, and of a forgotten person nothing is left in it."""

from datetime import timedelta
from pathlib import Path

from models.stream.events import Actor, ActorKind
from service.core.alerting.alerts import Alert
from service.core.alerting.suppressed_log import SuppressedFinding
from service.core.incidents import Handling, IncidentState
from service.history.handling import handle
from service.history.reading import History
from service.history.retention import HistoryLimits, forget_identity, trim
from service.history.schema import open_to_write
from service.history.values import Delivered, HistoryEntry
from tests.fakes.alerts import alert, outage
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.notices import notice
from tests.service.history.seen import ANN, BOB, HOUR, closed, contents, event, save

DAY = timedelta(days=1)


def at(number: int, days: int) -> Alert:
    start = MONDAY_MORNING + days * DAY
    return alert(number, window_start=start, window_end=start + 2 * HOUR)


def trim_all(path: Path, limits: HistoryLimits) -> None:
    connection = open_to_write(path)
    while trim(connection, limits):
        pass
    connection.close()


def days(count: int, *, people: int = 1) -> list[HistoryEntry]:
    actors = [Actor(f"t/{one}", f"somebody{one}", ActorKind.HUMAN) for one in range(people)]
    return [*closed(*([event(day * 24, f"a/{day}", one) for one in actors] for day in range(count)))]


def test_what_is_older_than_so_many_days_before_the_newest_goes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    old, new = at(1, 0), at(2, 99)
    kept = SuppressedFinding("1", "s", True, "d", "t/ann", "ann", "a", MONDAY_MORNING, 70.0, "high", "why")
    told = Delivered("chat", "sent", "", ((old.id, 1), (new.id, 1), (notice().id, 1)), MONDAY_MORNING)
    gone = closed([event(0, actor=BOB)])
    save(path, [*gone, *days(100), old, new, told, kept, notice()])
    handle(path, old.id, Handling(IncidentState.CLOSED, "", "ann", MONDAY_MORNING))
    trim_all(path, HistoryLimits(days=90.0))
    with History(path) as history:
        assert history.span() == (MONDAY_MORNING + 9 * DAY, MONDAY_MORNING + 99 * DAY)
        assert [one.id for one in history.alerts()] == [new.id]
        assert [one.actor.id for one in history.identities()] == ["t/0"]
        assert (history.suppressed(), history.gaps()) == ([], [])
        assert history.handled() == {}
        assert (history.alert(old.id), history.deliveries(old.id)) == ([], [])
        assert len(history.deliveries(new.id)) == 1
        assert history.deliveries(notice().id) == []


def test_what_there_is_no_room_for_goes_oldest_first_and_the_file_becomes_smaller(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, days(60, people=20))
    before = path.stat().st_size
    trim_all(path, HistoryLimits(most_bytes=before // 2))
    with History(path) as history:
        span = history.span()
    assert span is not None
    assert MONDAY_MORNING + 10 * DAY < span[0] < span[1] == MONDAY_MORNING + 59 * DAY
    assert path.stat().st_size <= before // 2
    trim_all(path, HistoryLimits(most_bytes=1))
    with History(path) as history:
        assert history.span() == (span[1], span[1])


def test_an_empty_history_has_nothing_to_lose(tmp_path: Path) -> None:
    trim_all(tmp_path / "history.sqlite", HistoryLimits(0.0, 0))


def test_of_a_forgotten_person_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    ann = ANN._replace(id="t/secret-id", name="secretive@contoso.com")
    many = outage(3)
    findings = tuple(
        one.model_copy(update={"actor_id": ann.id, "actor_name": ann.name}) if place == 1 else one
        for place, one in enumerate(many.findings)
    )
    mixed = many.model_copy(update={"findings": findings, "identities": (ann.name, *many.identities[1:])})
    kept = SuppressedFinding("1", "s", True, "d", ann.id, ann.name, "a", MONDAY_MORNING, 70.0, "high", "why")
    theirs = closed([event(0, actor=BOB)])
    save(path, [*closed([event(0, actor=ann)], [event(30, actor=ann)]), *theirs, kept, mixed])
    save(path, [alert(1, actor_id=ann.id, actor_name=ann.name)])
    handle(path, alert(1).id, Handling(IncidentState.CLOSED, "", "bob", MONDAY_MORNING))
    with History(path) as history:
        assert forget_identity(path, ann.id) == 6
        assert [one.actor for one in history.identities()] == [BOB]
        [left] = history.alert(mixed.id)
        assert len(left.findings) == len(mixed.findings) - 1
    rows = repr(contents(path)) + repr(left)
    assert ann.id not in rows
    assert ann.name not in rows
    assert ann.name.encode() not in path.read_bytes()
    assert forget_identity(path, ann.id) == 0


def test_what_is_damaged_is_no_reason_not_to_forget_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [*closed([event(0)]), outage(3)])
    connection = open_to_write(path)
    connection.execute("UPDATE revisions SET document = x'00'")
    connection.close()
    assert forget_identity(path, ANN.id) == 2


def test_of_a_stretch_of_time_only_that_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, closed([event(0), event(0, actor=BOB)], [event(24)], [event(48)]))
    assert forget_identity(path, ANN.id, MONDAY_MORNING + DAY, MONDAY_MORNING + 2 * DAY) == 1
    with History(path) as history:
        assert [one.start for one in history.marks(ANN.id)] == [MONDAY_MORNING, MONDAY_MORNING + 2 * DAY]
        assert len(history.identities()) == 2
