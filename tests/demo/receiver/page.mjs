// Renders strings with the page's own code and prints what a browser would get, as JSON. Run by test_page.py.

class Node {
  constructor(name) { this.name = name; this.attributes = {}; this.children = []; this.style = {}; }
  setAttribute(key, value) { this.attributes[key] = value; }
  append(...children) { this.children.push(...children); }
  get html() {
    const attributes = Object.entries(this.attributes).map(([key, value]) => ` ${key}="${value}"`).join("");
    return `<${this.name}${attributes}>${this.children.map(html).join("")}</${this.name}>`;
  }
}

const html = (child) => (typeof child === "string" ? child.replace(/&/g, "&amp;").replace(/</g, "&lt;") : child.html);
globalThis.document = { createElement: (name) => new Node(name), createTextNode: (text) => text };

const { markdown } = await import("../../../demo/receiver/static/teams.js");
const { mrkdwn, renderBlocks } = await import("../../../demo/receiver/static/slack.js");
const given = JSON.parse(process.argv[2]);
console.log(JSON.stringify({
  markdown: given.markdown.map(markdown),
  mrkdwn: given.mrkdwn.map((text) => mrkdwn(text).map(html).join("")),
  blocks: given.blocks.map((payload) => renderBlocks(payload).html),
}));
