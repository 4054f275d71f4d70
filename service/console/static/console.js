// What pages can do beyond links and forms: keys, copying, and lists that keep themselves up to date.
// Everything works without it; nothing that the server says is taken for code.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];

function move(step) {
  const all = rows();
  const here = all.findIndex((row) => row === document.activeElement);
  const next = all[Math.max(0, Math.min(all.length - 1, here + step))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
  const go = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (event.key === "/") { document.getElementById("find").focus(); event.preventDefault(); }
  else if (event.key === "j") { move(1); }
  else if (event.key === "k") { move(-1); }
  else if (go) { go.click(); event.preventDefault(); }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) { return; }
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "copied";
  } catch {
    button.closest("div").querySelector("details").open = true;
    button.textContent = "select it below";
  }
  setTimeout(() => { button.textContent = said; }, 1500);
});

// A list asks again every 15 seconds while somebody looks at it, and shows what is new without losing their place.
async function refresh(list) {
  if (document.hidden || list.contains(document.activeElement)) { return; }
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
  if (!answer.ok || answer.redirected) { return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(list.id);
  if (!fresh || fresh.innerHTML === list.innerHTML) { return; }
  const known = new Set(rows().map((row) => row.getAttribute("href")));
  list.replaceChildren(...fresh.childNodes);
  for (const row of rows()) {
    if (!known.has(row.getAttribute("href"))) { row.closest("tr").classList.add("fresh"); }
  }
}

for (const list of document.querySelectorAll("[data-live]")) {
  setInterval(() => { refresh(list).catch(() => {}); }, 15000);
}
