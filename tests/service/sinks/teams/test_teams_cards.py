"""Whether Microsoft's own card library finds anything to complain of."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from service.sinks.teams.sink import TeamsSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, hostile, outage
from tests.fakes.receiver import posts_to

BUNDLE = Path(__file__).parents[4] / "node_modules" / "adaptivecards" / "dist" / "adaptivecards.js"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("node") is None or not BUNDLE.exists(), reason="node or adaptivecards is absent"),
]


def test_microsoft_s_card_library_accepts_every_card(tmp_path: Path) -> None:
    sink = TeamsSink("team", posts_to("https://unused"))
    told = [[alert(findings=9)], [alert(number) for number in range(1, 1000)]]
    told += [[hostile(name), outage(2, name=name)] for name in HOSTILE_NAMES.values()]
    envelopes = [json.loads(message.body) for alerts in told for message in sink.render(alerts)]
    library = tmp_path / "adaptivecards.cjs"  # the package calls itself a module, its bundle is none
    shutil.copy(BUNDLE, library)
    script = Path(__file__).with_name("card.cjs")
    done = subprocess.run(
        [str(shutil.which("node")), script, library],
        input=json.dumps(envelopes),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [[] for _ in envelopes]
