from hypothesis import given
from hypothesis import strategies as st

from models.statistics.bloom_mask import BITS, mask, tried


@given(actions=st.lists(st.text(), max_size=50))
def test_what_was_tried_is_never_denied(actions: list[str]) -> None:
    sketch = 0
    for action in actions:
        sketch |= mask(action)
    assert all(tried(sketch, action) for action in actions)
    assert sketch.bit_length() <= BITS


def test_what_was_not_tried_is_seldom_confirmed() -> None:
    sketch = 0
    for number in range(20):
        sketch |= mask(f"microsoft.compute/thing{number}/write")
    wrong = sum(tried(sketch, f"microsoft.storage/other{number}/delete") for number in range(2_000))
    assert wrong < 40
