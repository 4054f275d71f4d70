import pytest

from models.detectors.sensitivity import CUTTING_OFF, SENSITIVE, Tactic, sensitivity, tactic


def test_the_list_is_case_folded_and_its_weights_are_small() -> None:
    assert all(name == name.lower() for name in SENSITIVE)
    small = {weight for name, weight in SENSITIVE.items() if "eventhub" not in name}
    assert min(small) > 0.0
    assert max(small) <= 1.5


def test_only_what_cuts_this_service_off_weighs_more_because_nothing_is_seen_after_it() -> None:
    heavier = {name: weight for name, weight in SENSITIVE.items() if weight > 1.5}
    assert set(heavier.values()) == {CUTTING_OFF}
    assert CUTTING_OFF <= 2.5
    assert all(name.startswith("eventhub/namespaces/") and name.endswith("/delete") for name in heavier)


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("microsoft.storage/storageaccounts/listkeys/action", Tactic.SECRETS),
        ("microsoft.authorization/roleassignments/write", Tactic.POWER),
        ("microsoft.compute/disks/begingetaccess/action", Tactic.EXPORT),
        ("microsoft.recoveryservices/vaults/delete", Tactic.DESTRUCTION),
        ("microsoft.eventhub/namespaces/delete", Tactic.BLINDING),
        ("microsoft.web/sites/write", ""),
    ],
)
def test_what_an_intruder_wants_of_an_operation_is_told(action: str, wanted: str) -> None:
    assert tactic(action) == wanted


def test_each_ending_serves_one_tactic() -> None:
    assert all(tactic(ending) for ending in SENSITIVE)


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
