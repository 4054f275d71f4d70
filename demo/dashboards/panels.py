"""What a dashboard is made of, before it is Grafana's JSON or a picture."""

from typing import Literal, NamedTuple

from demo.dashboards.queries import Query

Kind = Literal["stat", "lines", "heat"]
Colour = Literal["green", "yellow", "orange", "red", "blue"]


class Line(NamedTuple):
    """A query, and what its answers are called; ``{{label}}`` in the name stands for a label's value."""

    query: Query
    name: str


class Panel(NamedTuple):
    """One question on the screen.

    Attributes
    ----------
    title, description
        What it shows; what it means, and when to worry.
    unit
        One of Grafana's: s, short, percentunit, bytes …
    lines
        What is drawn.
    kind
        A number, lines over time, or a histogram over time.
    steps
        Colours from a value on; the first step's value stands for everything below the second.
    nothing
        What is shown where there is nothing to show, and says why.
    top
        Upper end of the scale, if it has one by nature.
    """

    title: str
    description: str
    unit: str
    lines: tuple[Line, ...]
    kind: Kind = "lines"
    steps: tuple[tuple[float, Colour], ...] = ()
    nothing: str = "no data: is it scraped?"
    top: float | None = None


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


class Dashboard(NamedTuple):
    """A screen.

    Attributes
    ----------
    name
        File name and part of the uid.
    hours
        How far it looks back by default.
    """

    name: str
    title: str
    description: str
    hours: int
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)
