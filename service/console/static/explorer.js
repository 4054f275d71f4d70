// Chooses days by dragging over them; the form does the same without it.
"use strict";

const brush = document.getElementById("brush");
const range = document.getElementById("range");
let from = null;

// The newest days are on the right, which a narrow window does not show.
const lanes = document.querySelector(".lanes");
if (lanes) { lanes.parentElement.scrollLeft = lanes.scrollWidth; }

function dayAt(event) {
  const under = document.elementFromPoint(event.clientX, brush.getBoundingClientRect().top + 2);
  return under && under.closest("[data-day]");
}

function mark(to) {
  const [first, last] = [from.dataset.day, to.dataset.day].sort();
  for (const day of brush.querySelectorAll("[data-day]")) {
    const inside = day.dataset.day >= first && day.dataset.day <= last;
    day.querySelector(".bar").classList.toggle("picked", inside);
  }
  return [first, last];
}

brush.addEventListener("pointerdown", (event) => {
  from = dayAt(event);
  if (from) { brush.setPointerCapture(event.pointerId); mark(from); event.preventDefault(); }
});
brush.addEventListener("pointermove", (event) => {
  const to = from && dayAt(event);
  if (to) { mark(to); }
});
brush.addEventListener("pointerup", (event) => {
  const to = from && dayAt(event);
  if (!to) { from = null; return; }
  [range.elements.since.value, range.elements.until.value] = mark(to);
  from = null;
  range.requestSubmit();
});
