import pytest

from models.detectors.sensitivity import CUTTING_OFF, SENSITIVE, Tactic, sensitivity, tactic


def test_the_list_is_case_folded_and_its_weights_are_small() -> None:
    assert all(name == name.lower() and 0.0 < weight <= CUTTING_OFF for name, weight in SENSITIVE.items())
    assert all("eventhub" in name for name, weight in SENSITIVE.items() if weight > 1.5)


def test_each_sensitive_operation_serves_a_tactic_and_the_longest_ending_says_which() -> None:
    assert {tactic(f"microsoft.x{name}") for name in SENSITIVE} == set(Tactic)
    assert tactic("microsoft.automation/automationaccounts/webhooks/write") == Tactic.EXECUTION
    assert tactic("microsoft.eventhub/namespaces/authorizationrules/listkeys/action") == Tactic.SECRETS
    assert tactic("microsoft.web/sites/write") == ""


@pytest.mark.parametrize(
    "action",
    [
        "microsoft.search/searchservices/listadminkeys/action",
        "microsoft.containerservice/managedclusters/listclusteradmincredential/action",
        "microsoft.app/containerapps/listsecrets/action",
        "microsoft.authorization/roleassignments/write",
        "microsoft.authorization/roleassignmentschedulerequests/write",
        "microsoft.authorization/roleeligibilityschedulerequests/write",
        "add member to role requested (pim activation)",
        "add member to role completed (pim activation)",
        "add eligible member to role in pim completed (timebound)",
        "add member to role outside of pim (permanent)",
        "microsoft.network/networksecuritygroups/providers/microsoft.insights/diagnosticsettings/delete",
    ],
)
def test_what_hands_out_secrets_or_power_weighs_ten_times_whatever_its_provider(action: str) -> None:
    assert sensitivity(action) >= 1.0


def test_the_heaviest_of_several_endings_counts() -> None:
    assert sensitivity("a/b/c", {"/c": 0.2, "/b/c": 0.7, "b/c": 0.4}) == 0.7


def test_what_is_not_listed_weighs_nothing_and_another_list_can_be_given() -> None:
    assert sensitivity("microsoft.compute/virtualmachines/start/action") == 0.0
    assert sensitivity("") == 0.0
    assert sensitivity("x/write", {"x/write": 0.3}) == 0.3


@pytest.mark.parametrize(
    "action",
    [
        "remove member from role (pim activation expired)",
        "remove eligible member from role in pim completed (permanent)",
        "microsoft.authorization/roleassignmentschedulerequests/read",
    ],
)
def test_to_lose_a_role_or_to_look_at_one_weighs_nothing(action: str) -> None:
    assert sensitivity(action) == 0.0


def test_a_request_for_a_role_weighs_what_the_role_assignment_weighs() -> None:
    given = sensitivity("microsoft.authorization/roleassignments/write")

    assert sensitivity("microsoft.authorization/roleassignmentschedulerequests/write") == given
    assert sensitivity("add member to role completed (pim activation)") == given
