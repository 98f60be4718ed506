// Makes DOM nodes. Text is only ever set as text, so that nothing in data can become markup.

const SVG = "http://www.w3.org/2000/svg";

// el("a", { href: "#/jobs", class: "quiet", on: { click } }, "text", node, [more], null)
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

// Puts new children in the place of those that are there.
export function show(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

const MARKS = ["name", "href", "data-sort", "aria-label"];

// The same for what is drawn again and again. What is focused stays so, if it is there again.
export function redraw(node, ...children) {
  const held = node.contains(document.activeElement) ? document.activeElement : null;
  show(node, ...children);
  const mark = held && MARKS.find((name) => held.hasAttribute(name));
  if (mark) node.querySelector(`[${mark}="${CSS.escape(held.getAttribute(mark))}"]`)?.focus();
}

// The same for what makes way for something else: what was focused is gone, so the heading is. A button that is busy
// has lost the focus already, to the body.
export function refill(node, heading, ...children) {
  const lost = document.activeElement === document.body && node.hasChildNodes();
  const held = lost || node.contains(document.activeElement);
  show(node, ...children);
  if (held) attend(heading);
}

export function attend(heading) {
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

// A name that breaks, where it has to, at its own joints.
export function name(text) {
  return String(text).split(/(?<=[_.\-/:])/).flatMap((part, n) => (n ? [el("wbr"), part] : [part]));
}

let lastId = 0;

// An id for a label or a description to point to.
export function freshId() {
  lastId += 1;
  return `id-${lastId}`;
}

// Tells a screen reader, once.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

function fill(node, { on = {}, ...properties }, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "value" || name === "checked" || name === "selected" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  node.append(...flat(children));
  return node;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
