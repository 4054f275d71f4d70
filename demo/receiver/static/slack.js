// Block Kit as Slack draws it: the blocks that alerts use, and mrkdwn.

import { element, link } from "./dom.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const TOKEN = /<([^<>]+)>|`([^`\n]+)`|\*(\S(?:[^*\n]*\S)?)\*|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|~(\S(?:[^~\n]*\S)?)~|\n/g;

const unescape = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

// A link, or something that would ping people: shown as loudly as it would ring.
function angle(content) {
  const [target, label] = content.split("|");
  if (/^[!@#]/.test(target)) return element("mark", { class: "ping" }, `@${target.slice(1).split("^")[0]}`);
  return link(unescape(target), unescape(label ?? target));
}

export function mrkdwn(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    nodes.push(unescape(text.slice(end, match.index)));
    end = match.index + match[0].length;
    const [, angled, code, bold, italic, struck] = match;
    if (angled !== undefined) nodes.push(angle(angled));
    else if (code !== undefined) nodes.push(element("code", {}, unescape(code)));
    else if (bold !== undefined) nodes.push(element("strong", {}, ...mrkdwn(bold)));
    else if (italic !== undefined) nodes.push(element("em", {}, ...mrkdwn(italic)));
    else if (struck !== undefined) nodes.push(element("s", {}, ...mrkdwn(struck)));
    else nodes.push(element("br"));
  }
  nodes.push(unescape(text.slice(end)));
  return nodes;
}

const text = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : [object.text]);

// A line's end is a line's end; nothing else in a text means anything.
const rich = (runs) => runs.flatMap((run) => {
  const lines = run.text.split("\n").flatMap((line, number) => (number ? [element("br"), line] : [line]));
  return run.style?.bold ? [element("strong", {}, ...lines)] : lines;
});

const BLOCKS = {
  header: (block) => element("h3", {}, block.text.text),
  divider: () => element("hr"),
  context: (block) => element("p", { class: "context" }, ...block.elements.map((part) => element("span", {}, ...text(part)))),
  rich_text: (block) => element("div", { class: "section" }, ...block.elements.map((part) => element("p", {}, ...rich(part.elements)))),
  section: (block) => element(
    "div",
    { class: "section" },
    ...(block.text ? [element("p", {}, ...text(block.text))] : []),
    ...(block.fields ? [element("div", { class: "fields" }, ...block.fields.map((field) => element("p", {}, ...text(field))))] : []),
  ),
  actions: (block) => element(
    "p",
    { class: "actions" },
    ...block.elements.map((button) => link(button.url ?? "", button.text.text, { class: `button ${button.style ?? ""}` })),
  ),
};

function blocks(list) {
  return list.map((block) => BLOCKS[block.type]?.(block) ?? element("p", { class: "problem" }, `unknown block ${block.type}`));
}

// Attachments carry the coloured bar; their blocks are blocks like any other.
export function renderBlocks(payload) {
  const body = payload.blocks?.length ? blocks(payload.blocks) : payload.attachments ? [] : [element("p", {}, ...mrkdwn(payload.text ?? ""))];
  const attached = (payload.attachments ?? []).map((attachment) => {
    const bar = element("div", { class: "attachment" }, ...blocks(attachment.blocks ?? []));
    if (/^#[0-9a-f]{6}$/i.test(attachment.color ?? "")) bar.style.borderColor = attachment.color;
    return bar;
  });
  return element("div", { class: "blocks" }, ...body, ...attached);
}
