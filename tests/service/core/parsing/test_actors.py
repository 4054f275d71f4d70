import pytest

from models.stream.events import Actor, ActorKind
from service.core.parsing.actors import MICROSOFT_TENANTS
from service.core.parsing.parser import ActivityLogParser
from tests.service.core.parsing.samples import (
    ANN,
    APP,
    MICROSOFT,
    TENANT,
    XMLSOAP,
    application,
    dump,
    human,
    message,
    record,
    rest,
)

POLICY_SERVICE = "0469d4cd-df37-4d93-8a61-f8c75b809164"
IDENTITY = "/subscriptions/s/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Deployer"


def actor(claims: dict[str, str], **changes: object) -> Actor:
    (event,) = ActivityLogParser().parse(message(record(claims, **changes))).events
    return event.actor


def test_a_person_is_known_by_tenant_and_object_id_and_shown_by_user_name() -> None:
    assert actor(human()) == Actor(f"{TENANT}/{ANN}", "ann@contoso.com", ActorKind.HUMAN)


def test_apostrophes_stay_in_user_names() -> None:
    assert actor(human(**{XMLSOAP + "upn": "O'Brien@Contoso.com"})).name == "o'brien@contoso.com"


@pytest.mark.parametrize(
    "upn",
    ["live.com#bob@fabrikam.com", "bob_fabrikam.com#EXT#@contoso.onmicrosoft.com", "BOB_fabrikam.com#ext#@x.y"],
)
def test_guests_are_shown_by_their_own_address(upn: str) -> None:
    found = actor(human(**{XMLSOAP + "upn": upn}))

    assert (found.name, found.kind) == ("bob@fabrikam.com", ActorKind.GUEST)


@pytest.mark.parametrize(
    "claims",
    [
        human(altsecid="5::10032000CAFE"),
        human(**{MICROSOFT + "identityprovider": "live.com"}),
        human(**{MICROSOFT + "identityprovider": "https://sts.windows.net/99999999-0000-4000-8000-000000000009/"}),
    ],
)
def test_an_account_homed_elsewhere_is_a_guest(claims: dict[str, str]) -> None:
    assert actor(claims).kind is ActorKind.GUEST


def test_an_application_is_shown_by_its_application_id() -> None:
    assert actor(application()) == Actor(f"{TENANT}/{ANN}", APP, ActorKind.SERVICE_PRINCIPAL)


def test_a_managed_identity_is_shown_by_its_resource() -> None:
    found = actor(application(xms_mirid=IDENTITY))

    assert found == Actor(f"{TENANT}/{ANN}", "Deployer", ActorKind.MANAGED_IDENTITY)


@pytest.mark.parametrize(
    "claims",
    [application(appid=POLICY_SERVICE), application(**{MICROSOFT + "tenantid": min(MICROSOFT_TENANTS)})],
)
def test_microsofts_own_services_are_told_apart(claims: dict[str, str]) -> None:
    assert actor(claims).kind is ActorKind.FIRST_PARTY


def test_a_person_using_a_microsoft_application_stays_a_person() -> None:
    assert actor(human(appid=POLICY_SERVICE)).kind is ActorKind.HUMAN


def test_without_an_object_id_the_principal_of_the_role_assignment_is_the_same_key() -> None:
    evidence = {"principalId": ANN.replace("-", ""), "principalType": "User"}
    found = actor(human(**{MICROSOFT + "objectidentifier": None}), identity=None)

    assert found.kind is ActorKind.UNKNOWN
    lacking = {
        "claims": human(**{MICROSOFT + "objectidentifier": None}),
        "authorization": {"action": "a/b", "evidence": evidence},
    }
    assert actor({}, identity=lacking) == actor(human())


@pytest.mark.parametrize(
    ("lacking", "key"),
    [
        ({}, ANN),
        ({MICROSOFT + "objectidentifier": None}, "ann@contoso.com"),
        (
            {
                MICROSOFT + "objectidentifier": None,
                XMLSOAP + "upn": None,
                XMLSOAP + "name": None,
            },
            APP,
        ),
    ],
)
def test_the_key_is_the_first_of_object_id_user_name_application(lacking: dict[str, None], key: str) -> None:
    identity = {
        "claims": human(**lacking),
        "authorization": {"evidence": {"principalId": "g", "principalType": "Group"}},
    }

    assert actor({}, identity=identity).id == f"{TENANT}/{key}"


def test_rest_and_event_hub_records_name_the_same_identity() -> None:
    (event,) = ActivityLogParser().parse(dump(rest())).events

    assert event.actor == actor(human())


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("ann@contoso.com", Actor(f"{TENANT}/ann@contoso.com", "ann@contoso.com", ActorKind.HUMAN)),
        (APP, Actor(f"{TENANT}/{APP}", APP, ActorKind.SERVICE_PRINCIPAL)),
        (
            "Microsoft.RecoveryServices",
            Actor(f"{TENANT}/microsoft.recoveryservices", "microsoft.recoveryservices", ActorKind.FIRST_PARTY),
        ),
        ("Ann Other", Actor(f"{TENANT}/ann other", "ann other", ActorKind.UNKNOWN)),
        ("", Actor(f"{TENANT}/unattributed", "unattributed", ActorKind.UNKNOWN)),
    ],
)
def test_a_caller_alone_will_do(caller: str, expected: Actor) -> None:
    (event,) = ActivityLogParser().parse(dump(rest(claims=None, authorization=None, caller=caller))).events

    assert event.actor == expected


def test_identity_as_text_is_a_caller_and_as_json_text_an_identity() -> None:
    assert actor({}, identity="ann@contoso.com").name == "ann@contoso.com"
    assert actor({}, identity=dump({"claims": human()}).decode()) == actor(human())


def test_nobody_in_no_tenant_is_one_identity() -> None:
    assert actor({}, identity=None, tenantId=None).id == "-/unattributed"


@pytest.mark.parametrize("claims", [human(oid=None), application()])
def test_ids_ignore_case(claims: dict[str, str]) -> None:
    assert actor({key: value.upper() for key, value in claims.items()}).id == actor(claims).id


def test_short_claim_names_serve_where_the_long_ones_are_missing() -> None:
    short = {"oid": ANN, "tid": TENANT, "upn": "ann@contoso.com", "appid": APP, "puid": "1"}

    assert actor(short) == actor(human())


def test_what_came_before_changes_nobody() -> None:
    crowd = [record(human()), record(application()), record(application(xms_mirid=IDENTITY)), rest()]
    together = ActivityLogParser().parse(message(*crowd)).events
    alone = [ActivityLogParser().parse(message(each)).events[0] for each in crowd]
    parser = ActivityLogParser()

    assert together == alone
    assert [parser.parse(message(each)).events[0] for each in reversed(crowd)] == alone[::-1]
