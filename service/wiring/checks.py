"""What is wrong with settings that are well written, as far as it shows without a network: files, mostly."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from service.core.ports import Clock
from service.options import read_secret
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

    No reason not to start: a driver may bring such a file later, and it is read again at each delivery.
    """
    found = {name: sink.file_problems() for name, sink in sorted(settings.sinks.items()) if sink.enabled}
    return {name: [f"sinks.{name}.{problem}" for problem in problems] for name, problems in found.items() if problems}


def unusable_sign_in_files(settings: Settings) -> list[str]:
    """Return which files of signing in to the console cannot be used now, a line each.

    No reason not to start either: nobody could enter until they can, and alerts need nobody to.
    """
    options = settings.sign_in
    if options.issuer is None or not settings.console.enabled:
        return []
    return [
        f"sign_in.{name}: {file}: {problem}"
        for name, check in _SIGN_IN_FILES.items()
        if (file := getattr(options, name)) is not None and (problem := check(file))
    ]


def _secret_problem(file: Path) -> str:
    try:
        secret = read_secret(None, file)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    return "" if secret and secret.get_secret_value() else "is empty"


def _authority_problem(file: Path) -> str:
    try:
        ssl.create_default_context().load_verify_locations(file)
    except ssl.SSLError:
        return "holds no certificate in PEM"
    except OSError as error:
        return error.strerror or str(error)
    return ""


_SIGN_IN_FILES: Mapping[str, Callable[[Path], str]] = {
    "client_secret_file": _secret_problem,
    "client_assertion_file": _secret_problem,
    "ca_file": _authority_problem,
}


def _lines(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except SettingsError as error:
        yield from error.lines
