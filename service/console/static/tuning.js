// Shows what thresholds would give while they are moved; the form does the same without it.
"use strict";

const form = document.getElementById("trial");
let waiting = 0;
let asked = 0;

async function tryOut() {
  const mine = asked += 1;
  const address = `/tuning?${new URLSearchParams(new FormData(form))}`;
  const answer = await fetch(address);
  if (!answer.ok || answer.redirected || mine !== asked) { return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("result");
  if (!fresh || mine !== asked) { return; }
  document.getElementById("result").replaceChildren(...fresh.childNodes);
  history.replaceState(null, "", address);
}

form.addEventListener("input", (event) => {
  const said = event.target.parentElement.querySelector("output");
  if (said) { said.value = event.target.value; }
  clearTimeout(waiting);
  waiting = setTimeout(() => { tryOut().catch(() => {}); }, 200);
});
