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

// A list is told when there is news, and shows what is new without losing somebody's place; where nobody tells it, it
// asks again every 15 seconds.
async function refresh(list) {
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

function keepFresh(list) {
  let due = false;
  let told = null;
  let asking = null;
  const attempt = () => {
    if (!due || document.hidden || list.contains(document.activeElement)) { return; }
    due = false;
    refresh(list).catch(() => { due = true; });
  };
  const ask = () => { asking = asking || setInterval(() => { due = true; attempt(); }, 15000); };
  // A browser opens six connections to one place: pages that nobody looks at should not hold them.
  const listen = () => {
    if (document.hidden) { told?.close(); told = null; return; }
    if (told || asking) { return; }
    told = new EventSource("/news");
    told.addEventListener("news", () => { due = true; attempt(); });
    told.addEventListener("error", () => { if (told?.readyState === EventSource.CLOSED) { told = null; ask(); } });
  };
  document.addEventListener("visibilitychange", listen);
  setInterval(attempt, 3000);
  listen();
}

document.querySelectorAll("[data-live]").forEach(keepFresh);
