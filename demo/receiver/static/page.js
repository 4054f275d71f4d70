// Puts each message that the receiver got into its channel, newest first. How a card or a block looks is decided next door.

import { renderCard } from "./teams.js";
import { renderBlocks } from "./slack.js";
import { element } from "./dom.js";

const SENDERS = { teams: "Workflows", slack: "Unwonted", webhook: "POST /webhook" };
const counts = { teams: 0, slack: 0, webhook: 0 };

function renderTeams(payload) {
  return payload.attachments.map((attachment) => renderCard(attachment.content));
}

function renderWebhook(payload) {
  const summary = element("summary", {}, payload.subject ?? payload.type ?? "event");
  return [element("details", {}, summary, element("pre", {}, JSON.stringify(payload, null, 2)))];
}

function renderBody(kind, payload) {
  try {
    if (kind === "teams") return renderTeams(payload);
    if (kind === "slack") return [renderBlocks(payload)];
    return renderWebhook(payload);
  } catch (error) {
    return [element("p", { class: "problem" }, `cannot be shown: ${error.message}`)];
  }
}

function show(message) {
  const { kind, payload, size, status, problems } = message;
  const good = status >= 200 && status < 300 && problems.length === 0;
  const time = new Date(message.time);
  const item = element(
    "li",
    { class: good ? "message" : "message failed" },
    element("div", { class: `avatar ${kind}`, "aria-hidden": "true" }, kind === "webhook" ? "{}" : "U"),
    element(
      "div",
      { class: "bubble" },
      element(
        "p",
        { class: "meta" },
        element("strong", {}, SENDERS[kind]),
        element("time", { datetime: message.time }, time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })),
        element("span", { class: "size" }, `${(size / 1000).toFixed(1)} kB`),
        good ? "" : element("span", { class: "status" }, status === 0 ? "cut off" : String(status)),
      ),
      ...problems.map((problem) => element("p", { class: "problem" }, problem)),
      ...renderBody(kind, payload),
    ),
  );
  document.getElementById(kind).prepend(item);
  counts[kind] += 1;
  document.getElementById(`${kind}-count`).textContent = String(counts[kind]);
}

globalThis.already.forEach(show);

const live = document.getElementById("live");
const stream = new EventSource(`/messages?after=${globalThis.already.at(-1)?.number ?? 0}`);
stream.onopen = () => { live.textContent = "live"; live.classList.add("on"); };
stream.onerror = () => { live.textContent = "the receiver has stopped"; live.classList.remove("on"); };
stream.onmessage = (event) => show(JSON.parse(event.data));
