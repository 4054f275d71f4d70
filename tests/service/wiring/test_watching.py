from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.windows import Bucket
from service.settings import Settings
from service.wiring.engine import build_engine
from service.wiring.watching import watched

NINE = Bucket.of(datetime(2026, 3, 2, 9, tzinfo=UTC), timedelta(hours=1))
ADMIN = Actor("t/1", "admin", ActorKind.HUMAN)
SUBSCRIPTION = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590"
EXPORT = f"{SUBSCRIPTION}/providers/microsoft.insights/diagnosticSettings/x"
NAMESPACE = f"{SUBSCRIPTION}/resourceGroups/Siem/providers/Microsoft.EventHub/namespaces/Contoso-Logs"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/Siem/providers/Microsoft.Storage/storageAccounts/unwontedstate"
HUB = {"namespace": "contoso-logs.servicebus.windows.net", "hub": "activity-log"}
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers/"
BLOB = {"kind": "blob", "account_url": "https://unwontedstate.blob.core.windows.net"}
WITHIN = "Microsoft.EventHub/namespaces/"


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"event_hub": HUB, "snapshots": BLOB, **sections})


def told(configured: Settings, operation: str, resource: str) -> list[Anomaly]:
    """What the watch list of an engine so configured says of an operation on a resource."""
    event = ActivityEvent(NINE.start, ADMIN, operation.casefold(), operation, Outcome.SUCCESS, "1", resource=resource)
    cell = Cell(operation.casefold(), operation, NINE.start, 1, 1, 0, 0, sample=(event,))
    return build_engine(configured).detectors["watch_list"].score(ActorBucket(ADMIN, NINE, (cell,)), Crowd(1, {}))


LIFE_LINE = [
    (f"{WITHIN}delete", NAMESPACE),
    (f"{WITHIN}authorizationRules/delete", f"{NAMESPACE}/authorizationRules/export"),
    (f"{WITHIN}authorizationRules/write", f"{NAMESPACE}/authorizationRules/export"),
    (f"{WITHIN}authorizationRules/regenerateKeys/action", f"{NAMESPACE}/authorizationRules/export"),
    (f"{WITHIN}networkRuleSets/write", f"{NAMESPACE}/networkRuleSets/default"),
    (f"{WITHIN}eventhubs/delete", f"{NAMESPACE}/eventhubs/Activity-Log"),
    (f"{WITHIN}eventhubs/consumergroups/delete", f"{NAMESPACE}/eventhubs/activity-log/consumergroups/unwonted"),
    ("Microsoft.Insights/diagnosticSettings/delete", EXPORT),
    ("Microsoft.Insights/diagnosticSettings/write", EXPORT),
    ("Microsoft.Authorization/locks/delete", f"{NAMESPACE}/providers/Microsoft.Authorization/locks/keep"),
    ("Microsoft.Storage/storageAccounts/delete", ACCOUNT),
    (f"{CONTAINERS}delete", f"{ACCOUNT}/blobServices/default/containers/unwonted"),
]
OTHERS = [
    (f"{WITHIN}write", NAMESPACE),
    (f"{WITHIN}delete", f"{NAMESPACE}-2"),
    (f"{WITHIN}eventhubs/delete", f"{NAMESPACE}/eventhubs/another"),
    ("Microsoft.Insights/diagnosticSettings/delete", f"{ACCOUNT}/providers/microsoft.insights/diagnosticSettings/x"),
    ("Microsoft.Storage/storageAccounts/listKeys/action", ACCOUNT),
    ("Microsoft.Storage/storageAccounts/delete", f"{ACCOUNT}2"),
    (f"{CONTAINERS}delete", f"{ACCOUNT}/blobServices/default/containers/x"),
]


@pytest.mark.parametrize(("operation", "resource"), LIFE_LINE)
def test_the_end_of_what_the_service_lives_on_is_told_without_being_asked_for(operation: str, resource: str) -> None:
    [found] = told(settings(), operation, resource)
    assert "this service" in found.why
    assert told(settings(watch={"own": False}), operation, resource) == []


@pytest.mark.parametrize(("operation", "resource"), OTHERS)
def test_what_is_beside_it_is_not(operation: str, resource: str) -> None:
    assert told(settings(), operation, resource) == []


def test_a_connection_string_names_namespace_and_hub_wherever_it_is_kept(tmp_path: Path) -> None:
    text = "Endpoint=sb://contoso-logs.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b=;EntityPath=log"
    (tmp_path / "hub").write_text(text, encoding="utf-8")
    for hub in ({"connection_string": text}, {"connection_string_file": tmp_path / "hub"}):
        assert len(told(settings(event_hub=hub), f"{WITHIN}eventhubs/delete", f"{NAMESPACE}/eventhubs/log")) == 1
        assert told(settings(event_hub=hub), f"{WITHIN}eventhubs/delete", f"{NAMESPACE}/eventhubs/other") == []


def test_so_does_that_of_the_storage_account() -> None:
    snapshots = {
        "kind": "blob",
        "connection_string": "DefaultEndpointsProtocol=https;AccountName=unwontedstate;AccountKey=x",
    }
    assert len(told(settings(snapshots=snapshots), "Microsoft.Storage/storageAccounts/delete", ACCOUNT)) == 1


def test_a_state_in_files_and_an_emulator_have_nothing_in_azure_to_watch(tmp_path: Path) -> None:
    local = "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=log"
    assert watched(Settings.model_validate({"event_hub": {"connection_string": local}})) == ()
    missing = {"event_hub": {"connection_string_file": tmp_path / "missing", "hub": "x"}}
    assert watched(Settings.model_validate(missing)) == ()


def test_entries_reach_the_detector_before_our_own() -> None:
    entry = {"reason": "emergency  account", "identities": "admin, 0a1b", "operations": ["*/delete"]}
    first, *rest = watched(settings(watch={"entries": [entry]}))
    assert first == ("emergency account", ("admin", "0a1b"), ("*/delete",), ())
    assert rest == list(watched(settings()))
