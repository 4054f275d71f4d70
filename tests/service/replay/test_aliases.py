"""Records without claims belong to whom other records name, in whatever order they are read, or to nobody else."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream import ActivityEvent, Actor, ActorKind, Outcome
from service.replay.aliases import Aliases
from tests.service.documents.shapes import row
from tests.service.learning.lessons import RECORDS, learnt, new_engine, teach_lines

TENANT, OTHER_TENANT = "7c9d4a30-11aa-4c50-8f66-8c1c0e0f1a11", "7c9d4a30-11aa-4c50-8f66-8c1c0e0f1a12"
ANN, BEN = "a0000000-0000-4000-8000-0000000000aa", "b0000000-0000-4000-8000-0000000000bb"
APP, DEPLOYER = "c0000000-0000-4000-8000-0000000000cc", "d0000000-0000-4000-8000-0000000000dd"
HUMAN, GUEST, SERVICE = ActorKind.HUMAN, ActorKind.GUEST, ActorKind.SERVICE_PRINCIPAL

KNOWN = [
    Actor(f"{TENANT}/{ANN}", "ann@contoso.example", HUMAN),
    Actor(f"{TENANT}/{BEN}", "Ben", HUMAN),
    Actor(f"{TENANT}/{DEPLOYER}", APP, SERVICE),
]


def event(actor: Actor, number: int = 0) -> ActivityEvent:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    return ActivityEvent(time, actor, "a/write", "A/write", Outcome.SUCCESS, str(number))


def bare(key: str, kind: ActorKind = HUMAN) -> Actor:
    return Actor(f"-/{key}", key, kind)


def resolved(*actors: Actor, limit: int = 100) -> list[Actor]:
    """Who the events of these actors belong to once all of them have been noted."""
    aliases = Aliases(limit)
    events = [event(actor, number) for number, actor in enumerate(actors)]
    aliases.note(events[::2])
    aliases.note(events[1::2])
    resolve = aliases.resolver() or (lambda one: one)
    return [resolve(one).actor for one in events]


@pytest.mark.parametrize(
    ("called", "actor"),
    [
        (bare("ann@contoso.example"), KNOWN[0]),
        (bare(ANN, SERVICE), KNOWN[0]),
        (bare(BEN, SERVICE), KNOWN[1]),
        (bare(DEPLOYER, SERVICE), KNOWN[2]),
        (bare(APP, SERVICE), KNOWN[2]),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_name_or_an_id_that_claims_give_to_one_identity_is_that_identity(
    called: Actor, actor: Actor, *, last: bool
) -> None:
    found = resolved(*KNOWN, called) if last else resolved(called, *KNOWN)
    assert found[-1 if last else 0] == actor


@pytest.mark.parametrize(
    "called",
    [
        bare("carl@contoso.example"),
        bare("unattributed", ActorKind.UNKNOWN),
        bare("microsoft.recoveryservices", ActorKind.FIRST_PARTY),
        Actor(f"{TENANT}/ann@contoso.example", "ann@contoso.example", HUMAN),
    ],
)
def test_whom_no_claims_name_or_who_has_a_tenant_stays_who_it_is(called: Actor) -> None:
    assert resolved(*KNOWN, called)[-1] == called


def test_a_name_that_two_identities_have_is_neither() -> None:
    guests = [
        Actor(f"{tenant}/{key}", "kim@partner.example", GUEST) for tenant, key in ((TENANT, ANN), (OTHER_TENANT, BEN))
    ]
    assert resolved(*guests, bare("kim@partner.example"), bare(ANN))[2:] == [bare("kim@partner.example"), guests[0]]


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_neither_the_order_nor_the_bound_makes_it_depend_on_what_was_read_first(rng: random.Random, limit: int) -> None:
    actors = [
        Actor(f"{TENANT}/{n % 30:08}-0000-4000-8000-000000000000", f"u{n}@contoso.example", HUMAN) for n in range(40)
    ]
    actors += [bare(f"u{n}@contoso.example") for n in range(40)]
    turned = list(range(len(actors)))
    rng.shuffle(turned)
    straight = resolved(*actors, limit=limit)
    assert resolved(*(actors[at] for at in turned), limit=limit) == [straight[at] for at in turned]


@pytest.mark.slow
def test_rows_that_have_lost_their_claims_teach_what_whole_rows_teach() -> None:
    rng = random.Random(11)
    whole, torn = new_engine(), new_engine()
    rows = [row(record) for record in RECORDS]
    teach_lines(whole, rows)
    teach_lines(torn, [without_claims(one) if one["Caller"] and rng.random() < 0.5 else one for one in rows])
    assert learnt(torn) == learnt(whole)


def without_claims(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "Claims"}
