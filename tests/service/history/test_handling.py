"""What people decide about an incident is noted only on what they have seen; verdicts close it, and are shipped."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.core.incidents import Handling, IncidentState
from service.core.verdicts.verdict import Verdict, VerdictKind
from service.history.handling import IncidentChanged, handle, note_verdict
from service.history.reading import History
from service.history.retention import forget_identity
from tests.fakes.alerts import alert
from tests.fakes.verdicts import verdict
from tests.service.history.seen import contents, save

ONE = alert()
AT = ONE.found_at + timedelta(minutes=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "history.sqlite"
    save(place, [ONE])
    return place


def seen(path: Path) -> tuple[IncidentState, str, str]:
    with History(path) as history:
        found = history.incident(ONE.id)
    assert found is not None
    return found.state, found.assignee, found.revision


def on(alert_id: str, kind: VerdictKind = VerdictKind.BENIGN, minutes: int = 5) -> Verdict:
    return verdict(kind, alert=alert_id, at=ONE.found_at + timedelta(minutes=minutes), by="zoe")


def test_of_two_who_have_seen_the_same_only_the_first_changes_it(path: Path) -> None:
    _, _, revision = seen(path)
    handle(path, ONE.id, Handling(IncidentState.CLOSED, "ann", "ann", AT), seen=revision)
    with pytest.raises(IncidentChanged, match=r"^it has changed meanwhile: closed by ann, 1 alert$"):
        handle(path, ONE.id, Handling(IncidentState.NEW, "", "bob", AT), seen=revision)
    state, assignee, newer = seen(path)
    assert (state, assignee) == (IncidentState.CLOSED, "ann")
    handle(path, ONE.id, Handling(IncidentState.NEW, "", "bob", AT), seen=newer)
    handle(path, ONE.id, Handling(IncidentState.ACKNOWLEDGED, "cy", "cy", AT))
    assert seen(path)[:2] == (IncidentState.ACKNOWLEDGED, "cy")


def test_an_update_of_an_alert_that_was_not_seen_keeps_an_incident_open(path: Path) -> None:
    _, _, revision = seen(path)
    save(path, [alert(revision=2).model_copy(update={"found_at": ONE.found_at + timedelta(minutes=15)})])
    with pytest.raises(IncidentChanged, match="new, 1 alert"):
        handle(path, ONE.id, Handling(IncidentState.CLOSED, "", "ann", AT), seen=revision)
    assert seen(path)[0] is IncidentState.NEW


def test_a_verdict_closes_its_incident_at_once_and_the_service_that_brings_it_again_changes_nothing(path: Path) -> None:
    note_verdict(path, on(ONE.id))
    assert seen(path)[0] is IncidentState.CLOSED
    before = contents(path)
    save(path, [on(ONE.id), on("an alert that is not there")])
    assert contents(path) == before
    save(path, [on(ONE.id, VerdictKind.MALICIOUS, minutes=9)])
    assert seen(path)[:2] == (IncidentState.ACKNOWLEDGED, "zoe")
    save(path, [on(ONE.id, VerdictKind.DUPLICATE, minutes=8)])
    assert seen(path)[:2] == (IncidentState.ACKNOWLEDGED, "zoe"), "the verdict that was given last counts"


def test_news_of_a_verdict_is_news_and_goes_when_the_identity_is_forgotten(path: Path) -> None:
    with History(path) as history:
        word = history.newest_word()
        note_verdict(path, on(ONE.id))
        assert history.newest_word() != word
    forget_identity(path, ONE.actor_id)
    assert contents(path)["verdicts"] == []
