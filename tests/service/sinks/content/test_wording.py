import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sinks.content.wording import clean, listed, plain_action


@given(text=st.text(), limit=st.integers(9, 60), keep_end=st.booleans())
def test_a_cleaned_text_is_one_printable_line_within_its_limit(text: str, limit: int, keep_end: bool) -> None:
    shown = clean(text, limit, keep_end=keep_end)
    assert len(shown.encode()) <= limit
    assert shown.isprintable()
    assert clean(shown, limit, keep_end=keep_end) == shown


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20))
def test_an_ordinary_name_is_left_as_it_is(name: str) -> None:
    assert clean(name, 200) == name


def test_a_name_of_many_megabytes_is_clipped_without_reading_it_all() -> None:
    assert clean("\u202e" * 10_000_000, 12).endswith("…")


def test_both_ends_of_a_long_resource_are_kept() -> None:
    shown = clean("/subscriptions/1/" + "x" * 500 + "/vaults/payments", 40, keep_end=True)
    assert shown.startswith("/subscriptions/1/")
    assert shown.endswith("/vaults/payments")


def test_a_list_says_how_much_it_leaves_out() -> None:
    assert listed(["10.0.0.1"] * 5, most=2, limit=20) == "10.0.0.1, 10.0.0.1 and 3 more"
    assert listed([], most=2, limit=20) == ""


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("Microsoft.Compute/virtualMachines/delete", "delete virtual machines"),
        ("Microsoft.KeyVault/vaults/secrets/read", "read secrets"),
        ("Microsoft.Compute/virtualMachines/runCommand/action", "run command of virtual machines"),
        ("Microsoft.Insights/register/action", "register (Microsoft.Insights)"),
        ("MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE", "create or change roleassignments"),
        ("", ""),
        ("///", "///"),
    ],
)
def test_an_operation_is_said_in_words(action: str, words: str) -> None:
    assert plain_action(action) == words
