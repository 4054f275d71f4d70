"""Says whose run is measured: the tests of a package, but not those that are marked `slow`, unless `measured` as well.

Measuring takes a test two or three times its own time again, and one that plays weeks runs no line that a fast one
leaves out, with few exceptions; nor does the hundredth example of a property. So all run in the same processes, and
only some are measured.
"""

import functools
import os
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

import pytest

OWN = ("tests/models/", "tests/service/", "tests/golden/", "models/", "service/")
"""Where the tests of what is measured are."""
HANDED_DOWN = "COVERAGE_PROCESS_CONFIG"
"""With this in its environment, a process that a test starts measures itself."""


EXAMPLES = 25
"""Of a property only so many are measured."""


class Measure(Protocol):
    """What counts lines and branches: `coverage.Coverage`."""

    def start(self) -> None:
        """Go on."""

    def stop(self) -> None:
        """Rest."""


def is_measured(item: pytest.Item) -> bool:
    """Whether it shall count what a test runs."""
    if item.get_closest_marker("measured") is not None:
        return True
    return item.nodeid.startswith(OWN) and item.get_closest_marker("slow") is None


class Measuring:
    """Goes on where a test is measured, and rests where none is.

    Parameters
    ----------
    measure
        What was started with this process; None where nothing is measured.
    environment
        What processes inherit that a test starts.
    """

    def __init__(self, measure: Measure | None, environment: MutableMapping[str, str]) -> None:
        self._measure = measure
        self._goes_on = measure is not None
        self._environment = environment
        self._examples = 0

    def before(self, item: pytest.Item) -> None:
        """Go on or rest."""
        if self._measure is None:
            return
        if is_measured(item):
            self._examples = 0
            self._rest_after_some_examples(getattr(getattr(item, "obj", None), "hypothesis", None))
            self._go_on(self._measure)
        else:
            self._rest(self._measure)

    def _go_on(self, measure: Measure) -> None:
        if not self._goes_on:
            self._goes_on = True
            ending = os._exit
            measure.start()
            os._exit = ending  # `start` wraps it each time once more

    def _rest(self, measure: Measure) -> None:
        if self._goes_on:
            self._goes_on = False
            measure.stop()
            self._environment.pop(HANDED_DOWN, None)

    def _rest_after_some_examples(self, handle: Any) -> None:
        """Count the examples of a property of Hypothesis, which gives its `handle` to whoever wraps what it tries."""
        if handle is None or hasattr(handle.inner_test, "_counted"):
            return
        test: Callable[..., Any] = handle.inner_test

        @functools.wraps(test)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._examples += 1
            if self._examples > EXAMPLES and self._measure is not None:
                self._rest(self._measure)
            return test(*args, **kwargs)

        counted._counted = True  # type: ignore[attr-defined] # one function is several tests if it has parameters
        handle.inner_test = counted
