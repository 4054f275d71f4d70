"""``unwonted outbox``: shows what could not be delivered, and sends it again, beside a running service or without."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click

from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, UNDELIVERED, config_option, fail, read_settings
from service.clock import SystemClock
from service.core.ports import Clock, ReadableDeadLetterStore
from service.delivery import Outstanding, Undelivered, outstanding, resend, resent
from service.settings import Settings
from service.sinks import KINDS, build_sink, clean
from service.wiring import build_dead_letters

sink_option = click.option("--sink", "sinks", multiple=True, help="Only what was for this sink; may be repeated.")
days_option = click.option(
    "--days", type=click.IntRange(min=1), default=7, show_default=True, help="How many days back to look."
)


class Sent(NamedTuple):
    """How many messages have arrived, how many have not; of these for a sink that is no more, of those not noted."""

    arrived: int
    left: int
    orphaned: int
    unnoted: int


@click.group()
def outbox() -> None:
    """See what could not be delivered, and send it again."""


@outbox.command(
    "list",
    short_help="List what could not be delivered.",
    epilog=ending(
        "0 done; 2 wrong usage or configuration, or the dead letter cannot be read",
        "outbox list --config unwonted.yaml",
        "outbox list --config unwonted.yaml --sink webhook --days 30 --json",
    ),
)
@config_option
@sink_option
@days_option
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with the whole message.")
def list_undelivered(path: Path | None, sinks: Sequence[str], days: int, as_json: bool) -> None:
    """List the messages in the dead letter that have not been delivered since, the oldest first.

    What still waits for its delivery is not among them: `unwonted state inspect` counts that.
    """
    found = _read(read_settings(path), sinks, days)
    for one in found.messages:
        click.echo(_as_json(one) if as_json else _line(one))
    if not as_json:
        click.echo(_summary(found), err=True)


@outbox.command(
    "retry",
    short_help="Send messages again by their ids, or all.",
    epilog=ending(
        f"0 all sent; {MISCONFIGURED} wrong usage or configuration, or nothing of that name is undelivered; "
        f"{UNDELIVERED} some are left",
        "outbox retry --config unwonted.yaml a3f09c5e1b7d2468",
        "outbox retry --config unwonted.yaml --all --sink webhook",
    ),
)
@config_option
@sink_option
@days_option
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.argument("ids", nargs=-1)
def retry_undelivered(path: Path | None, sinks: Sequence[str], days: int, everything: bool, ids: Sequence[str]) -> None:
    """Send messages again that are named by their ids, or by those of alerts in them.

    They are sent from here, under the ids that they had, so that a receiver knows one that it has had after all. A
    running service is not disturbed; that a message has arrived is noted in the dead letter.
    """
    if everything == bool(ids):
        fail("name the messages to send again, or say --all", MISCONFIGURED)
    settings = read_settings(path)
    chosen = [one for one in _read(settings, sinks, days).messages if everything or one.is_named(ids)]
    if not chosen and ids:
        fail("nothing of that name is undelivered: `unwonted outbox list` shows what is", MISCONFIGURED)
    sent = asyncio.run(send_again(settings, chosen))
    click.echo(f"{sent.arrived:,} sent, {sent.left:,} left", err=True)
    if sent.orphaned:
        click.echo(f"{sent.orphaned:,} of these are for a sink that is not configured, or not enabled", err=True)
    if sent.unnoted:
        note = "could not be noted in the dead letter: they will be listed again"
        click.echo(f"{sent.unnoted:,} of those sent {note}", err=True)
    sys.exit(UNDELIVERED if sent.left or sent.unnoted else 0)


async def send_again(settings: Settings, chosen: Sequence[Undelivered]) -> Sent:
    """Send messages to their sinks, one sink after the other, and note in the dead letter which have arrived."""
    clock, arrived, unnoted = SystemClock(), 0, 0
    wanted = Counter(one.sink for one in chosen)
    enabled = {name for name, one in settings.sinks.items() if one.enabled}
    async with AsyncExitStack() as resources:
        letters = _open(settings, clock, resources)
        for name in sorted(wanted.keys() & enabled):
            sink, pace = build_sink(name, settings.sinks[name], clock), KINDS[settings.sinks[name].kind].pace
            resources.push_async_callback(sink.close)
            async for one, receipt in resend(sink, pace, [one for one in chosen if one.sink == name], clock):
                click.echo(
                    f"{name} {one.message.id}: {receipt.outcome}" + f" ({receipt.reason})" * bool(receipt.reason)
                )
                if receipt.outcome == "sent":
                    arrived += 1
                    before = letters.written
                    await letters.write([resent(one)])
                    unnoted += letters.written == before
    orphaned = sum(count for name, count in wanted.items() if name not in enabled)
    return Sent(arrived, len(chosen) - arrived, orphaned, unnoted)


def _open(settings: Settings, clock: Clock, resources: AsyncExitStack) -> ReadableDeadLetterStore:
    letters = build_dead_letters(settings, clock, resources)
    if letters is None:
        fail("dead_letter.kind is none: what could not be delivered is counted, and not kept", MISCONFIGURED)
    return letters.undelivered


def _read(settings: Settings, sinks: Sequence[str], days: int) -> Outstanding:
    return asyncio.run(_stored(settings, sinks, days))


async def _stored(settings: Settings, sinks: Sequence[str], days: int) -> Outstanding:
    clock = SystemClock()
    async with AsyncExitStack() as resources:
        letters = _open(settings, clock, resources)
        try:
            entries = await letters.read(clock.now() - timedelta(days=days))
        except OSError as error:
            fail(f"the dead letter cannot be read: {error.strerror or error}", MISCONFIGURED)
    return outstanding(one for one in entries if not sinks or one.get("sink") in sinks)


def _line(one: Undelivered) -> str:
    alerts = ", ".join(f"{alert}.{revision}" for alert, revision in one.message.alerts[:3])
    more = f" and {len(one.message.alerts) - 3:,} more" if len(one.message.alerts) > 3 else ""
    reason = f" ({clean(one.reason, 60)})" if one.reason else ""
    told = "" if alerts == one.message.id else f"  alerts {alerts}{more}"
    return f"{one.written[:19]}Z  {clean(one.sink, 40)}  {one.message.id}  {one.fate}{reason}{told}"


def _as_json(one: Undelivered) -> str:
    row = {**one._asdict(), "message": one.message.id, "alerts": one.message.alerts}
    row |= {"content_type": one.message.content_type, "body": one.message.body.decode("utf-8", "replace")}
    return json.dumps(row, ensure_ascii=False)


def _summary(found: Outstanding) -> str:
    listed = f"; {found.listed:,} more alerts are listed there, and cannot be sent again" if found.listed else ""
    return f"{len(found.messages):,} undelivered{listed}"
