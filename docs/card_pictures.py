"""``python -m docs.card_pictures``: a picture of the cards for their page, as Teams and Slack show them, with Chromium.

They are made again when the cards have changed; nothing compares them. What is sent is made up.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.receiver import Receiver
from demo.screenshot import screenshot
from models.statistics import Severity
from models.stream import ActorKind
from service.clock import SystemClock
from service.core.alerting import Alert, sample_alert
from service.core.verdicts import FollowUps, VerdictKind, Verdicts, verdict_on
from service.sinks import KINDS, build_sink

FILE = Path(__file__).parent / "images" / "cards.png"
NIGHT = datetime(2026, 3, 2, 3, 7, tzinfo=UTC)
GROUP = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/payments-prod"
CONSOLE = "https://unwonted.contoso.example"
WIDTH, HEIGHT = 1280, 780


def burst() -> Alert:
    """Return the third alert of an incident: somebody who takes over machines."""
    [sample] = sample_alert(NIGHT).findings
    told = [
        sample.model_copy(
            update={
                "id": f"{number:016x}",
                "title": "Action unusual for this identity",
                "action": operation.casefold(),
                "action_name": operation,
                "resources": tuple(
                    f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-{3 * number + one}" for one in (1, 2, 3)
                ),
                "attempts": 3,
                "addresses": ("203.0.113.7",),
                "score": 96.0 - number,
                "severity": Severity.CRITICAL,
                "why": "Never in 212 active days, and by 2 of 312 identities ever; from a network that is new to it.",
                "mitre": ("TA0003/T1098",),
                "response": ("Ask the owner of deploy-ci whether this was a release.", "Rotate its secret if not."),
            }
        )
        for number, operation in enumerate(
            f"Microsoft.Compute/virtualMachines/{one}"
            for one in (
                "resetPassword/action",
                "runCommand/action",
                "extensions/write",
                "retrieveBootDiagnosticsData/action",
            )
        )
    ]
    return sample_alert(NIGHT).model_copy(
        update={
            "actor_id": "9f1c0000-0000-4000-8000-000000000001/0b1f6471-aaaa-4bbb-8ccc-000000000001",
            "actor_name": "deploy-ci",
            "actor_kind": ActorKind.SERVICE_PRINCIPAL,
            "score": 96.0,
            "severity": Severity.CRITICAL,
            "findings": tuple(told),
            "incident": "3f0c9a7d5b1e2468",
            "incident_place": 3,
        }
    )


async def draw() -> None:
    """Write the picture."""
    alert, at = burst(), NIGHT + timedelta(minutes=40)
    found = verdict_on(
        alert,
        VerdictKind.BENIGN,
        by="eve@contoso.com",
        at=at,
        why="the move to the new hosts, CHG-4711",
        takes_effect=NIGHT.replace(minute=0),
    )
    [told] = FollowUps().due(Verdicts([found]), {alert.id: alert}.get, at)
    async with Receiver() as receiver:
        for kind, url in (("teams", receiver.teams_url), ("slack", receiver.slack_url)):
            settings = KINDS[kind].settings.model_validate({"url": url, "allow_loopback": True})
            settings.lead_to(CONSOLE)
            sink = build_sink(kind, settings, SystemClock())
            for message in (*sink.render([alert]), sink.render_notice(told)):
                receipt = await sink.send(message)
                if receipt.outcome != "sent":
                    sys.exit(f"{kind}: {receipt.reason}")
            await sink.close()
        if problem := await screenshot(receiver.page_url, FILE, WIDTH, HEIGHT):
            sys.exit(problem)


if __name__ == "__main__":
    asyncio.run(draw())
