from hypothesis import given
from hypothesis import strategies as st

from models.statistics.bloom_mask import BITS, mask, tried


@given(actions=st.lists(st.text(), max_size=50))
def test_what_was_tried_is_never_denied(actions: list[str]) -> None:
    mask_of_tried = 0
    for action in actions:
        mask_of_tried |= mask(action)
    assert all(tried(mask_of_tried, action) for action in actions)
    assert mask_of_tried.bit_length() <= BITS


def test_what_was_not_tried_is_seldom_confirmed() -> None:
    mask_of_tried = 0
    for number in range(20):
        mask_of_tried |= mask(f"microsoft.compute/thing{number}/write")
    wrong = sum(tried(mask_of_tried, f"microsoft.storage/other{number}/delete") for number in range(2_000))
    assert wrong < 40
