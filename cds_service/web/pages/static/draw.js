// Building elements. Everything that comes from a record or from a service enters the page as text, never as HTML.

const TAGS = new Set(["p", "em", "strong", "s", "ul", "ol", "li", "blockquote", "code", "hr", "h1", "h2", "h3", "h4",
  "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"]);
// The headings of a card's text stand under the card's own.
const LOWER = {h1: "h5", h2: "h5", h3: "h5", h4: "h6", h5: "h6"};

export function byId(id) {
  return document.getElementById(id);
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== "" && child !== false));
  return made;
}

export function show(place, ...children) {
  place.replaceChildren(...children.filter(Boolean));
}

export function link(label, address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return document.createTextNode(label);
  }
  if (!["https:", "http:"].includes(url.protocol)) return document.createTextNode(label);
  return element("a", {href: url.href, target: "_blank", rel: "noopener noreferrer"}, label);
}

export function fold(title, ...children) {
  return element("details", {}, element("summary", {}, title), ...children);
}

export function raw(title, text) {
  const shown = element("pre", {tabIndex: 0}, text);
  shown.setAttribute("aria-label", title);
  shown.setAttribute("role", "region");
  return fold(title, shown);
}

export function pretty(value) {
  return JSON.stringify(value, null, 2);
}

// `nodes` is what /playground/markdown answers: texts, and [tag, address, children].
export function markdown(nodes) {
  return nodes.map((node) => {
    if (typeof node === "string") return document.createTextNode(node);
    const [tag, address, children] = node;
    if (tag === "a") return link(children.flat(9).filter((part) => typeof part === "string").join(" "), address);
    const made = element(TAGS.has(tag) ? LOWER[tag] ?? tag : "span");
    made.append(...markdown(children));
    return made;
  });
}
