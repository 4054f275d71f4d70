"""Two pictures as SVG: attacks found against the daily budget, and what scores promise against what was seen."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

BIN_WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 510, 40, 360  # edges of the plot
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")  # Okabe and Ito
Points = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """One axis: its title, the labels of its ticks by value, and whether it is logarithmic."""

    title: str
    ticks: Mapping[float, str]
    logarithmic: bool = False

    def place(self, low: float, high: float) -> Callable[[float], float]:
        """Return what turns a value into a coordinate between `low` and `high`; beyond the ticks, it is cut."""
        scale: Callable[[float], float] = math.log10 if self.logarithmic else float
        first, last = min(self.ticks), max(self.ticks)
        begin, end = scale(first), scale(last)
        return lambda value: low + (high - low) * (scale(min(last, max(first, value))) - begin) / (end - begin)


def chart(title: str, x: Axis, y: Axis, lines: Mapping[str, Points]) -> str:
    """Return an SVG with one line a name, and a legend.

    Examples
    --------
    >>> axis = Axis("days", {0.0: "0", 10.0: "10"})
    >>> picture = chart("Found", axis, axis, {"one": [(0.0, 0.0), (10.0, 5.0)]})
    >>> 'points="70.0,360.0 510.0,200.0"' in picture
    True
    """
    across, up = x.place(LEFT, RIGHT), y.place(BOTTOM, TOP)
    name = f'role="img" aria-label="{escape(title)}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BIN_WIDTH} {HEIGHT}" {name}>',
        f'<rect width="{BIN_WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text((LEFT + RIGHT) / 2, TOP - 16, title, "middle", 'font-weight="bold"'),
        _text((LEFT + RIGHT) / 2, BOTTOM + 44, x.title, "middle"),
        _text(0, 0, y.title, "middle", f'transform="translate(20 {(TOP + BOTTOM) / 2}) rotate(-90)"'),
    ]
    for value, label in x.ticks.items():
        parts.append(_line(across(value), BOTTOM, across(value), TOP))
        parts.append(_text(across(value), BOTTOM + 20, label, "middle"))
    for value, label in y.ticks.items():
        parts.append(_line(LEFT, up(value), RIGHT, up(value)))
        parts.append(_text(LEFT - 8, up(value) + 4, label, "end"))
    for number, (name, points) in enumerate(lines.items()):
        colour, dashes = COLOURS[number % len(COLOURS)], ' stroke-dasharray="6 4"' if number % 2 else ""
        path = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        height = TOP + 12 + 22 * number
        parts.append(
            f'<line x1="{RIGHT + 14}" y1="{height}" x2="{RIGHT + 40}" y2="{height}" stroke="{colour}"'
            f' stroke-width="2"{dashes}/>'
        )
        parts.append(_text(RIGHT + 46, height + 4, name, "start", 'font-size="11"'))
    return "\n".join([*parts, "</svg>", ""])


def budget_curves(title: str, curves: Mapping[str, Mapping[int, float]]) -> str:
    """Draw the share of attacks found (0 to 1) against the number of user-days looked at a day, by method."""
    budgets = sorted({budget for curve in curves.values() for budget in curve})
    x = Axis("user-days looked at a day", {float(n): str(n) for n in budgets if n in {1, 2, 5, 10, 20}}, True)
    y = Axis("attacks found", {n / 5: f"{n * 20} %" for n in range(6)})
    return chart(title, x, y, {name: [(float(n), curve[n]) for n in budgets] for name, curve in curves.items()})


def reliability_diagram(title: str, seen: Mapping[str, Mapping[float, float]]) -> str:
    """Draw the share of attack-free user-days that reach a score against the share that the score promises."""
    ticks = {0.0001: "0.01 %", 0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1.0: "100 %"}
    lines: dict[str, Points] = {"as promised": [(0.0001, 0.0001), (1.0, 1.0)]}
    for name, shares in seen.items():
        lines[name] = [(10.0 ** (-score / 25.0), share) for score, share in sorted(shares.items()) if share > 0.0]
    return chart(title, Axis("promised", ticks, True), Axis("seen", ticks, True), lines)


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'
