"""The demo's course of events: fill the hub with history, let the service learn it, go live, sum up.

Every part is real and stands elsewhere; only the calendar is not the world's. How things look is `demo.show`'s, how
well it went is `demo.score`'s to say.
"""

import asyncio
import base64
import secrets
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, takewhile

from azure.eventhub.aio import EventHubProducerClient

from demo.afterwards import tries
from demo.blackout import Blackout, Noticed, is_notice, patience, planned, read_notice
from demo.compressed import CompressedClock
from demo.dashboards import Recording, draw_all
from demo.first_day import first_day, lines
from demo.hub import EmbeddedHub
from demo.judged import read_judged
from demo.launch import (
    Ports,
    Scrape,
    ServiceEnded,
    ServiceProcess,
    configuration,
    emptied,
    free_port,
    thresholds,
    without_places,
)
from demo.options import Options
from demo.produce import Message, produce
from demo.receiver import SIGNATURE_TOLERANCE, Receiver
from demo.score import Told, read_event, score
from demo.screenshot import screenshot
from demo.show import Terminal, bar, compression, counted, rarity
from demo.summary import Learnt, judge, sum_up
from demo.tenant import Tenant
from models.detectors import DETECTORS

TICK = timedelta(minutes=15)
AFTERMATH = timedelta(hours=1)
"""How long the calendar runs on behind the last day: records need minutes to arrive."""
PATIENCE = 60.0
LOOK_EVERY = 0.1
"""Real seconds between two looks at the metrics: a quarter of an hour of the calendar, or less."""


class Play:
    """One performance.

    Parameters
    ----------
    options
        What to play.
    terminal
        Where to show it.
    """

    def __init__(self, options: Options, terminal: Terminal) -> None:
        self._options = options
        self._terminal = terminal
        self._tenant = Tenant(options.plan)
        self._begins = options.plan.start + timedelta(days=options.history)
        self._ends = options.plan.end + AFTERMATH
        self._rate = TICK.total_seconds() / options.tick
        self._clock = CompressedClock(self._begins)
        self._told: list[Told] = []
        self._looked_at = 0
        self._recording = Recording()

    async def run(self) -> bool:
        """Play; returns whether everything worked."""
        options, clock = self._options, self._clock
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        hub = EmbeddedHub(clock=clock, partitions=options.plan.partitions)
        receiver = Receiver(
            free_port(options.page_port), secret=secret, tolerance=SIGNATURE_TOLERANCE * self._rate, clock=clock
        )
        folder = emptied(options.folder)
        async with hub, receiver:
            ports = Ports(free_port(options.metrics_port), free_port(options.console_port))
            config = {
                **configuration(folder, hub.connection_string, receiver, secret, ports, options.threshold),
                "notices": {"after": f"{patience(self._rate).total_seconds():.0f}s"},
            }
            blackout = Blackout(hub, clock, planned(options, self._begins, self._ends, self._rate))
            service = ServiceProcess(folder, config, self._begins)
            self._introduce(hub, receiver, service)
            async with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
                filled, following = await self._fill(hub, producer, self._tenant.messages())
                async with service:
                    learned = await self._learn(service, filled)
                    scrape = await self._live(service, producer, receiver, following, blackout)
                    result = score(self._tenant.campaigns, self._told, read_judged(service.judged))
                    needed, identities = thresholds(options.threshold), len(self._tenant.identities)
                    sum_up(self._terminal, result, needed, learned, identities, options.live)
                    blind = blackout.verdict(receiver.received)
                    worked = judge(self._terminal, result, self._told, receiver.received, scrape, blind)
                    service.pace(clock.run(1.0))
                    await self._compare()
                    await self._draw()
                    await self._stay(receiver, service)
                    code = await service.stop()
            self._terminal.check(code == 0, f"the service ended in order when told to (exit code {code})")
        for line in tries(options.folder, self._told, options.live, served_at=None):
            self._terminal.say(line)
        return worked and code == 0

    def _introduce(self, hub: EmbeddedHub, receiver: Receiver, service: ServiceProcess) -> None:
        options, say = self._options, self._terminal.say
        kinds = Counter(who.kind.replace("_", " ") for who in self._tenant.identities)
        self._terminal.title("Unwonted, on a simulated Azure tenant")
        people = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        say(f"  tenant    {len(self._tenant.identities)} identities: {people}")
        attacks, live = counted(options.attacks, "attack"), counted(options.live, "live day")
        say(f"            {attacks}, planted in {live}, none in the history")
        say(f"  hub       Event Hubs protocol (AMQP 1.0) on port {hub.port}, {options.plan.partitions} partitions")
        say("  service   the real one, in its own process, reading with the azure-eventhub SDK;")
        for name, threshold in thresholds(options.threshold).items():
            meant = "whatever is listed" if DETECTORS[name].declaration.always else rarity(threshold)
            say(f"            {name} alerts from a score of {threshold:g} on: {meant}")
        say(f"            off, for want of a geographic database: {', '.join(without_places())}")
        say(f"  metrics   {service.metrics_url}")
        say(f"  console   {service.console_url}   who did what, and why that is unusual")
        say(f"  page      {receiver.page_url}   the alerts as Teams and Slack show them")

    async def _fill(
        self, hub: EmbeddedHub, producer: EventHubProducerClient, messages: Iterator[Message]
    ) -> tuple[int, Iterator[Message]]:
        """Put what came before the live days into the hub; return how many messages, and what comes then."""
        self._terminal.title(f"Learning from {self._options.history} days of history")
        number = 0
        recent: list[Message] = []
        following: Iterator[Message] = iter(())
        for message in messages:
            moment, partition, body = message
            if moment >= self._begins:
                following = chain([message], messages)
                break
            if moment >= self._begins - timedelta(hours=1):
                recent.append(message)
                continue
            hub.append(partition, body, enqueued_time=moment)
            number += 1
            if number % 500 == 0:
                self._terminal.status(f"  filling the hub: {number:,} messages")
                await self._clock.sleep(0)
        # The last hour is sent, not put there, so that the links are open when time begins to run.
        return number + await produce(recent, producer, self._clock), following

    async def _learn(self, service: ServiceProcess, messages: int) -> Learnt:
        """Wait until the history has been read."""
        clock, began, records_then = self._clock, 0.0, 0.0
        waiting_since = clock.elapsed()
        while True:
            scrape = await service.scrape()
            applied = scrape.total("unwonted_messages_total") if scrape else 0.0
            records = scrape.total("unwonted_records_total") if scrape else 0.0
            now = clock.elapsed()
            if not applied and now - waiting_since > PATIENCE:
                raise ServiceEnded(f"nothing has been read in {PATIENCE:.0f} s")
            if applied and not began:
                began, records_then = now, records
            speed = (records - records_then) / (now - began) if began and now > began else 0.0
            if began:
                self._terminal.status(f"  {bar(applied / messages)} {records:,.0f} records   {speed:,.0f} a second")
            else:
                self._terminal.status("  the service is starting")
            if applied >= messages:
                break
            await clock.sleep(0.2)
        self._terminal.say(f"  {records:,.0f} records in {messages:,} messages, {speed:,.0f} records a second")
        return Learnt(int(records), speed)

    async def _live(
        self,
        service: ServiceProcess,
        producer: EventHubProducerClient,
        receiver: Receiver,
        following: Iterator[Message],
        blackout: Blackout,
    ) -> Scrape | None:
        """Let the calendar run to its end and the outbox empty itself; return the last look at the metrics."""
        options, clock, terminal = self._options, self._clock, self._terminal
        terminal.title(
            f"Live: {counted(options.live, 'day')}, 15 minutes in {options.tick:g} s, an evaluation every 15 minutes"
        )
        terminal.say(f"  console   {service.entrance}")
        service.pace(clock.run(self._rate))
        noted, scrape, over = self._begins, None, 0.0
        due = takewhile(lambda message: message[0] < self._ends, following)
        sending = asyncio.create_task(produce(due, producer, clock))
        try:
            while True:
                moment, looked = clock.now(), await service.scrape()
                if looked is not None:
                    scrape = looked
                    self._recording.add(moment, looked.text)
                if happens := blackout.step(self._show_news(receiver)):
                    terminal.say(f"  {clock.now():%a %H:%M}  {happens}")
                terminal.status(self._status(scrape))
                if clock.now() - noted >= timedelta(hours=12) and not terminal.live:
                    noted = clock.now()
                    terminal.say(self._status(scrape))
                if sending.done() and clock.now() > self._ends + 2 * TICK:
                    over = over or clock.elapsed()
                    if (blackout.over and not _waiting(scrape)) or clock.elapsed() - over > PATIENCE:
                        break
                await clock.sleep(LOOK_EVERY)
            await sending
        finally:
            sending.cancel()
        self._show_news(receiver)
        terminal.status("")
        return scrape

    def _status(self, scrape: Scrape | None) -> str:
        if scrape is None:
            return ""
        records, behind = scrape.total("unwonted_records_total"), scrape.total("unwonted_consumer_lag_messages")
        alerts = len({told.id for told in self._told})
        return f"  {self._clock.now():%a %d %b %H:%M}   {records:,.0f} records   {behind:.0f} behind   {alerts} alerts"

    def _show_news(self, receiver: Receiver) -> list[Noticed]:
        """Show what has come since the last time; return the notices among it."""
        notices: list[Noticed] = []
        for entry in receiver.received[self._looked_at :]:
            if entry.kind != "webhook" or not entry.shown or not isinstance(entry.payload, dict):
                continue
            if is_notice(entry.payload):
                notices.append(read_notice(entry.payload))
                self._terminal.notice(notices[-1], self._rate)
            else:
                self._told.append(read_event(entry.payload))
                self._terminal.card(self._told[-1])
        self._looked_at = len(receiver.received)
        return notices

    async def _compare(self) -> None:
        self._terminal.title("The first day of a smaller tenant, with nothing learnt and after `unwonted learn`")
        options = self._options
        for line in lines(await first_day(options.seed, options.identities, options.attacks)):
            self._terminal.say(line)
        self._terminal.say()

    async def _draw(self) -> None:
        try:
            paths, source = await draw_all(self._recording, self._options.pictures, compression(self._rate))
        except ImportError as error:
            self._terminal.say(f"  dashboards were not drawn: {error}")
            return
        self._terminal.say(f"  dashboards, drawn from {source}:")
        for path in paths:
            self._terminal.say(f"            {path}")
        self._terminal.say(f"            {compression(self._rate)}, so ages look long, rates low")

    async def _stay(self, receiver: Receiver, service: ServiceProcess) -> None:
        options, say = self._options, self._terminal.say
        if options.screenshot:
            problem = await screenshot(receiver.page_url, options.screenshot)
            say(f"  picture   {problem or options.screenshot}")
        if not options.keep:
            say("  console, page and metrics end here; --keep keeps them until Ctrl-C")
            return
        say()
        say(f"  console   {service.entrance}")
        say(f"  page      {receiver.page_url}")
        say(f"  metrics   curl -s {service.metrics_url} | grep ^unwonted_")
        say("  Ctrl-C ends it all.")
        for line in tries(options.folder, self._told, options.live, served_at=service.console_url):
            say(line)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()


def _waiting(scrape: Scrape | None) -> bool:
    return scrape is None or scrape.total("unwonted_outbox_messages") > 0
