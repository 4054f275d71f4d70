// Adaptive Cards as Teams draws them, by Microsoft's own renderer; without it, the card's texts.

import { element } from "./dom.js";

const HOST_CONFIG = {
  supportsInteractivity: true,
  fontFamily: "inherit",
  fontSizes: { small: 12, default: 14, medium: 16, large: 19, extraLarge: 24 },
  fontWeights: { lighter: 300, default: 400, bolder: 600 },
  spacing: { small: 6, default: 10, medium: 14, large: 20, extraLarge: 28, padding: 14 },
  separator: { lineThickness: 1, lineColor: "#88888855" },
  factSet: { title: { weight: "Bolder", wrap: false, maxWidth: 160 }, value: { wrap: true }, spacing: 14 },
  actions: { maxActions: 6, spacing: "Default", buttonSpacing: 8, actionsOrientation: "Horizontal", actionAlignment: "Left" },
  containerStyles: Object.fromEntries(
    ["default", "emphasis", "good", "warning", "attention", "accent"].map((style) => [style, {
      backgroundColor: `var(--card-${style})`,
      foregroundColors: Object.fromEntries(
        Object.entries({ default: "text", dark: "text", light: "faint", accent: "accent", good: "good", warning: "warning", attention: "attention" })
          .map(([name, variable]) => [name, { default: `var(--${variable})`, subtle: name === "default" ? "var(--faint)" : `var(--${variable})` }]),
      ),
    }]),
  ),
};

const HTML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

// The part of Markdown that cards know: bold, italic, links, lists; a backslash takes a character literally.
export function markdown(text) {
  const literals = [];
  const html = text
    .replace(/\\([\\`*_{}[\]()#+\-.!<>|~])/g, (_, character) => `\u0000${literals.push(character) - 1}\u0000`)
    .replace(/[&<>"']/g, (character) => HTML[character])
    .replace(/\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g, '<a href="$2" target="_blank" rel="noreferrer noopener">$1</a>')
    .replace(/\*\*(\S(?:.*?\S)?)\*\*/g, "<strong>$1</strong>")
    .replace(/(?<![\w*])[*_](\S(?:[^*_]*\S)?)[*_](?![\w*])/g, "<em>$1</em>")
    .replace(/(?:^[-*] .+(?:\r?\n|$))+/gm, (list) => `<ul>${list.trim().split(/\r?\n/).map((line) => `<li>${line.slice(2)}</li>`).join("")}</ul>`)
    .replace(/\r?\n/g, "<br>");
  return html.replace(/\u0000(\d+)\u0000/g, (_, index) => HTML[literals[index]] ?? literals[index]);
}

function texts(part) {
  if (Array.isArray(part)) return part.flatMap(texts);
  if (part === null || typeof part !== "object") return [];
  if (part.type === "FactSet") return part.facts.map((fact) => `${fact.title}: ${fact.value}`);
  if (part.type === "TextBlock") return [part.text];
  if (part.type === "RichTextBlock") return [part.inlines.map((run) => run.text ?? run).join("")];
  return Object.values(part).flatMap(texts);
}

export function renderCard(card) {
  if (typeof AdaptiveCards === "undefined") {
    return element("div", { class: "card plain" }, ...texts(card.body).map((text) => element("p", {}, text)));
  }
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = markdown(text);
    result.didProcess = true;
  };
  const adaptive = new AdaptiveCards.AdaptiveCard();
  adaptive.hostConfig = new AdaptiveCards.HostConfig(HOST_CONFIG);
  adaptive.onExecuteAction = (action) => {
    if (/^https:\/\//.test(action.url ?? "")) window.open(action.url, "_blank", "noopener");
  };
  adaptive.parse(card);
  return element("div", { class: "card" }, adaptive.render());
}
