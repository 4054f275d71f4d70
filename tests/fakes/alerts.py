"""Alerts to render and send: an ordinary one, and one in which everything that an outsider can choose is hostile."""

from datetime import datetime, timedelta

from models.statistics.scoring import Severity, severity
from models.stream.events import ActorKind
from service.core.alerting.alerts import Alert, Finding
from tests.fakes.clock import MONDAY_MORNING

SUBSCRIPTION = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333"

HOSTILE_NAMES = {
    "slack_mention": "<!channel> <@U123> <https://evil.example|Sign in>",
    "markdown": "[Sign in](https://evil.example) **urgent** `x` _y_ # z",
    "html": '<script>alert("x")</script>&amp;<a href="https://evil.example">here</a>',
    "json": '"},{"type":"Action.OpenUrl","url":"https://evil.example"},{"x":"\\',
    "template": "${evil} {{DATE(2026-01-01T00:00:00Z)}} @{triggerBody()} <at>everyone</at>",
    "bidi": "alice\u202egnp.exe\u2066\u200b\u00ad",
    "control": "alice\x1b[2J\x1b]0;owned\x07\r\nbob\x00\tcarol\u2028dave",
    "kql": '" or 1==1 | take 10 //',
    "long": "ha" * 5_000,
    "wide": "\N{PILE OF POO}" * 5_000,
    "surrogate": "x\ud800y",
    "empty": "",
}


def finding(**changes: object) -> Finding:
    """An ordinary finding: a role assignment by somebody who never does that."""
    start = MONDAY_MORNING
    return Finding.model_validate({
        "id": "5d41402abc4b2a76",
        "detector": "rare_action",
        "title": "Unusual action for this identity",
        "action": "microsoft.authorization/roleassignments/write",
        "action_name": "Microsoft.Authorization/roleAssignments/write",
        "time": start + timedelta(minutes=14, seconds=3),
        "bucket_start": start,
        "bucket_end": start + timedelta(hours=1),
        "score": 92.4,
        "surprise": 4.31,
        "severity": Severity.HIGH,
        "why": (
            "Never seen from alice@contoso.com in 41 active days; 2 of 312 identities ever did it. "
            "Usually: read virtual machines, restart virtual machines."
        ),
        "evidence": {
            "surprise": 4.31,
            "probability": {"action": 4.9e-05, "times": 0.0},
            "usual": ["microsoft.compute/virtualmachines/restart/action"],
            "counterfactual": "Would be ordinary if two more of its peers did it.",
        },
        "attempts": 3,
        "failures": 1,
        "denials": 1,
        "resources": (f"{SUBSCRIPTION}/resourceGroups/prod-rg/providers/Microsoft.KeyVault/vaults/payments",),
        "addresses": ("203.0.113.7",),
        "scopes": (SUBSCRIPTION,),
        "results": ("AuthorizationFailed",),
        "correlations": ("6d8f6a0e-8f6e-4f39-9d3e-000000000001",),
        "late": False,
        "settled": True,
        "mitre": ("TA0003/T1098", "TA0004/T1078.004"),
        "response": ("Ask alice whether she meant to.", "Look for sign-ins from the same address."),
        "actor_id": "9f1c0000-0000-4000-8000-000000000001/0b1f6471-aaaa-4bbb-8ccc-000000000001",
        "actor_name": "alice@contoso.com",
        "actor_kind": ActorKind.HUMAN,
        **changes,
    })  # fmt: skip


def alert(number: int = 1, *, findings: int = 1, **changes: object) -> Alert:
    """An ordinary alert; `number` tells it from others, and higher numbers score lower."""
    told = tuple(finding(id=f"{number:08x}{index:08x}") for index in range(findings))
    score = max(50.0, 92.4 - 0.01 * (number - 1))
    return Alert.model_validate({
        "id": f"a1e27{number:011x}",
        "revision": 1,
        "actor_id": f"9f1c0000-0000-4000-8000-{number:012x}/0b1f6471-aaaa-4bbb-8ccc-{number:012x}",
        "actor_name": "alice@contoso.com",
        "actor_kind": ActorKind.HUMAN,
        "window_start": MONDAY_MORNING,
        "window_end": MONDAY_MORNING + timedelta(hours=2),
        "found_at": found_at(),
        "score": score,
        "severity": severity(score),
        "findings": told,
        **changes,
    })  # fmt: skip


def outage(number: int = 1, *, identities: int = 12, name: str | None = None) -> Alert:
    """An operation that is refused to many, all of them called `name` if given."""
    names = [f"user{one}@contoso.com" if name is None else name for one in range(identities)]
    told = tuple(
        finding(
            id=f"{number:08x}{index:08x}",
            detector="rare_failure",
            title="Operations failed that do not usually fail",
            why="It was refused, expected in 0.4 % of its attempts.",
            evidence={},
            actor_id=f"t/{index}",
            actor_name=each,
            actor_kind=ActorKind.SERVICE_PRINCIPAL if index % 2 else ActorKind.HUMAN,
        )
        for index, each in enumerate(names[:25])
    )
    operation = "Microsoft.Authorization/roleAssignments/write"
    return alert(
        number,
        actor_id=f"operation/{operation.lower()}",
        actor_name=f"{identities} identities",
        actor_kind=ActorKind.UNKNOWN,
        operation=operation,
        identities=tuple(names[:20]),
        identity_count=identities,
    ).model_copy(update={"findings": told})


def rollout(number: int = 1, *, identities: int = 53) -> Alert:
    """Two operations that many take up."""
    names = [f"user{one}@contoso.com" for one in range(identities)]
    told = tuple(
        finding(id=f"{number:08x}{index:08x}", actor_id=f"t/{index}", actor_name=each)
        for index, each in enumerate(names[:25])
    )
    operations = ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Fabric/capacities/write")
    return alert(
        number,
        actor_id=f"rollout/{operations[0].lower()}",
        actor_name=f"{identities} identities",
        actor_kind=ActorKind.UNKNOWN,
        identities=tuple(names[:20]),
        identity_count=identities,
        rollout=operations,
        omitted=identities - 25,
        window_end=MONDAY_MORNING + timedelta(days=7),
    ).model_copy(update={"findings": told})


def campaign(number: int = 1) -> Alert:
    """Three identities that a network and a grant join."""
    names = ("alice@contoso.com", "bob@contoso.com", "deploy-prod")
    told = tuple(
        finding(id=f"{number:08x}{index:08x}", actor_id=f"t/{index}", actor_name=each)
        for index, each in enumerate(names)
    )
    grant = f"a way in that alice@contoso.com opened on {SUBSCRIPTION}/resourcegroups/prod-rg"
    return alert(
        number,
        actor_id="campaign/a1e2",
        actor_name="3 identities",
        actor_kind=ActorKind.UNKNOWN,
        identities=names,
        identity_count=3,
        joined_by=("the network 198.51.100, new to each of them", f"{grant}, first used by deploy-prod"),
        window_end=MONDAY_MORNING + timedelta(days=7),
    ).model_copy(update={"findings": told})


def found_at() -> datetime:
    return MONDAY_MORNING + timedelta(minutes=30, microseconds=123456)


def hostile(name: str, number: int = 1) -> Alert:
    """An alert whose every text from outside is `name`."""
    several = (name,) * 12
    return alert(
        number,
        actor_name=name,
        actor_id=name,
    ).model_copy(
        update={
            "findings": tuple(
                finding(
                    id=f"{number:08x}{index:08x}",
                    actor_id=name,
                    actor_name=name,
                    action=name.lower(),
                    action_name=name,
                    why=f"Never seen from {name} in 41 active days.",
                    resources=several,
                    addresses=several,
                    scopes=several,
                    results=several,
                    correlations=several,
                )
                for index in range(8)
            )
        }
    )
