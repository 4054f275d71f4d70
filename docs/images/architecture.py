"""Draws where the data goes: the way of a record, written down here, and the detectors and sinks that there are."""

from html import escape
from typing import NamedTuple

from models.detectors import DETECTORS
from service.sinks import KINDS

GREY, BLUE, ORANGE = "#444444", "#0072b2", "#d55e00"
SAID = (
    "Azure Monitor writes to an Event Hub; one Unwonted process reads it, parses, collects cells, scores and learns, "
    "and alerts Teams, Slack and webhooks; its whole state is one snapshot"
)
SINKS = {
    "teams": ("Microsoft Teams", "Workflows webhook"),
    "slack": ("Slack", "incoming webhook"),
    "webhook": ("signed webhook", "CloudEvents, OCSF"),
    "email": ("email", "SMTP, text and HTML"),
    "template": ("template", "PagerDuty, Jira, …"),
    "event_hub": ("Event Hub", "CloudEvents, OCSF"),
    "sentinel": ("Microsoft Sentinel", "rows of a table"),
    "syslog": ("syslog", "CEF over TLS"),
    "stdout": ("standard output", "cards or JSON"),
}
"""What is written in the box of a kind of sink, from the top; one that is not here has its kind's name, at the end."""

HEAD = f'''\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 34 1060 400" role="img" font-family="sans-serif" font-size="13" \
aria-label="{SAID}">
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" \
orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{GREY}"/></marker></defs>
<rect width="1060" height="440" fill="#ffffff"/>
<rect x="205" y="50" width="650" height="260" rx="10" fill="#eef4fa" stroke="{BLUE}" stroke-width="1.5"/>
<text x="220" y="72" font-weight="bold" fill="{BLUE}">Unwonted: one process, one container</text>
<text x="180" y="194" text-anchor="middle" font-size="11" fill="#333333">AMQP</text>'''


class Box(NamedTuple):
    """A box with a title and lines below it; lengths are in the picture's own units, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...]
    fill: str = "#f6f6f6"
    stroke: str = GREY

    def drawn(self) -> str:
        """Return the box as SVG."""
        centre = f'x="{self.x + self.width / 2:g}" text-anchor="middle"'
        first = min(22, self.height // 2 - 2)
        second = self.y + first + min(18, self.height // 2 - 4)
        rows = [
            f'<text {centre} y="{second + 15 * row}" font-size="11" fill="#333333">{escape(line)}</text>'
            for row, line in enumerate(self.lines)
        ]
        place = f'x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}"'
        frame = f'<rect {place} rx="6" fill="{self.fill}" stroke="{self.stroke}" stroke-width="1.5"/>'
        title = f'<text {centre} y="{self.y + first}" font-weight="bold">{escape(self.title)}</text>'
        return "\n".join([frame, title, *rows])


def line(ends: tuple[int, int, int, int], *, dashed: bool = False, both: bool = False) -> str:
    """Return an arrow from (x, y) to (x, y)."""
    x1, y1, x2, y2 = ends
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    start = ' marker-start="url(#head)"' if both else ""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{GREY}" stroke-width="1.5"{dashes}{start} '
        'marker-end="url(#head)"/>'
    )


def architecture() -> str:
    """Return docs/images/architecture.svg.

    >>> all(name in architecture() for name in DETECTORS)
    True
    """
    white = {"fill": "#ffffff", "stroke": GREY}
    detectors = ("score, then learn", "", *DETECTORS)
    tall = 46 + 15 * len(detectors) + 15
    boxes = [
        Box(15, 60, 140, 66, "Azure Monitor", ("diagnostic setting", "3 to 20 minutes")),
        Box(15, 160, 140, 80, "Event Hub", ("4 partitions; each has", "records of everybody")),
        Box(225, 160, 105, 80, "parse", ("record by record,", "what is broken", "is salvaged"), **white),
        Box(350, 160, 115, 80, "operations", ("start and end", "joined; collected", "into cells"), **white),
        Box(485, 198 - tall // 2, 150, tall, "detectors", detectors, "#fff7ec", ORANGE),
        Box(655, 160, 95, 80, "alerts", ("every 15 minutes", "one an identity", "and window"), **white),
        Box(770, 160, 70, 80, "outbox", ("saved first,", "then sent"), **white),
        Box(470, 350, 180, 70, "snapshot", ("the whole state, positions too:", "file or Blob Storage")),
        Box(205, 350, 170, 70, "dead letter", ("redacted samples of what", "could not be read")),
        Box(705, 350, 170, 70, "Prometheus, Kubernetes", ("/metrics, /healthz/…", "no person in any label")),
    ]
    arrows = [line((85, 126, 85, 160)), line((155, 200, 225, 200))]
    arrows += [line((left, 200, right, 200)) for left, right in ((330, 350), (465, 485), (635, 655), (750, 770))]
    pitch = min(66, 380 // len(KINDS))
    for number, kind in enumerate(sorted(KINDS, key=lambda kind: [*SINKS, kind].index(kind))):
        title, below = SINKS.get(kind, (kind, ""))
        boxes.append(Box(915, 50 + pitch * number, 130, pitch - 6, title, (below,)))
        arrows.append(line((840, 200, 915, 50 + pitch * number + pitch // 2 - 3)))
    arrows += [
        line((560, 312, 560, 349), both=True),
        line((277, 240, 277, 350), dashed=True),
        line((830, 350, 830, 310), dashed=True),
    ]
    return "\n".join([HEAD, *(box.drawn() for box in boxes), *arrows, "</svg>\n"])
