"""What many tests share and what is slow to start."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.azurite import Account, azurite, find_azurite

# How fast a machine is today is no property of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end anyway: modules, and the tests themselves."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def storage() -> Iterator[Account]:
    """Give a storage account in Azurite; make each container's name your own."""
    script = find_azurite()
    if script is None:
        pytest.skip("AZURITE IS NOT INSTALLED: run npm ci")
    with azurite(script) as account:
        yield account
