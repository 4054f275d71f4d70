"""Serves the job's metrics and probes from its driver, beside the stream: a thread with an event loop of its own."""

import asyncio
import threading
from concurrent.futures import Future

from prometheus_client import CollectorRegistry

from service.monitoring import Health, HttpServer

STARTED_WITHIN = 10.0
"""Seconds in which it listens, or is refused."""


class MetricsPort:
    """Listens until it is closed.

    Parameters
    ----------
    registry
        What to show as metrics.
    health
        What to show as health.
    port
        Where to listen; 0 takes any that is free.

    Attributes
    ----------
    port
        Where it listens.

    Raises
    ------
    OSError
        The port is taken.
    """

    def __init__(self, registry: CollectorRegistry, health: Health, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = HttpServer(health, registry, host="0.0.0.0", port=port)  # noqa: S104 - who scrapes is elsewhere
        self._thread = threading.Thread(target=self._loop.run_forever, name="metrics", daemon=True)
        self._thread.start()
        starting: Future[int] = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop)
        try:
            self.port = starting.result(STARTED_WITHIN)
        except OSError:
            self._end()
            raise

    def close(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(STARTED_WITHIN)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STARTED_WITHIN)
        self._loop.close()
