"""What is wrong with settings that are well written, as far as it shows without a network: files, mostly."""

from collections.abc import Callable, Iterator

from service.core.ports import Clock
from service.settings import Settings, SettingsError
from service.wiring.engine import open_geography
from service.wiring.history import require_sources
from service.wiring.source import source_options
from service.wiring.suppressions import open_suppressions


def refusals(settings: Settings, clock: Clock) -> list[str]:
    """Return why the service would not start, a line each, in the words in which it would say so."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: source_options(settings),
        lambda: open_geography(settings),
        lambda: open_suppressions(settings, clock),
        lambda: require_sources(settings.learn) if settings.learn.on_empty_state else None,
    )
    return [line for check in checks for line in _lines(check)]


def unusable_secret_files(settings: Settings) -> dict[str, list[str]]:
    """Return, by sink, which files with its secrets cannot be used now, a line each; only of sinks that have some.

    No reason not to start: a driver may bring such a file later, and it is read anew at each delivery.
    """
    found = {name: sink.file_problems() for name, sink in sorted(settings.sinks.items()) if sink.enabled}
    return {name: [f"sinks.{name}.{problem}" for problem in problems] for name, problems in found.items() if problems}


def _lines(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except SettingsError as error:
        yield from error.lines
