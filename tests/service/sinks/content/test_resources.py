"""What stands for a resource on a card, and for many of them in a title."""

import pytest

from service.sinks.content.alert_content import ALL_LINKS, alert_content, heading
from service.sinks.content.resources import Resource, Touched, listed_resources, resource_of, touched
from tests.fakes.alerts import HOSTILE_NAMES, SUBSCRIPTION, alert, finding

GUID = "0b1f6471-1bf0-4dda-aec3-111122223333"
GROUP = f"{SUBSCRIPTION}/resourceGroups/prod-rg"


def machine(number: int) -> str:
    return f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-{number}"


@pytest.mark.parametrize(
    ("resource", "name", "kind"),
    [
        (machine(1), "web-1", "virtual machines"),
        (GROUP, "prod-rg", "resource groups"),
        (SUBSCRIPTION, GUID, "subscriptions"),
        (f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{GUID}", "prod-rg", "resource groups"),
        (f"{machine(1)}/providers/Microsoft.Authorization/locks/{GUID}", "web-1", "virtual machines"),
        (f"/providers/Microsoft.Authorization/roleAssignments/{GUID}", GUID, "role assignments"),
        ("mailbox", "mailbox", ""),
        ("///", "///", ""),
        ("\u200b", "\N{REPLACEMENT CHARACTER}", ""),
    ],
)
def test_a_resource_is_called_by_its_last_segment_or_by_what_has_it(resource: str, name: str, kind: str) -> None:
    assert resource_of(resource) == Resource(name, kind)


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_whatever_an_id_holds_its_name_is_short_clean_and_there(name: str) -> None:
    for resource in (name, f"{GROUP}/{name}/{name}", f"/{name}/" * 10_000):
        found = resource_of(resource)
        assert 1 <= len(found.name.encode()) <= 80
        assert len(found.kind.encode()) <= 60
        assert not any(hidden in found.name + found.kind for hidden in "\x00\x07\x1b\r\n\u202e\u2066\u200b\u2028\ud800")


def test_what_has_no_name_is_not_listed() -> None:
    told = finding(resources=("", " "))
    content = alert_content(alert().model_copy(update={"findings": (told,)}), ALL_LINKS)
    assert content.touched == Touched()


def test_one_thing_of_which_several_ids_tell_is_listed_once() -> None:
    assert listed_resources([machine(1), machine(1).upper()], 3) == Touched(("web-1",), "virtual machines")


def burst(*resources: tuple[str, ...], attempts: int = 1) -> str:
    told = tuple(
        finding(
            id=f"{number:016x}",
            action_name=f"Microsoft.Compute/virtualMachines/extension{number}/write" if number else RESET,
            action=f"{number}",
            resources=several,
            attempts=attempts,
        )
        for number, several in enumerate(resources)
    )
    return heading(alert().model_copy(update={"findings": told})).removeprefix("High 92: alice@contoso.com: ")


RESET = "Microsoft.Compute/virtualMachines/resetPassword/action"


def test_a_burst_is_one_title() -> None:
    twelve = [(machine(3 * one), machine(3 * one + 1), machine(3 * one + 2)) for one in range(4)]
    assert burst(*twelve) == "reset password of virtual machines and 3 more on 12 virtual machines"
    assert burst(*twelve, attempts=4) == "reset password of virtual machines and 3 more on at least 12 virtual machines"


def test_of_several_kinds_a_title_says_only_how_many() -> None:
    assert burst((machine(1), GROUP)) == "reset password of virtual machines on 2 resources"


def test_one_resource_is_not_counted_in_a_title() -> None:
    assert burst((machine(1),), (machine(1),)) == "reset password of virtual machines and 1 more"
    assert touched(alert()) == ""


def test_an_operation_that_surprises_two_detectors_is_one() -> None:
    both = (finding(id="1" * 16), finding(id="2" * 16, detector="new_network"))
    said = heading(alert().model_copy(update={"findings": both}))
    assert said == "High 92: alice@contoso.com: create or change role assignments"
