import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def leftovers_of_the_sdk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect at once what the SDK leaves to the garbage collector after a reset; it would complain in later tests."""
    yield
    if request.node.get_closest_marker("integration"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
