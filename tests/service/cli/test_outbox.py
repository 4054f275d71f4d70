"""What could not be delivered is listed, and sent again, as people ask for it; a running service is not needed."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import unused_port
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry

from service.cli.commands import main
from service.clock import SystemClock
from service.core.outbox import Outbox, Undeliverable
from service.core.ports import Rendered
from service.delivery.dispatcher import Dispatcher, Route
from service.delivery.undeliverable import UntoldAlert, UntoldList
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.settings.reading import load
from service.sinks.registry import build_sink
from service.storage.dead_letter import FileDeadLetterStore
from service.telemetry import Telemetry
from service.wiring import build_dead_letters, build_undeliverable_writer
from tests.fakes.alerts import alert
from tests.fakes.clock import settle
from tests.fakes.receiver import Reply, receiving


def config(folder: Path, **sections: Any) -> Path:
    whole = {
        "snapshots": {"path": str(folder / "state")},
        "dead_letter": {"path": str(folder / "rejects.ndjson")},
        "sinks": {
            "screen": {"kind": "stdout", "format": "ndjson"},
            "away": {"kind": "webhook", "url": f"http://127.0.0.1:{unused_port()}/", "allow_private": True},
            "off": {"kind": "stdout", "enabled": False},
        },
        **sections,
    }
    path = folder / "unwonted.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def keep(folder: Path, *letters: Undeliverable | UntoldAlert | UntoldList) -> None:
    store = FileDeadLetterStore(folder / "rejects-undelivered.ndjson", SystemClock())
    asyncio.run(store.write([letter.entry() for letter in letters]))


def given_up(sink: str, number: int) -> Undeliverable:
    told = ((alert(number).id, 1),)
    return Undeliverable(sink, Rendered(f"m{number}", told, f'{{"n":{number}}}\n'.encode()), "refused", "http_400", 1)


def unwonted(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["outbox", *[str(one) for one in arguments]])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_nothing_undelivered_is_no_line(tmp_path: Path) -> None:
    result = unwonted("list", "--config", config(tmp_path))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 undelivered\n")
    again = unwonted("retry", "--all", "--config", config(tmp_path))
    assert (again.exit_code, again.stderr) == (0, "0 sent, 0 left\n")


def test_what_is_undelivered_is_a_line_with_sink_id_and_reason(tmp_path: Path) -> None:
    keep(tmp_path, given_up("screen", 1), given_up("away", 2), UntoldAlert("screen", alert(3)))
    keep(tmp_path, UntoldList("screen", [alert(number) for number in range(4, 104)]))
    settings = config(tmp_path)

    result = unwonted("list", "--config", settings)

    first, second, third = result.stdout.splitlines()
    assert first.split("  ")[1:] == ["screen", "m1", "refused (http_400)", f"alerts {alert(1).id}.1"]
    assert second.split("  ")[1:3] == ["away", "m2"]
    assert third.split("  ")[2:] == [f"{alert(3).id}.1", "digested (too many at once)"]
    assert "3 undelivered; 100 more alerts are listed there" in result.stderr
    assert len(unwonted("list", "--sink", "away", "--config", settings).stdout.splitlines()) == 1
    rows = [json.loads(line) for line in unwonted("list", "--json", "--config", settings).stdout.splitlines()]
    assert [row["body"] for row in rows[:2]] == ['{"n":1}\n', '{"n":2}\n']


def test_what_is_named_is_sent_again_as_it_was_and_is_undelivered_no_more(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, given_up("screen", 1), given_up("screen", 2))
    settings = config(tmp_path)

    result = unwonted("retry", alert(1).id, "--config", settings)

    assert (result.exit_code, result.stderr) == (0, "1 sent, 0 left\n")
    assert '{"n":1}' in result.stdout + capfd.readouterr().out
    assert unwonted("list", "--config", settings).stdout.count("\n") == 1
    assert unwonted("retry", "m2", "--config", settings).exit_code == 0
    assert unwonted("list", "--config", settings).stdout == ""


def test_what_does_not_arrive_stays_and_is_said(tmp_path: Path) -> None:
    keep(tmp_path, given_up("away", 1), given_up("away", 2), given_up("gone", 3), given_up("off", 4))
    settings = config(tmp_path)

    result = unwonted("retry", "--all", "--config", settings)

    assert result.exit_code == 3
    assert "away m1: retry (connection)\n" in result.stdout
    assert "m2" not in result.stdout
    assert result.stderr.splitlines() == [
        "0 sent, 4 left",
        "2 of these are for a sink that is not configured, or not enabled",
    ]
    assert len(unwonted("list", "--config", settings).stdout.splitlines()) == 4


@pytest.mark.parametrize("status", [400, 413, 418])
async def test_what_a_receiver_refuses_is_kept_whole_and_reaches_it_once_it_takes_it(
    tmp_path: Path, status: int
) -> None:
    async with receiving([Reply(status), Reply(200)]) as receiver:
        hook = {"kind": "webhook", "url": receiver.url, "allow_private": True}
        path = config(tmp_path, sinks={"hook": hook})
        settings, clock = load(path, {}), SystemClock()
        async with AsyncExitStack() as resources:
            telemetry = Telemetry(Metrics(CollectorRegistry()), Health())
            writer = build_undeliverable_writer(build_dead_letters(settings, clock, resources), settings, telemetry)
            sink = build_sink("hook", settings.sinks["hook"], clock)
            dispatcher = Dispatcher(
                Outbox(),
                [Route(sink)],
                clock=clock,
                jitter=lambda: 1.0,
                on_settled=settle,
                observer=telemetry.emit,
                undeliverable=writer,
            )
            dispatcher.submit([alert(1)])
            dispatcher.wake()
            delivering = asyncio.ensure_future(dispatcher.run())
            await settle()
            assert await dispatcher.flush(60.0) == 0
            await delivering
            await sink.close()
        listed = await asyncio.to_thread(unwonted, "list", "--config", path)
        assert f"refused (http_{status})" in listed.stdout
        retried = await asyncio.to_thread(unwonted, "retry", alert(1).id, "--config", path)
    assert (retried.exit_code, retried.stdout) == (0, f"hook {alert(1).id}.1: sent (http_200)\n")
    first, second = receiver.heard
    assert first.body == second.body
    assert first.headers["content-type"] == second.headers["content-type"]


@pytest.mark.parametrize("arguments", [[], ["--all", "m1"]])
def test_what_is_to_be_sent_again_has_to_be_said(tmp_path: Path, arguments: list[str]) -> None:
    result = unwonted("retry", *arguments, "--config", config(tmp_path))
    assert (result.exit_code, result.stderr) == (2, "name the messages to send again, or say --all\n")


def test_a_name_that_is_not_there_is_said(tmp_path: Path) -> None:
    keep(tmp_path, given_up("screen", 1))
    result = unwonted("retry", "m7", "--config", config(tmp_path))
    assert result.exit_code == 2
    assert "nothing of that name" in result.stderr


def test_without_a_dead_letter_there_is_nothing_to_show(tmp_path: Path) -> None:
    for arguments in (["list"], ["retry", "--all"]):
        result = unwonted(*arguments, "--config", config(tmp_path, dead_letter={"kind": "none"}))
        assert result.exit_code == 2
        assert "dead_letter.kind is none" in result.stderr


def test_a_dead_letter_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "rejects-undelivered.ndjson").mkdir()
    result = unwonted("list", "--config", config(tmp_path))
    assert result.exit_code == 2
    assert "cannot be read: Is a directory" in result.stderr
