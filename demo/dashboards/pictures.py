"""Draws dashboards as Grafana would lay them out, one picture each, for those who have no Grafana at hand."""

import asyncio
import math
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from demo.dashboards import DASHBOARDS
from demo.dashboards.answers import Curve, answers, numbers, panel_curves
from demo.dashboards.panels import Dashboard, Panel
from demo.dashboards.recording import Recording

POINTS = 160
ACROSS = 24
STAT, CHART = 1.15, 2.5
"""Heights of a number and of a chart, in inches."""
MARGINS = {"left": 0.04, "right": 0.985, "wspace": 0.16}
HEADING, ABOVE, BELOW = 0.4, 0.42, 0.4
"""Heights of the heading and of what is above and below the axes of a panel, in inches."""
LEGEND = 8
INK, GREY = "#1f2328", "#6e7781"
COLOURS = {"green": "#1a7f37", "yellow": "#9a6700", "orange": "#bc4c00", "red": "#cf222e", "blue": "#0969da"}
# Okabe and Ito: told apart by the colour-blind too.
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")


async def draw_all(recording: Recording, folder: Path, note: str = "") -> tuple[list[Path], str]:
    """Draw every dashboard into `folder`; return the pictures, and where their numbers come from.

    Parameters
    ----------
    recording
        At least two looks.
    folder
        Made if it is not there.
    note
        What whoever looks at the pictures should know of the numbers.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    first, last = recording.times[0], recording.times[-1]
    times = [first + (last - first) * at / (POINTS - 1) for at in range(POINTS)]
    paths = []
    async with answers(recording) as source:
        for dashboard in DASHBOARDS:
            shown = [await panel_curves(source, panel, times) for panel in dashboard.panels]
            figure = await asyncio.to_thread(draw, dashboard, shown, times, source.of + (note and f"; {note}"))
            paths.append(folder / f"{dashboard.name}.png")
            # In a thread, because the hub lives on this loop.
            await asyncio.to_thread(figure.savefig, paths[-1], dpi=80)
        return paths, source.of


def draw(dashboard: Dashboard, shown: Sequence[Sequence[Curve]], times: Sequence[float], source: str) -> Figure:
    """Return the picture of a dashboard.

    Parameters
    ----------
    shown
        What each panel shows, in the order of `Dashboard.panels`.
    times
        The moments that the values belong to, Unix time.
    source
        Where the values come from, in words.
    """
    lines = [
        (row.title if at == 0 else "", row.panels[at : at + step])
        for row in dashboard.rows
        for step in [len(row.panels) if row.panels[0].kind == "stat" else 3]
        for at in range(0, len(row.panels), step)
    ]
    heights = [HEADING, *(STAT if panels[0].kind == "stat" else CHART for _, panels in lines)]
    figure = Figure(figsize=(16, sum(heights)), facecolor="white")
    span = " to ".join(
        datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y %H:%M") for moment in (times[0], times[-1])
    )
    heading, *parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    heading.suptitle(f"{dashboard.title}    {span} UTC, from {source}", x=0.01, y=0.6, ha="left", color=INK)
    panels = iter(shown)
    for (title, row), part, height in zip(lines, parts, heights[1:], strict=True):
        if title:
            part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
        across = max(len(row), 3)
        below = 0.1 if row[0].kind == "stat" else BELOW
        margins = {**MARGINS, "bottom": below / height, "top": 1.0 - (ABOVE + 0.1 * bool(title)) / height}
        for axes, panel in zip(part.subplots(1, across, squeeze=False, gridspec_kw=margins)[0], row, strict=False):
            _panel(axes, panel, next(panels), times)
        for axes in part.axes[len(row) : across]:
            axes.set_axis_off()
    return figure


def _panel(axes: Axes, panel: Panel, curves: Sequence[Curve], times: Sequence[float]) -> None:
    axes.set_title(panel.title, fontsize=9, loc="left", color=INK)
    axes.tick_params(labelsize=7, colors=GREY)
    for side in axes.spines.values():
        side.set_color("#d0d7de")
    if not any(True for _ in numbers(curves)):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, panel.nothing, ha="center", va="center", fontsize=8, color=GREY, transform=axes.transAxes)
    elif panel.kind == "stat":
        _stat(axes, panel, curves)
    elif panel.kind == "heat":
        _heat(axes, curves, times)
    else:
        _lines(axes, panel, curves, times)


def _stat(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    value = next(value for value in reversed(curves[0].values) if math.isfinite(value))
    colour = [colour for start, colour in panel.steps or ((0, "blue"),) if value >= start or start == 0][-1]
    axes.set_xticks([])
    axes.set_yticks([])
    text = said(value, panel.unit)
    axes.text(0.5, 0.45, text, ha="center", va="center", fontsize=17, color=COLOURS[colour], transform=axes.transAxes)


def _lines(axes: Axes, panel: Panel, curves: Sequence[Curve], times: Sequence[float]) -> None:
    moments = _moments(times)
    # What stays at nothing beside others that do not is left out: a legend of twenty zeros helps nobody.
    telling = [curve for curve in curves if any(value > 0 for value in curve.values)] or list(curves)
    for curve, colour in zip(telling, CYCLE * len(telling), strict=False):
        axes.plot(moments, curve.values, linewidth=1.2, color=colour, label=curve.name)
    top = panel.top or max(numbers(curves)) or 1.0
    for start, colour_name in panel.steps[1:]:
        if start <= top:
            axes.axhline(start, linewidth=0.8, linestyle="--", color=COLOURS[colour_name])
    rows = math.ceil(min(LEGEND, len(telling)) / 2)
    axes.set_ylim(-0.02 * top, (1.1 + 0.1 * rows) * top)  # the legend needs room
    axes.set_yticks(_ticks(top, panel.unit))
    axes.set_xlim(moments[0], moments[-1])
    axes.grid(color="#eaeef2", linewidth=0.6)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, panel.unit)))
    _dates(axes)
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > LEGEND:
        labels[LEGEND - 1] = f"and {len(labels) - LEGEND + 1} more"
    axes.legend(
        handles[:LEGEND], labels[:LEGEND], fontsize=6, framealpha=0.4, edgecolor="none", ncols=2, loc="upper left"
    )


def _ticks(top: float, unit: str) -> list[float]:
    """Round numbers of the unit, four or five of them."""
    sizes = {"s": (1, 60, 3600, 86400), "bytes": (1, 2**10, 2**20, 2**30)}.get(unit, (1,))
    size = max((size for size in sizes if size <= top), default=sizes[0])
    decade = 10.0 ** math.floor(math.log10(top / size))
    step = next(step for step in (0.25, 0.5, 1.0, 2.0, 2.5) if top / size / (step * decade) <= 5.5) * decade * size
    return [at * step for at in range(int(top / step + 1e-9) + 1)]


def _heat(axes: Axes, curves: Sequence[Curve], times: Sequence[float]) -> None:
    ordered = sorted(curves, key=lambda curve: float(curve.labels["le"]))
    below = [0.0] * len(times)
    bands = []
    for curve in ordered:
        bands.append([max(0.0, value - less) for value, less in zip(curve.values, below, strict=True)])
        below = list(curve.values)
    edges = [0.0, *(min(100.0, float(curve.labels["le"])) for curve in ordered)]
    moments = _moments(times)
    shown = [[value if value >= 0.5 else math.nan for value in band] for band in bands]
    most = max((value for band in shown for value in band if math.isfinite(value)), default=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN stands for an empty cell, which is to stay white
        mesh = axes.pcolormesh(
            [*moments, moments[-1]], edges, shown, cmap="Blues", norm=LogNorm(0.5, max(1.0, most)), shading="flat"
        )
    axes.figure.colorbar(mesh, ax=axes, pad=0.01).ax.tick_params(labelsize=6, colors=GREY)
    _dates(axes)


def _moments(times: Sequence[float]) -> list[float]:
    return [float(moment) for moment in date2num([datetime.fromtimestamp(time, UTC) for time in times])]  # type: ignore[no-untyped-call]  # the library left its annotations out


def _dates(axes: Axes) -> None:
    axes.xaxis_date()
    locator = AutoDateLocator(minticks=4, maxticks=7)  # type: ignore[no-untyped-call]  # the library left its annotations out
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # the same
    axes.xaxis.get_offset_text().set_fontsize(6)


def said(value: float, unit: str) -> str:
    """Return a value as Grafana would say it.

    >>> said(0.25, "percentunit"), said(5400.0, "s"), said(0.004, "s"), said(2.5e6, "bytes"), said(1234.5, "short")
    ('25 %', '1.5 h', '4 ms', '2.38 MiB', '1.23 K')
    """
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    steps: Mapping[str, Sequence[tuple[float, str]]] = {
        "s": ((86400, " d"), (3600, " h"), (60, " min"), (1, " s"), (0.001, " ms")),
        "bytes": ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB")),
        "short": ((1e9, " G"), (1e6, " M"), (1e3, " K")),
    }
    for size, name in steps[unit]:
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}" if unit == "short" or not value else f"{value:.3g} {unit[0].replace('b', 'B')}"
