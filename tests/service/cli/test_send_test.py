"""``unwonted send-test``: what arrives, and what is said where it does not: sink, host, and what to look at."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from demo.receiver import Fault, Receiver
from service.cli.send_test import send_samples
from tests.fakes.clock import FakeClock
from tests.service.cli.test_commands import config, unwonted

TOKEN = "0verheard-in-the-canteen"


def sinks(receiver: Receiver) -> dict[str, Any]:
    return {
        "team": {"kind": "teams", "url": receiver.teams_url, "allow_loopback": True},
        "channel": {"kind": "slack", "url": receiver.slack_url, "allow_loopback": True},
        "hook": {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True},
    }


async def sent(tmp_path: Path, *arguments: str, faults: Sequence[str] = ()) -> tuple[Result, Receiver]:
    async with Receiver(clock=FakeClock()) as receiver:
        for kind in faults:
            receiver.fail(kind, Fault(404))  # type: ignore[arg-type]
        settings = config(tmp_path, sinks=sinks(receiver))
        result = await asyncio.to_thread(unwonted, "send-test", "--config", settings, *arguments)
        return result, receiver


async def test_send_test_reaches_every_sink(tmp_path: Path) -> None:
    result, receiver = await sent(tmp_path)
    assert result.exit_code == 0, result.stderr
    assert [len(receiver.of("teams")), len(receiver.of("slack")), len(receiver.of("webhook"))] == [1, 1, 1]
    assert result.stderr.splitlines()[0] == "channel: sent to 127.0.0.1 (http_200)"
    assert result.stderr.count(": sent") == 3


async def test_send_test_reaches_only_the_sink_that_was_named(tmp_path: Path) -> None:
    result, receiver = await sent(tmp_path, "--sink", "channel")
    assert result.exit_code == 0
    assert [entry.kind for entry in receiver.received] == ["slack"]


async def test_send_test_says_which_sink_did_not_take_it(tmp_path: Path) -> None:
    result, receiver = await sent(tmp_path, faults=["slack"])
    assert result.exit_code == 3
    assert result.stderr.splitlines()[0] == (
        "channel: broken: 127.0.0.1 will not take any message (http_404): the address is wrong or no longer valid: "
        "make a new webhook there, and put its address where sinks.channel.url has it from"
    )
    assert receiver.slack_url not in result.stderr
    unknown, _ = await sent(tmp_path, "--sink", "chanel")
    assert unknown.exit_code == 2
    assert "there are channel, hook, team" in unknown.stderr


def failing(tmp_path: Path, **options: Any) -> str:
    """Return what is said of a webhook that takes nothing, without what it says of the outcome."""
    whole = {"kind": "webhook", **options}
    result = unwonted("send-test", "--config", config(tmp_path, sinks={"hook": whole}), env={"NO_PROXY": "*"})
    assert (result.exit_code, result.stdout) == (3, "")
    assert TOKEN not in result.output
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (
            "127.0.0.1",
            "(connection): no connection: look at its port, firewalls and the network policy, and whether a ",
        ),
        ("no-such.invalid", "(dns): its name does not resolve from here: look at its spelling, DNS and the network "),
    ],
)
def test_a_receiver_out_of_reach_is_named_by_its_host_alone(tmp_path: Path, host: str, said: str) -> None:
    line = failing(tmp_path, url=f"https://{host}:9/{TOKEN}", allow_private=True)
    assert line.startswith(f"hook: not delivered to {host}; the service would try again {said}")


def test_an_address_that_may_not_be_connected_to_is_named_with_the_option_that_would_allow_it(tmp_path: Path) -> None:
    said = failing(tmp_path, url=f"https://127.0.0.1:9/{TOKEN}")
    assert said == (
        "hook: broken: 127.0.0.1 will not take any message (address_refused): its name leads to a private or loopback "
        "address, which sinks.hook.allow_private would allow"
    )


def test_a_file_of_a_secret_that_cannot_be_used_is_named_and_why(tmp_path: Path) -> None:
    gone, url = tmp_path / "gone", tmp_path / "url"
    said = failing(tmp_path, url_file=str(gone))
    assert said == (
        "hook: not delivered; the service would try again (url_unreadable): sinks.hook.url_file: "
        f"{gone}: No such file or directory"
    )
    url.write_text(f"http://{TOKEN}.example/{TOKEN}")
    said = failing(tmp_path, url_file=str(url))
    assert said.endswith(f": sinks.hook.url_file: {url}: should begin with https:// (http is for loopback only)")
    url.write_text(f"https://receiver.invalid/{TOKEN}")
    said = failing(tmp_path, url_file=str(url), secret_file=str(gone))
    assert said.startswith("hook: not delivered to receiver.invalid; the service would try again (secret_unreadable): ")
    assert said.endswith(f"sinks.hook.secret_file: {gone}: No such file or directory")
    said = failing(tmp_path, url_file=str(url), ca_file=str(gone))
    assert said.endswith(f"sinks.hook.ca_file: {gone}: No such file or directory")


def test_without_a_sink_that_is_enabled_there_is_nothing_to_send_to(tmp_path: Path) -> None:
    result = unwonted("send-test", "--config", config(tmp_path, sinks={"soc": {"kind": "stdout", "enabled": False}}))
    assert (result.exit_code, result.stderr) == (2, "no sink is enabled; there are soc: name one with --sink\n")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "hook: refused by 127.0.0.1 (http_400): it does not accept this message: look at its log, and "),
        (308, "hook: broken: 127.0.0.1 will not take any message (http_308): the address has moved: put the new one "),
    ],
)
async def test_what_a_receiver_answers_is_told_with_what_to_look_at(tmp_path: Path, status: int, said: str) -> None:
    async with Receiver(clock=FakeClock()) as receiver:
        receiver.fail("webhook", Fault(status), times=2)
        settings = config(tmp_path, sinks={"hook": sinks(receiver)["hook"]})
        result = await asyncio.to_thread(unwonted, "send-test", "--config", settings)
    assert result.exit_code == 3
    assert result.stderr.startswith(said), result.stderr


async def test_what_nobody_thought_of_is_one_line_and_the_next_sink_is_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings: Any = SimpleNamespace(sinks={"odd": object(), "strange": object()})
    assert not await send_samples(settings, ["odd", "strange"])
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        "odd: not sent, by a fault of this program",
        "strange: not sent, by a fault of this program",
    ]
