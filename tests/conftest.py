"""What many tests share and what is slow to start."""

import gc
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestModule
from coverage import Coverage
from hypothesis import HealthCheck, settings

from tests.fakes.azurite import Account, azurite, find_azurite
from tests.measuring import Measuring

FEWER = 10
"""How many times fewer examples of a property `make check` tries than `make test`."""
LEAST = 3
"""As few it tries at any rate."""
LONGEST = (
    "tests/integration/test_standby.py",
    "tests/properties/test_flagship.py",
    "tests/infra/test_image.py",
    "tests/integration/test_soak.py",
    "tests/integration/test_spark.py",
    "tests/demo/test_demo.py",
    "tests/service/cli/test_learn.py",
    "tests/integration/test_console_in_a_browser.py",
    "tests/integration/test_kill.py",
    "tests/service/source/test_event_hub.py",
)
"""Files that take minutes begin first: in the end there would be nothing left to do beside them."""

QUICK = "not integration and not slow"
"""What `make check` gives as `-m`."""
ALL_LEFT_OUT = re.compile(r"^pytestmark = (?:\[[^\]]*?)?pytest\.mark\.(?:integration|slow)\b", re.MULTILINE)
"""What a file says of which it runs nothing."""

measuring = Measuring(Coverage.current() if "PYTEST_XDIST_WORKER" in os.environ else None, os.environ)

# How fast a machine is today is no property of the code.
settings.register_profile("whole", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("whole"))
settings.load_profile("whole")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person make the longest tests longer: `make test ARGS="tests/integration/test_standby.py --kills 30"`."""
    parser.addoption("--kills", type=int, default=3, help="how often the working one of two instances is killed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and try as few examples as the profile wants."""
    items.sort(key=lambda item: [item.nodeid.startswith(file) for file in LONGEST], reverse=True)
    take_fewer(items)


def take_fewer(items: list[pytest.Item]) -> None:
    """Take fewer examples where asked with `--hypothesis-profile=quick`; which ones is drawn again in each run."""
    if settings.get_current_profile_name() != "quick":
        return
    for test in {id(test): test for item in items if (test := getattr(item, "obj", None)) is not None}.values():
        if (own := getattr(test, "_hypothesis_internal_use_settings", None)) is not None:
            fewer = settings(own, max_examples=max(LEAST, own.max_examples // FEWER))
            test._hypothesis_internal_use_settings = fewer
    machines: set[Any] = {getattr(item, "cls", None) for item in items}
    for machine in machines:
        if (own := getattr(machine, "settings", None)) is not None:
            machine.settings = settings(own, max_examples=max(LEAST, own.max_examples // FEWER))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for examples only in a file that has some, and not at all into a file of which nothing would be run.

    To look for examples takes half as long as to import a file, and those that are left out import the most.
    """
    found = yield
    if file_path.suffix != ".py" or ">>>" in (text := file_path.read_text(encoding="utf-8")):
        return found
    asked_for = parent.session.isinitpath(file_path)
    if parent.config.option.markexpr == QUICK and not asked_for and ALL_LEFT_OUT.search(text):
        return []
    return [one for one in found if not isinstance(one, DoctestModule)]


def pytest_collection() -> None:
    """Do not look for garbage where there is none: what is imported stays."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end anyway (modules, the tests), and call it seldom."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Count what is run only by those that are measured."""
    measuring.before(item)


@pytest.fixture
def hangs_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say that a thread hangs on purpose: the clock does not wait long for it."""
    monkeypatch.setattr("tests.fakes.clock.PATIENCE", 0.1)


@pytest.fixture(scope="session")
def storage() -> Iterator[Account]:
    """Give a storage account in Azurite; make each container's name your own."""
    script = find_azurite()
    if script is None:
        pytest.skip("AZURITE IS NOT INSTALLED: run npm ci")
    with azurite(script) as account:
        yield account
