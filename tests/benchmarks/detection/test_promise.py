"""Whether scores are as rare as they say: who counts as what, and when a promise is broken."""

from collections import Counter

from benchmarks.detection.promise import EVERYBODY, SIZES, IdentityDay, Tally, broken, merged, table, tallies
from demo.tenant import TenantPlan
from demo.tenant.identities import Directory
from models.stream.events import ActorKind


def test_an_identity_day_counts_for_every_score_that_it_reaches_and_for_whoever_gave_it() -> None:
    found = tallies(
        [
            IdentityDay(ActorKind.HUMAN, {"rare_action": 80.0, "dormant": 51.0}),
            IdentityDay(ActorKind.GUEST, {"rare_action": 49.9}),
            IdentityDay(ActorKind.MANAGED_IDENTITY, {"dormant": 90.0}),
            IdentityDay(ActorKind.UNKNOWN, {}),
        ]
    )
    assert found[EVERYBODY] == Tally(4, Counter({50.0: 2, 75.0: 2, 90.0: 1}))
    assert found["people"] == Tally(2, Counter({50.0: 1, 75.0: 1}))
    assert found["managed identities"] == Tally(1, Counter({50.0: 1, 75.0: 1, 90.0: 1}))
    assert found["everybody, rare_failure alone"] == Tally(4, Counter())
    assert found["everybody, dormant alone"] == Tally(4, Counter({50.0: 2, 75.0: 1, 90.0: 1}))


def test_a_promise_is_broken_where_the_whole_interval_is_above_it() -> None:
    fine = Tally(10_000, Counter({50.0: 100, 75.0: 14, 90.0: 3}))
    above = Tally(10_000, Counter({50.0: 100, 75.0: 25, 90.0: 3}))
    assert broken({"60": {EVERYBODY: fine}}) == []
    [problem] = broken({"60": {EVERYBODY: fine, "people": above}})
    assert problem == "tenant of 60, people: 2.50 in 1,000 reach 75, promised: 1"
    row = table({"60": {"people": above}}).splitlines()[2]
    assert row == "| 60 | people | 10,000 | 10.00 (8.23 to 12.15) | **2.50 (1.69 to 3.69)** | 0.30 (0.10 to 0.88) |"


def test_tenants_of_one_sort_add_up() -> None:
    one = {EVERYBODY: Tally(10, Counter({50.0: 1}))}
    assert merged([one, one, {}]) == {EVERYBODY: Tally(20, Counter({50.0: 2}))}


def test_a_tenant_has_the_automation_that_it_is_asked_for() -> None:
    for size in SIZES:
        plan = TenantPlan(identities=size.identities, automation=size.automation, campaigns=0)
        kinds = Counter(who.kind for who in Directory(plan).identities)
        assert kinds.total() == size.identities
        share = (kinds["service_principal"] + kinds["managed_identity"]) / size.identities
        assert abs(share - (0.38 if size.automation is None else size.automation)) < 0.05
