from models.sensitivity import SENSITIVE, sensitivity


def test_the_list_is_case_folded_and_its_weights_are_small() -> None:
    assert all(name == name.lower() and 0.0 < weight <= 1.0 for name, weight in SENSITIVE.items())


def test_every_listed_name_is_found_under_its_full_name_or_its_ending() -> None:
    for name, weight in SENSITIVE.items():
        assert sensitivity(f"microsoft.any/thing{name}" if name.startswith("/") else name) == weight


def test_what_is_not_listed_weighs_nothing_and_another_list_can_be_given() -> None:
    assert sensitivity("microsoft.compute/virtualmachines/start/action") == 0.0
    assert sensitivity("") == 0.0
    assert sensitivity("x/write", {"x/write": 0.3}) == 0.3
