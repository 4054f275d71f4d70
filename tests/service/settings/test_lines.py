"""Each mistake in the file is told with its line."""

from pathlib import Path

from service.sinks import KINDS
from tests.service.settings.test_settings import problems


def test_a_mistake_names_its_line_in_the_file_or_that_of_the_section_around_it(tmp_path: Path) -> None:
    text = """\ufeff# with a byte-order mark
http:
  port: many
sinks:
  soc:
    kind: stdot
  hook:
    kind: webhook
    url: http://example.com/
detectors:
  rare_action:
    options:
      half_live_days: 3
schedule:
  every: 5m
  prot: 1
"""
    assert [line.partition(";")[0] for line in problems(tmp_path, text)] == [
        "unwonted.yaml: line 3, http.port: should be a whole number",
        f"unwonted.yaml: line 6, sinks.soc.kind: should be one of {', '.join(KINDS)}",
        "unwonted.yaml: line 9, sinks.hook.url: should begin with https:// (http is for loopback only)",
        "unwonted.yaml: line 13, detectors.rare_action.options.half_live_days: no such option",
        "unwonted.yaml: line 16, schedule.prot: no such option",
    ]
    assert "; did you mean stdout?" in problems(tmp_path, text)[1]
