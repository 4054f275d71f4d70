"""What a few thousand different actions of one identity do not do, a million do not do either."""

import pytest

from tests.models.stream.test_buckets import endless_actions


@pytest.mark.integration
def test_a_million_different_actions_of_one_identity_are_bounded_and_counted() -> None:
    endless_actions(1_000_000)
