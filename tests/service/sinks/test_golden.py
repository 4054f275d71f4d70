"""What each sink makes of an alert, byte for byte; `UPDATE_GOLDEN=1 pytest` Rewrites the files, to be reviewed."""

import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from service.core.alerting.alerts import Alert
from service.core.alerting.digest import digest
from service.core.notices import AnyNotice, GapKind
from service.core.verdicts.verdict import VerdictKind
from tests.fakes.alerts import HOSTILE_NAMES, alert, campaign, finding, outage, rollout
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.notices import hostile_verdict, notice, verdict_notice
from tests.service.sinks.kinds import SINKS

GOLDEN = Path(__file__).parent / "golden"


def hostile_once(name: str, number: int) -> Alert:
    told = finding(
        action_name=name, why=f"Never seen from {name}.", resources=(name,), addresses=(name,), results=(name,)
    )
    return alert(number, actor_name=name).model_copy(update={"findings": (told,)})


CASES: dict[str, Sequence[Alert]] = {
    "ordinary": [alert()],
    "update": [alert(2, revision=3, findings=2)],
    "incident": [alert(3, incident="a1e2700000000001", incident_place=3)],
    "outage": [outage(1)],
    "campaign": [campaign(1)],
    "rollout": [rollout(1)],
    "rollout-digest": [rollout(1), alert(2)],
    "outage-digest": [outage(1), alert(2)],
    "digest": [alert(number) for number in range(1, 7)],
    "flood": [digest([alert(number) for number in range(1, 1_141)])],
    **{
        f"hostile-{name}": [hostile_once(HOSTILE_NAMES[name], 1)]
        for name in ("slack_mention", "markdown", "html", "json", "template", "bidi", "control", "kql", "empty")
    },
}
NOTICES: dict[str, AnyNotice] = {
    **{f"verdict-{kind.value.replace('_', '-')}": verdict_notice(kind) for kind in VerdictKind},
    "verdict-for-kind": verdict_notice(for_kind=True, actions=("Microsoft.Sql/servers/write",)),
    **{
        f"verdict-hostile-{name}": hostile_verdict(HOSTILE_NAMES[name])
        for name in ("slack_mention", "markdown", "html", "json", "template", "bidi", "control", "empty")
    },
    "notice-opened": notice(),
    "notice-updated": notice(revision=2, stage="updated", partitions=("2", "3")),
    "notice-closed": notice(revision=3, stage="closed", until=MONDAY_MORNING + timedelta(hours=5), late_records=1_204),
    "notice-behind": notice(kind=GapKind.BEHIND, partitions=tuple(map(str, range(32))), late_records=90),
    "notice-late": notice(kind=GapKind.LATE, late_records=90, unjudged_records=3),
    "notice-late-subscription": notice(
        kind=GapKind.LATE, late_records=90, subscriptions=("0b1f6471-1bf0-4dda-aec3-111122223333",)
    ),
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


def readable(body: bytes) -> str:
    text = body.decode()
    if not text.startswith("{"):
        return text
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
