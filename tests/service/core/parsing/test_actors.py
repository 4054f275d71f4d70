import json

import pytest

from models.stream.events import Actor, ActorKind, Outcome
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
ELSEWHERE = "99999999-0000-4000-8000-000000000009"
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
        human(**{MICROSOFT + "identityprovider": "mail"}),
        human(**{MICROSOFT + "identityprovider": "Google.com"}),
        human(**{MICROSOFT + "identityprovider": "https://accounts.google.com"}),
        human(**{MICROSOFT + "identityprovider": f"https://sts.windows.net/{ELSEWHERE}/"}),
        human(**{MICROSOFT + "identityprovider": f"https://login.microsoftonline.com/{ELSEWHERE.upper()}/v2.0"}),
        human(**{MICROSOFT + "identityprovider": f"https://sts.chinacloudapi.cn/{ELSEWHERE}/"}),
        human(**{MICROSOFT + "identityprovider": f"https://login.partner.microsoftonline.cn/{ELSEWHERE}/v2.0"}),
        human(**{MICROSOFT + "identityprovider": f"https://login.microsoftonline.us/{ELSEWHERE}"}),
        human(**{MICROSOFT + "identityprovider": None, "idp": "facebook.com"}),
    ],
)
def test_an_account_homed_elsewhere_is_a_guest(claims: dict[str, str]) -> None:
    assert actor(claims).kind is ActorKind.GUEST


@pytest.mark.parametrize(
    "provider",
    [
        f"https://sts.windows.net/{TENANT}/",
        f"https://sts.chinacloudapi.cn/{TENANT.upper()}/",
        f"https://login.microsoftonline.us/{TENANT}/v2.0",
        None,
        "AzureAD",
    ],
)
def test_an_account_of_the_tenant_itself_is_no_guest_in_any_cloud(provider: str | None) -> None:
    assert actor(human(**{MICROSOFT + "identityprovider": provider})).kind is ActorKind.HUMAN
    assert actor(human(**{MICROSOFT + "identityprovider": None, "idp": provider})).kind is ActorKind.HUMAN


@pytest.mark.parametrize("upn", ["mail#kim@fabrikam.com", "google.com#Kim@fabrikam.com"])
def test_a_guest_with_another_providers_account_is_shown_by_its_address(upn: str) -> None:
    assert actor(human(**{XMLSOAP + "upn": upn})) == Actor(f"{TENANT}/{ANN}", "kim@fabrikam.com", ActorKind.GUEST)


@pytest.mark.parametrize("key", [XMLSOAP + "emailaddress", "email", "unique_name", "preferred_username", "upn"])
def test_a_person_is_one_by_any_claim_that_holds_an_address(key: str) -> None:
    nameless = human(**{XMLSOAP + "upn": None, XMLSOAP + "name": None, "puid": None})

    assert actor({**nameless, key: "Ann@Contoso.com"}) == actor(human())


SERVICE_CLAIMS = [
    XMLSOAP + "emailaddress",
    XMLSOAP + "name",
    XMLSOAP + "upn",
    XMLSOAP + "spn",
    "email",
    "upn",
    "unique_name",
    "name",
]


@pytest.mark.parametrize("key", SERVICE_CLAIMS)
@pytest.mark.parametrize("name", ["Microsoft.RecoveryServices", "MICROSOFT.INSIGHTS/autoscaleSettings", "AzureADPIM"])
def test_a_service_of_azure_goes_by_its_name_and_is_nobodys_person(key: str, name: str) -> None:
    named = Actor(f"{TENANT}/{name.lower()}", name.lower(), ActorKind.FIRST_PARTY)

    assert actor({key: name}) == named
    assert actor({key: name, "idtyp": "app"}) == named
    assert actor({key: name, "idtyp": "user"}) == named


@pytest.mark.parametrize("key", [key for key in SERVICE_CLAIMS if not key.endswith("spn")])
def test_a_service_with_an_object_id_is_known_by_that(key: str) -> None:
    found = actor({key: "Microsoft.Compute", MICROSOFT + "objectidentifier": ANN, "appid": APP, "idtyp": "app"})

    assert (found.id, found.kind) == (f"{TENANT}/{ANN}", ActorKind.FIRST_PARTY)


def test_a_person_whose_address_begins_like_a_service_is_one() -> None:
    found = actor(human(**{XMLSOAP + "upn": "microsoft.admin@contoso.com", "name": "Microsoft.Compute"}))

    assert (found.name, found.kind) == ("microsoft.admin@contoso.com", ActorKind.HUMAN)


@pytest.mark.parametrize(
    ("application_id", "name"),
    [
        ("01fc33a7-78ba-4d2f-a4b7-768e336e890e", "MS-PIM"),
        ("7319C514-987D-4E9B-AC3D-D38C4F427F4C", "AzureContainerService"),
    ],
)
def test_microsofts_applications_that_give_roles_are_named(application_id: str, name: str) -> None:
    assert actor(application(appid=application_id)) == Actor(f"{TENANT}/{ANN}", name, ActorKind.FIRST_PARTY)


@pytest.mark.parametrize("workspace", ["11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"])
@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"Claims": dump(human()).decode()}, f"{TENANT}/{ANN}"),
        ({"Claims_d": human()}, f"{TENANT}/{ANN}"),
        ({"Caller": "Ann@contoso.com"}, "-/ann@contoso.com"),
        ({"Caller": ANN}, f"-/{ANN}"),
    ],
)
def test_the_tenant_column_of_a_workspace_row_names_the_workspace(
    workspace: str, row: dict[str, object], key: str
) -> None:
    usual = {"OperationNameValue": "A/b/write", "CategoryValue": "Administrative", "TenantId": workspace}
    rows = [
        {**usual, **row, "TimeGenerated": "2024-05-01T08:00:00Z"},
        {**usual, **row, "time": "2024-05-01T08:00:00Z", "Type": "AzureActivity"},
    ]

    assert {event.actor.id for event in ActivityLogParser().parse(message(*rows)).events} == {key}


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


@pytest.mark.parametrize("cut", ["Claims", "Authorization", "Properties"])
def test_a_text_that_log_analytics_has_cut_is_read_from_the_column_beside_it(cut: str) -> None:
    one = record(properties={"statusCode": "Forbidden"})
    whole = {
        "Type": "AzureActivity",
        "TimeGenerated": one["time"],
        "CategoryValue": "Administrative",
        "OperationName": "Create or Update Virtual Machine",
        "ActivityStatusValue": "Failure",
        "CorrelationId": one["correlationId"],
        "_ResourceId": one["resourceId"].lower(),
        "Authorization": json.dumps(one["identity"]["authorization"]),
        "Claims": json.dumps(one["identity"]["claims"]),
        "Properties": json.dumps(one["properties"]),
    }
    cut_off = {**whole, cut: whole[cut][:-9], f"{cut}_d": json.loads(whole[cut])}

    (event,) = ActivityLogParser().parse(dump(cut_off)).events

    assert [event] == ActivityLogParser().parse(dump(whole)).events
    assert (event.actor.id, event.outcome) == (f"{TENANT}/{ANN}", Outcome.DENIED)


def flat(members: dict[str, object], above: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in members.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found


@pytest.mark.parametrize("one", [record(), rest()], ids=["hub", "rest"])
def test_a_record_whose_objects_became_columns_is_the_same_event(one: dict[str, object]) -> None:
    assert ActivityLogParser().parse(dump(flat(one))) == ActivityLogParser().parse(dump(one))


@pytest.mark.parametrize("times", [1, 2])
def test_claims_as_text_in_text_are_read(times: int) -> None:
    claims: object = human()
    for _ in range(times):
        claims = json.dumps(claims)
    whole = record()
    (event,) = ActivityLogParser().parse(message({**whole, "identity": {**whole["identity"], "claims": claims}})).events
    assert event == ActivityLogParser().parse(message(whole)).events[0]
