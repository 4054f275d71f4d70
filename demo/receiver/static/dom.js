// Builds elements. Strings become text nodes, never HTML: what is shown here was partly written by attackers.

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// A link only to the web: no javascript:, no data:.
export function link(address, text, attributes = {}) {
  if (!/^https?:\/\//i.test(address)) return document.createTextNode(text);
  return element("a", { href: address, target: "_blank", rel: "noreferrer noopener", ...attributes }, text);
}
