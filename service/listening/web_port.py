"""Serves an aiohttp application on a port, one request a connection, from starting to stopping within a second.

How connections are bounded is `listener`'s; what is answered, the application's.
"""

import logging
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from service.listening.listener import Listener

_log = logging.getLogger(__name__)


class WebPort:
    """An application, listening.

    Parameters
    ----------
    app
        What answers.
    host, port
        Where to listen; port 0 takes any that is free.
    option
        The option that names the port, for whoever reads why nobody listens there.
    """

    def __init__(self, app: web.Application, *, host: str, port: int, option: str) -> None:
        # One request a connection, which has its deadline: nobody keeps one open for the next.
        app.on_response_prepare.append(_close_afterwards)
        self._app = app
        self._host = host
        self._port = port
        self._option = option
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None

    async def start(self) -> int:
        """Begin to listen; returns the port.

        Raises
        ------
        OSError
            If the address is taken or not ours.
        """
        # An access log would bury everything else: probes come every few seconds.
        runner = web.AppRunner(self._app, access_log=None, logger=_log, shutdown_timeout=1.0)
        await runner.setup()
        # The runner has a server as soon as it has been set up.
        listener = Listener(cast("web.Server", runner.server), self._host, self._port)
        try:
            port = await listener.start()
        except OSError as error:
            await runner.cleanup()
            raise OSError(f"{self._option}: cannot listen on {self._host}:{self._port}: {error}") from error
        self._runner, self._listener = runner, listener
        return port

    async def stop(self) -> None:
        """Stop listening and finish the answers under way, within a second; no effect if it does not run."""
        if self._runner is not None and self._listener is not None:
            await self._listener.stop()
            await self._runner.cleanup()
            self._listener.drop()
            self._runner = self._listener = None


async def _close_afterwards(_: web.Request, response: web.StreamResponse) -> None:
    response.force_close()
    response.headers["Connection"] = "close"


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line is about something that we did wrong, rather than about a request that is none."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log.addFilter(_is_ours)
