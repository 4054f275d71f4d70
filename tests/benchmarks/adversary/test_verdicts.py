"""What is planted reaches the service, and what it says of it is counted where it belongs."""

import json
from pathlib import Path

import pytest

from benchmarks.adversary import report
from benchmarks.adversary.__main__ import STYLES, main
from benchmarks.adversary.attacks import VARIANTS, Variant
from benchmarks.adversary.cast import TENANTS, Cast, Planted, Work, cast, plans
from benchmarks.adversary.honest import HONEST
from benchmarks.adversary.instance import Instance
from benchmarks.adversary.stage import Attack
from benchmarks.adversary.verdicts import TenantVerdict, judge
from demo.tenant import DAY, HOUR, MINUTE, Call, Directory, TenantPlan, named
from service.settings.root import Settings
from tests.benchmarks.adversary.planted import said, variant

pytestmark = pytest.mark.slow

PLAN = TenantPlan(seed=6, identities=24, days=6, campaigns=1, campaigns_from=3)
DIRECTORY = Directory(PLAN)
BUNDLE = [
    named(f"Microsoft.{name}")
    for name in ("Authorization/elevateAccess/action", "Compute/virtualMachines/runCommand/action",
                 "Insights/diagnosticSettings/delete", "KeyVault/vaults/accessPolicies/write")
]  # fmt: skip


@pytest.fixture(scope="module")
def verdict() -> TenantVerdict:
    thief = next(who for who in DIRECTORY.identities if who.role == "machine")
    steps = tuple(
        Call(4 * DAY + 3 * HOUR + number * 2 * MINUTE, thief, entry, "Forbidden", 0, "rg-core-1", "100.99.1.1")
        for number, entry in enumerate(BUNDLE)
    )
    quiet = DIRECTORY.stranger("quiet", "service_principal", "scanner")
    work = tuple(
        Call(day * DAY + HOUR, quiet, named("Microsoft.Resources/tags/write"), "", 0, "rg-core-1", quiet.networks[0])
        for day in range(6)
    )
    unmade = Variant("loud", "once", lambda _: Attack(steps))
    return judge(
        Cast(
            PLAN,
            [Planted("loud, 1", unmade, Attack(steps, steps[1:]))],
            [Work("quiet, 1", HONEST[0], Instance(work, work[3:])), Work("unseen", HONEST[0], Instance(work, ()))],
            [],
        ),
        Settings(),
    )


def test_a_loud_attack_is_alerted_with_its_payload_and_by_name(verdict: TenantVerdict) -> None:
    [plain] = [one for one in verdict.attacks if one.style == "plain"]
    [loud] = [one for one in verdict.attacks if one.style == "loud"]

    assert (loud.alerted, loud.payload, loud.named, loud.days) == (True, True, True, [True])
    assert loud.margin > 0.0
    assert loud.score >= max(score for score, _ in loud.best[0].judged.values())
    assert len(loud.best) == 4
    assert plain.payload is None


def test_quiet_work_is_quiet_and_what_does_not_count_is_not_counted(verdict: TenantVerdict) -> None:
    [quiet] = verdict.honest

    assert (quiet.alerted, quiet.days, quiet.days_alerted, quiet.best) == (False, 3, 0, [])
    assert verdict.identity_days == 24 * 4


def test_the_report_has_a_row_for_everything(verdict: TenantVerdict) -> None:
    text = report.section("title", [verdict, verdict])

    assert "| loud | once | 2 | " in text
    assert "100 % | 100 % | 100 % |" in text
    assert f"| {HONEST[0].name} | 2 | 0 | 6 | 0 |" in text
    assert "| **all** |  | 4 |" in text
    assert "Everything else: " in text


def test_what_was_missed_is_shown_with_its_best_cells(verdict: TenantVerdict) -> None:
    attacks = [one.__class__(**{**one.__dict__, "alerted": False}) for one in verdict.attacks if one.style == "loud"]
    text = report.missed([TenantVerdict(attacks, [], 0, 1.0, 0)])

    assert text.startswith("missed: loud, 1\n")
    assert "microsoft.authorization/elevateaccess/action: " in text
    assert "rare_action " in text


@pytest.mark.integration
def test_every_style_is_planted_into_exactly_one_tenant_of_a_seed() -> None:
    casts = [cast(plan, number) for number, plan in enumerate(plans(3, 100, 42))]
    planted = [one.variant.name for each in casts for one in each.attacks]

    assert len(casts) == TENANTS
    assert sorted(planted) == sorted(one.name for one in VARIANTS for _ in range(one.number))
    assert {one.counterpart.name for each in casts for one in each.honest} == {kind.name for kind in HONEST}


def test_what_is_kept_does_not_depend_on_what_is_left_out() -> None:
    plan = plans(3, 100, 42)[1]
    everything, kept = cast(plan, 1), cast(plan, 1, ["drip"])

    assert not kept.honest
    assert [said(one.attack.steps) for one in kept.attacks] == [
        said(one.attack.steps) for one in everything.attacks if one.variant.style == "drip"
    ]


def test_the_command_says_which_styles_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--list"])

    assert capsys.readouterr().out.splitlines() == list(STYLES)


@pytest.mark.integration
def test_the_command_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "verdicts.json"
    number = VARIANTS.index(variant("refused, then allowed", "strange network")) % TENANTS
    only = ["--styles", "refused, then allowed", "--tenants", str(number)]
    main(["--identities", "20", *only, "--json", str(out), "--missed"])
    printed, progress = capsys.readouterr()
    [tenant] = json.loads(out.read_bytes())

    assert {one["strength"] for one in tenant["attacks"]} == {"strange network"}
    assert len(tenant["attacks"][0]["days"]) == 5
    assert "| refused, then allowed | strange network | 2 |" in printed
    assert "left out: " in progress  # a tenant of 20 has not everybody whom an attacker could want
    assert "| refused, then allowed, strange network | " in printed
