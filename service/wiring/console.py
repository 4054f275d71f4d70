"""Builds the console over the history that the settings name."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.metadata import version

from service.console import Console, Door
from service.core.ports import Clock
from service.history import History
from service.settings import Settings
from service.wiring.recording import history_path


def build_console(
    settings: Settings, clock: Clock, resources: AsyncExitStack, announce: Callable[[str], None]
) -> Console | None:
    """Build the console, whose history `resources` closes; None if nobody wants it.

    `announce` is told the address that lets in once, which is a secret.
    """
    path, options = history_path(settings), settings.console
    if not options.enabled or path is None:
        return None
    history = History(path)
    resources.callback(history.close)
    door = Door(clock, options.token_file, options.session.total_seconds())
    return Console(
        lambda: history,
        clock,
        door,
        host=options.host,
        port=options.port,
        version=version("unwonted"),
        announce=announce,
    )
