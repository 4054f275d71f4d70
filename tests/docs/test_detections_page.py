"""What the detection engineers' page shows of the command line is what the command line shows now."""

import re

from models.detectors import DETECTORS
from service.settings import Settings
from service.wiring import detectors_off
from tests.docs.pages import text_of

SAMPLE = re.compile(
    r"^in 28 days of .* identities, thresholds (.*) \(without a budget\)\n.*?^```", re.MULTILINE | re.DOTALL
)
AGAIN = (
    "make the sample again: replay what "
    "`python -m demo.tenant --seed 24 --identities 200 --days 35 --campaigns 10 --campaigns-from 20` writes"
)


def test_the_table_of_thresholds_is_of_the_detectors_and_the_thresholds_that_there_are() -> None:
    settings = Settings()
    off = {*detectors_off(settings, None), *(name for name, kind in DETECTORS.items() if kind.declaration.always)}
    on = {name: f"{one.threshold:g}" for name, one in sorted(settings.detectors.items()) if name not in off}
    shown = SAMPLE.search(text_of("docs/detections.md"))
    assert shown, AGAIN
    assert dict(word.split() for word in shown[1].split(", ")) == on, AGAIN
    heads = [line.split() for line in shown[0].splitlines() if line.startswith(("threshold ", "budget "))]
    assert [head[1 : 1 + len(on)] for head in heads] == [list(on)] * 2, AGAIN
