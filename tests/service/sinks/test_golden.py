"""What each sink makes of an alert, byte for byte; `UPDATE_GOLDEN=1 pytest` writes the files anew, to be reviewed."""

import io
import json
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.core.alerting.alerts import Alert
from service.core.notices import GapKind
from service.core.ports import Sink
from service.sinks.content.alert_content import Links
from service.sinks.slack.sink import SlackSink
from service.sinks.stdout.sink import StdoutSink
from service.sinks.teams.sink import TeamsSink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.alerts import HOSTILE_NAMES, SUBSCRIPTION, alert, finding, outage
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.notices import notice

GOLDEN = Path(__file__).parent / "golden"
LINKS = Links(
    workspace=f"{SUBSCRIPTION}/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/soc",
    runbook_url="https://wiki.contoso.com/runbooks/{detector}?from=unwonted",
)
URL = SecretStr("https://unused.example")

SINKS: dict[str, Callable[[], Sink]] = {
    "teams": lambda: TeamsSink("teams", URL, clock=FakeClock(), links=LINKS),
    "slack": lambda: SlackSink("slack", URL, clock=FakeClock(), links=LINKS),
    "webhook": lambda: WebhookSink("webhook", URL, clock=FakeClock(), links=LINKS),
    "card": lambda: StdoutSink("card", io.BytesIO(), links=LINKS),
    "ndjson": lambda: StdoutSink("ndjson", io.BytesIO(), style="ndjson", links=LINKS),
}


def hostile_once(name: str, number: int) -> Alert:
    told = finding(
        action_name=name, why=f"Never seen from {name}.", resources=(name,), addresses=(name,), results=(name,)
    )
    return alert(number, actor_name=name).model_copy(update={"findings": (told,)})


CASES: dict[str, Sequence[Alert]] = {
    "ordinary": [alert()],
    "update": [alert(2, revision=3, findings=2)],
    "outage": [outage(1)],
    "outage-digest": [outage(1), alert(2)],
    "digest": [alert(number) for number in range(1, 7)],
    **{
        f"hostile-{name}": [hostile_once(HOSTILE_NAMES[name], 1)]
        for name in ("slack_mention", "markdown", "html", "json", "template", "bidi", "control", "kql", "empty")
    },
}
NOTICES = {
    "notice-opened": notice(),
    "notice-updated": notice(revision=2, stage="updated", partitions=("2", "3")),
    "notice-closed": notice(revision=3, stage="closed", until=MONDAY_MORNING + timedelta(hours=5), late_records=1_204),
    "notice-behind": notice(kind=GapKind.BEHIND, partitions=tuple(map(str, range(32))), late_records=90),
    "notice-late": notice(kind=GapKind.LATE, late_records=90, unjudged_records=3),
    "notice-lost": notice(kind=GapKind.LOST, lost_messages=1, may_alerts_still_come=False),
}


@pytest.mark.parametrize("case", NOTICES)
@pytest.mark.parametrize("kind", SINKS)
def test_the_notice_is_what_was_reviewed(kind: str, case: str) -> None:
    message = SINKS[kind]().render_notice(NOTICES[case])
    compare(kind, case, f"# {message.id} {message.content_type}\n{readable(message.body)}")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", SINKS)
def test_the_message_is_what_was_reviewed(kind: str, case: str) -> None:
    messages = SINKS[kind]().render(CASES[case])
    got = "".join(f"# {message.id} {message.content_type}\n{readable(message.body)}" for message in messages)
    compare(kind, case, got)


def compare(kind: str, case: str, got: str) -> None:
    file = GOLDEN / f"{kind}-{case}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(got, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == got


def test_no_golden_file_is_left_over() -> None:
    cases = [*CASES, *NOTICES]
    assert {file.stem for file in GOLDEN.iterdir()} == {f"{kind}-{case}" for kind in SINKS for case in cases}


@pytest.mark.parametrize("kind", SINKS)
def test_equal_alerts_give_equal_bytes_in_whatever_order(kind: str) -> None:
    alerts = [alert(number) for number in range(1, 12)]
    forward, backward = SINKS[kind]().render(alerts), SINKS[kind]().render(alerts[::-1])
    assert sorted(forward) == sorted(backward)
    assert sorted(told for message in forward for told in message.alerts) == [(a.id, 1) for a in alerts]
    assert len({message.id for message in forward}) == len(forward)


@pytest.mark.parametrize("kind", SINKS)
def test_a_new_revision_is_a_new_message_and_says_update(kind: str) -> None:
    [first] = SINKS[kind]().render([alert()])
    [second] = SINKS[kind]().render([alert(revision=2)])
    assert first.id != second.id
    assert b"pdate" not in first.body
    assert b"pdate" in second.body


@pytest.mark.parametrize("kind", SINKS)
def test_nothing_to_tell_is_no_message(kind: str) -> None:
    assert SINKS[kind]().render([]) == []


@pytest.mark.parametrize("kind", ["teams", "slack", "card"])  # machines are told exactly what was logged
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_no_hidden_character_reaches_a_reader(kind: str, name: str) -> None:
    for message in SINKS[kind]().render([hostile_once(name, 1)]):
        text = message.body.decode()
        assert not any(hidden in text for hidden in "\x00\x07\x1b\r\u202e\u2066\u200b\u2028\ud800")


def readable(body: bytes) -> str:
    text = body.decode()
    if not text.startswith("{"):
        return text
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
