"""What became of expectations, as values: whether each held, and if not, why."""

from typing import NamedTuple


class CheckedExpectation(NamedTuple):
    """One expectation: what it is, and why it did not hold; empty if it did."""

    title: str
    failure: str = ""


class Played(NamedTuple):
    """One test: the file and the name of it, its expectations in their order, and why it could not be played."""

    file: str
    name: str
    checked: tuple[CheckedExpectation, ...] = ()
    error: str = ""

    @property
    def held(self) -> bool:
        """Whether it was played and all of it held."""
        return not self.error and not any(one.failure for one in self.checked)
