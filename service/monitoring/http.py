"""Serves metrics and the probes: whether the process is alive, is ready, and has started.

`Health` holds what is wrong, as others have noted it; `HttpServer` shows it. Nothing here checks anything itself, and
nothing depends on Azure: a liveness probe that did would restart healthy processes during every outage of the cloud.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from service.core.ports import Clock
from service.listening import WebPort
from service.monitoring.metrics import STANDBY

Probe = Literal["startup", "ready", "live"]

PROBES: Mapping[str, Probe] = {
    "/healthz/live": "live",
    "/healthz/ready": "ready",
    "/healthz/startup": "startup",
}


class ProbeResult(NamedTuple):
    """Whether all is well; if not, the reason by component; and notes on what is wrong without failing the probe."""

    ok: bool
    reasons: Mapping[str, str]
    notes: Mapping[str, str] = {}


class Health:
    """What keeps the process from having started, or from being ready.

    Attributes
    ----------
    standby
        Whether it waits until another instance ends.

    Notes
    -----
    At first it has neither started nor is it ready. It is alive for as long as it answers, because the process ends
    when one of its tasks fails.

    Examples
    --------
    >>> health = Health()
    >>> health.note_restored()
    >>> health.note_partitions(owned=3, known=4)
    >>> health.result("ready")
    ProbeResult(ok=False, reasons={'partitions': '3 of 4 partitions claimed'}, notes={})
    """

    def __init__(self) -> None:
        self._wrong: dict[Probe, dict[str, str]] = {
            "startup": {"state": "not restored yet"},
            "ready": {"state": "not restored yet", "partitions": "none claimed yet"},
            "live": {},
        }
        self._notes: dict[str, str] = {}
        self.standby = False

    def result(self, probe: Probe) -> ProbeResult:
        """Return what `probe` has to answer."""
        if self.standby:
            # Ready for what it is there for; else no Deployment with a standby would ever count as available.
            return ProbeResult(ok=True, reasons={}, notes={"standby": "waits for the lease of another instance"})
        wrong = dict(self._wrong[probe])
        return ProbeResult(not wrong, wrong, dict(self._notes))

    def note_standby(self, *, waiting: bool) -> None:
        """Note whether this instance waits until another one ends; it is well then, and does nothing."""
        self.standby = waiting

    def note_restored(self) -> None:
        """Note that the state has been restored, or that there was none."""
        self._set("startup", "state", None)
        self._set("ready", "state", None)

    def note_learning(self) -> None:
        """Note that history is being learnt: the process has started, and is not ready until the state is restored."""
        self._set("startup", "state", None)
        self._set("ready", "state", "learning history")

    def note_partitions(self, *, owned: int, known: int) -> None:
        """Note how many of the hub's partitions this process reads; it is ready when it reads all of them."""
        complete = 0 < known <= owned
        self._set("ready", "partitions", None if complete else f"{owned} of {known} partitions claimed")

    def note_source(self, problem: str | None) -> None:
        """Note what is wrong with the connection to the hub; None if nothing is."""
        self._set("ready", "source", problem)

    def note_secret_files(self, problem: str | None) -> None:
        """Note what is wrong with the files that hold the sinks' secrets; None if nothing is."""
        self._set("ready", "secret files", problem)

    def note_snapshots(self, problem: str | None) -> None:
        """Note why no snapshot can be saved; None if one can."""
        self._set("ready", "snapshots", problem)

    def note(self, component: str, text: str | None) -> None:
        """Show something that is wrong without failing a probe; None when it no longer is."""
        if text is None:
            self._notes.pop(component, None)
        else:
            self._notes[component] = text

    def note_stopping(self) -> None:
        """Note that the process is shutting down: alive, but no longer ready."""
        self._set("ready", "process", "is shutting down")

    def _set(self, probe: Probe, component: str, problem: str | None) -> None:
        if problem is None:
            self._wrong[probe].pop(component, None)
        else:
            self._wrong[probe][component] = problem


class HttpServer:
    """Serves /metrics and /healthz/{live,ready,startup} on the loop that everything else runs on.

    That it is the same loop is the point: when the loop is stuck, the liveness probe gets no answer.

    Parameters
    ----------
    health
        What to show as health.
    registry
        What to show as metrics.
    host, port
        Where to listen; port 0 takes any that is free.
    """

    def __init__(self, health: Health, registry: CollectorRegistry, *, host: str, port: int) -> None:
        self._health = health
        self._registry = registry
        self._host = host
        self._port = port
        self._serving: WebPort | None = None
        self._serving_on = 0

    async def start(self) -> int:
        """Begin to listen, unless it does already; returns the port.

        Raises
        ------
        OSError
            If the address is taken or not ours.
        """
        if self._serving is None:
            app = web.Application()
            app.router.add_get("/metrics", self._metrics)
            for path in PROBES:
                app.router.add_get(path, self._probe)
            serving = WebPort(app, host=self._host, port=self._port, option="http.port")
            self._serving_on = await serving.start()
            self._serving = serving
        return self._serving_on

    async def stop(self) -> None:
        """Stop listening and finish the answers under way, within a second; no effect if it does not run."""
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        registry = STANDBY if self._health.standby else self._registry
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    async def _probe(self, request: web.Request) -> web.Response:
        result = self._health.result(PROBES[request.path])
        body = {"status": "ok" if result.ok else "failing", "reasons": dict(result.reasons)}
        if result.notes:
            body["notes"] = dict(result.notes)
        return web.json_response(body, status=200 if result.ok else 503, headers={"Cache-Control": "no-store"})


async def sample_loop_lag(clock: Clock, observe: Callable[[float], None], every: float = 1.0) -> None:
    """Tell `observe`, for ever, how many seconds later than asked for the event loop runs a task.

    Parameters
    ----------
    clock
        Sleeps, and times the sleep.
    observe
        Called with the lag in seconds, never negative.
    every
        Seconds between two samples.
    """
    while True:
        started = clock.elapsed()
        await clock.sleep(every)
        observe(max(0.0, clock.elapsed() - started - every))
