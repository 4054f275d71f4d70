"""What an operation suggests: every operation that intruders need has its technique and its next steps."""

import re

import pytest

from demo.tenant import BY_ACTION
from demo.tenant.techniques import TECHNIQUES, Technique
from models.detectors.sensitivity import SENSITIVE, Tactic, tactic
from service.core.alerting.families import FAMILIES, IN_VAIN, TRYING, suggested

TACTICS = {
    Tactic.SECRETS: {"TA0006", "TA0040"},  # a key recreated locks out whoever had the old one
    Tactic.POWER: {"TA0004", "TA0001"},
    Tactic.PERSISTENCE: {"TA0003", "TA0004", "TA0006"},
    Tactic.BLINDING: {"TA0005"},
    Tactic.EXECUTION: {"TA0002", "TA0003", "TA0008"},
    Tactic.EXPORT: {"TA0005", "TA0007", "TA0009", "TA0010"},
    Tactic.EXPOSURE: {"TA0005"},
    Tactic.DESTRUCTION: {"TA0005", "TA0040"},
}
"""ATT&CK's tactics that each of ours may have."""
NOT_SEEN = {"Runbook as a back door", "AI service keys theft"}
"""Named by what an intruder makes of it later, which this log does not hold: a schedule, and a bill."""


@pytest.mark.parametrize("ending", SENSITIVE)
def test_whatever_is_sensitive_suggests_a_technique_of_its_tactic_and_three_steps(ending: str) -> None:
    action = f"microsoft.example/{ending.lstrip('/')}" if not ending.startswith("member") else ending
    mitre, response = suggested(action, in_vain=False)
    assert {tag.partition("/")[0] for tag in mitre} & TACTICS[Tactic(tactic(action))]
    assert len(response) == 3


@pytest.mark.parametrize("technique", [one for one in TECHNIQUES if one.name not in NOT_SEEN], ids=lambda one: one.name)
def test_the_steps_of_a_published_attack_suggest_its_technique(technique: Technique) -> None:
    found = {tag for step in technique.steps for tag in suggested(step.lower(), in_vain=False).mitre}
    assert technique.mitre.partition(".")[0] in {tag.partition("/")[2].partition(".")[0] for tag in found}


def test_of_all_operations_a_tenant_sees_most_suggest_nothing_by_themselves() -> None:
    known = [action for action in BY_ACTION if suggested(action, in_vain=False).mitre]
    assert len(BY_ACTION) / 6 < len(known) < len(BY_ACTION) / 3


@pytest.mark.parametrize(
    ("action", "mitre"),
    [
        ("microsoft.authorization/roleassignments/write", ("TA0004/T1098.003",)),
        ("microsoft.storage/storageaccounts/listkeys/action", ("TA0006/T1552",)),
        ("microsoft.containerservice/managedclusters/runcommand/action", ("TA0002/T1609",)),
        ("microsoft.compute/virtualmachines/runcommand/action", ("TA0002/T1651",)),
        ("microsoft.eventhub/namespaces/delete", ("TA0005/T1562.008",)),
        ("microsoft.recoveryservices/vaults/delete", ("TA0040/T1490",)),
        ("microsoft.compute/virtualmachines/restart/action", ()),
    ],
)
def test_the_longest_ending_counts(action: str, mitre: tuple[str, ...]) -> None:
    assert suggested(action, in_vain=False).mitre == mitre


@pytest.mark.parametrize("action", ["microsoft.web/sites/write", "microsoft.authorization/roleassignments/write"])
def test_what_only_failed_is_looking_around_whatever_it_was_for(action: str) -> None:
    done, tried = suggested(action, in_vain=False), suggested(action, in_vain=True)
    assert tried.mitre == (TRYING, *done.mitre)
    assert tried.response == (IN_VAIN, *done.response)


def test_no_ending_stands_twice_and_every_id_has_the_form_of_one() -> None:
    endings = [one for family in FAMILIES for several in family.techniques for one in several.split(", ")]
    assert len(endings) == len(set(endings))
    assert all(ending == ending.casefold().strip() for ending in endings)
    tags = {tag for family in FAMILIES for several in family.techniques.values() for tag in several}
    assert all(re.fullmatch(r"TA\d{4}/T\d{4}(\.\d{3})?", tag) for tag in tags)
    assert all(step.endswith((".", "?")) and len(step) <= 120 for family in FAMILIES for step in family.response)
