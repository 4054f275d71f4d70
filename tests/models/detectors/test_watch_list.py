from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.watch_list import WatchList
from models.detectors.watched import Watched
from models.statistics.scoring import Severity
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.rows import UnexpectedRow
from models.stream.windows import Bucket

NINE = Bucket.of(datetime(2026, 3, 2, 9, tzinfo=UTC), timedelta(hours=1))
ANN = Actor("tenant/0a1b", "Ann@contoso.example", ActorKind.HUMAN)
HUB = "/subscriptions/1/resourceGroups/siem/providers/Microsoft.EventHub/namespaces/Contoso"
DELETE = "microsoft.eventhub/namespaces/delete"


def cell(action: str = DELETE, *resources: str, denied: bool = False, attempts: int = 1) -> Cell:
    sample = tuple(
        ActivityEvent(NINE.start, ANN, action, action, Outcome.SUCCESS, str(number), resource=resource)
        for number, resource in enumerate(resources)
    )
    ends = (0, 0, 1) if denied else (1, 0, 0)
    return Cell(action, action, NINE.start, attempts, *ends, sample=sample)


def told(entry: Watched, *cells: Cell, who: Actor = ANN) -> list[Anomaly]:
    return WatchList(watched=[entry]).score(ActorBucket(who, NINE, cells), Crowd(1, {}))


@pytest.mark.parametrize("name", ["0A1B", "tenant/0a1b", "ann@contoso.example", "ANN@CONTOSO.EXAMPLE"])
def test_an_identity_is_meant_by_id_or_name_whatever_the_case(name: str) -> None:
    [found] = told(Watched("break-glass account", (name,)), cell("a/read"))
    assert found.why == "On the watch list: break-glass account."
    assert found.score == 100.0
    assert found.severity.rank >= Severity.HIGH.rank


@pytest.mark.parametrize("name", ["0a1", "ann", "tenant"])
def test_part_of_a_name_means_nobody(name: str) -> None:
    assert told(Watched("why", (name,)), cell()) == []


def test_an_operation_is_meant_by_a_pattern() -> None:
    entry = Watched("keys are gone", operations=("Microsoft.KeyVault/*/delete",))
    cells = [cell(f"microsoft.keyvault/vaults/{name}") for name in ("delete", "keys/delete", "keys/read")]
    assert [one.cell.action.rpartition("vaults/")[2] for one in told(entry, *cells)] == ["delete", "keys/delete"]


@pytest.mark.parametrize(
    "wanted", [HUB, HUB.lower(), f"{HUB}/", "/subscriptions/1", "*/namespaces/contoso", "*contoso*"]
)
def test_a_resource_is_meant_by_its_id_or_what_it_is_in_or_a_pattern(wanted: str) -> None:
    assert len(told(Watched("our hub", resources=(wanted,)), cell(DELETE, "/x/y", HUB))) == 1


@pytest.mark.parametrize("wanted", [HUB[:-1], f"{HUB}/eventhubs/log", "*/namespaces/conto", "/subscriptions/2"])
def test_a_resource_beside_the_wanted_one_is_not_meant(wanted: str) -> None:
    assert told(Watched("our hub", resources=(wanted,)), cell(DELETE, "/x/y", HUB)) == []


def test_of_what_an_entry_names_one_each_has_to_fit() -> None:
    entry = Watched("why", ("0a1b", "ben"), (DELETE, "a/b"), (HUB,))
    assert len(told(entry, cell(DELETE, HUB))) == 1
    assert told(entry, cell(DELETE, HUB), who=Actor("tenant/x", "x", ActorKind.HUMAN)) == []
    assert told(entry, cell("a/c", HUB)) == []
    assert told(entry, cell(DELETE)) == [], "nothing is known of its resource"


def test_what_was_refused_is_told_and_what_ends_an_operation_told_before_is_not() -> None:
    entry = Watched("why", operations=("*hub*",))
    assert len(told(entry, cell(denied=True))) == 1
    assert told(entry, cell(attempts=0)) == []


def test_all_reasons_are_given_and_their_entries() -> None:
    detector = WatchList(watched=[Watched("a drill", ("0a1b",)), Watched("our hub", operations=(DELETE,))])
    [found] = detector.score(ActorBucket(ANN, NINE, (cell(),)), Crowd(1, {}))
    assert found.why == "On the watch list: a drill; our hub."
    assert found.evidence["watched"] == [
        {"reason": "a drill", "identities": ["0a1b"]},
        {"reason": "our hub", "operations": [DELETE]},
    ]


def test_without_entries_nothing_is_told() -> None:
    assert WatchList().score(ActorBucket(ANN, NINE, (cell(),)), Crowd(1, {})) == []


def test_a_snapshot_that_claims_to_know_something_is_refused() -> None:
    WatchList().load([], [])
    with pytest.raises(UnexpectedRow):
        WatchList().load([], [{"id": "x"}])
