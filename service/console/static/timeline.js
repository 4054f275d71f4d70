// Draws an identity's highest score of each hour; drag to look closer, double-click for all of it.
"use strict";

const place = document.getElementById("timeline");
const [hours, scores, marks] = JSON.parse(place.dataset.points);
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const said = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const day = said({ day: "numeric", month: "short" });
const clock = said({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };

const chart = new uPlot({
  width: place.clientWidth,
  height: 170,
  cursor: { drag: { x: true, y: false } },
  legend: { show: false },
  scales: { y: { range: [0, 100] } },
  tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
  axes: [{ ...axis, space: 90, values: (_, splits, __, ___, step) => splits.map((at) => (step < 86400 ? clock : day).format(at * 1000)) }, { ...axis, size: 36 }],
  series: [
    {},
    { label: "highest score", stroke: colour("--bar"), width: 1, points: { show: false }, paths: uPlot.paths.bars({ size: [0.9, 6] }), fill: colour("--bar") },
    { label: "alert", stroke: colour("--high"), paths: () => null, points: { show: true, size: 8, fill: colour("--high") } },
  ],
}, [hours, scores, marks], place);

addEventListener("resize", () => chart.setSize({ width: place.clientWidth, height: 170 }));
