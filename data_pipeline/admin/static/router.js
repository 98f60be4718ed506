// The view is in the address: #/jobs/<id>?x=y. A reload, a bookmark and the back button show the same.

import { attend, refill } from "/panel/dom.js";

let routes = [];
let fallback = null;
let leaving = null;

// routes: [[["jobs", ":id"], view]]. A view takes (parameters, query, signal) and gives {title, node};
// signal tells when it is left. absent: the view of an address that is none of these; an empty one is the first route's.
export function start(given, absent) {
  routes = given;
  fallback = absent;
  window.addEventListener("hashchange", () => render(true));
  render(false);
}

export function go(hash) {
  if (location.hash === hash) render(true);
  else location.hash = hash;
}

// Changes the address of the view that is shown, without another entry in the history.
export function rename(hash) {
  history.replaceState(null, "", hash);
}

export function address(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${parts.map(encodeURIComponent).join("/")}${search}`;
}

export async function render(moved) {
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { parts, query } = parse(location.hash);
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  const [view, parameters] = find(parts);
  document.dispatchEvent(new CustomEvent("view", { detail: parts[0] }));
  const { title, node } = await view(parameters, query, signal);
  if (signal.aborted) return;
  document.title = title;
  const heading = node.querySelector("h1");
  refill(main, heading, node);
  main.removeAttribute("aria-busy");
  if (moved) {
    attend(heading);
    window.scrollTo(0, 0);
  }
}

export function leave() {
  leaving?.abort();
  document.getElementById("main").removeAttribute("aria-busy");
}

function parse(hash) {
  const [path, search] = hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").map(decoded), query: Object.fromEntries(new URLSearchParams(search)) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function find(parts) {
  for (const [pattern, view] of routes) {
    if (pattern.length === parts.length && pattern.every((one, n) => one.startsWith(":") || one === parts[n])) {
      const named = pattern.map((one, n) => [one.slice(1), parts[n]]).filter((_, n) => pattern[n].startsWith(":"));
      return [view, Object.fromEntries(named)];
    }
  }
  return [parts.join("") ? fallback : routes[0][1], {}];
}
