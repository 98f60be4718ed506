// The name, the ways to go, and the choices that are kept.

import { mayWrite, signedIn, signInRequired } from "/panel/api.js";
import { button, limits, link } from "/panel/controls.js";
import { el, redraw, show } from "/panel/dom.js";
import { address } from "/panel/router.js";
import { otherLanguage, setLanguage, t } from "/panel/text.js";

const VIEWS = ["overview", "backups", "restore", "jobs", "compare", "tables", "schedules", "status"];
const PARTS = { plan: "restore", databases: "backups", stacks: "backups", stores: "backups", "": "overview", targets: "schedules", storages: "schedules", notifiers: "schedules", users: "schedules", audit: "schedules" };

// inside: whether there is anywhere to go. changed: called when the language is another.
export function drawHeader(inside, changed, leave) {
  redraw(document.getElementById("header"),
    button(t("skip"), () => document.getElementById("main").focus(), { kind: "skip" }),
    el("div", { class: "bar" },
      el("p", { class: "brand" }, el("img", { src: "/panel/icon.svg", alt: "", width: 24, height: 24 }), t("title")),
      inside && el("nav", { "aria-label": t("views") }, el("ul", {}, VIEWS.map((name) => el("li", {}, link(t(name), address([name]), "", { "data-view": name }))))),
      el("div", { class: "choices-kept" }, languageButton(changed), themeButton(), inside && account(), inside && signInRequired() && button(t("sign out"), leave, { kind: "plain" }))),
    inside && !mayWrite() && el("p", { class: "note", id: "read-only" }, limits()));
  mark(location.hash.replace(/^#\/?/, "").split(/[/?]/)[0]);
}

export function mark(view) {
  for (const one of document.querySelectorAll("[data-view]")) {
    if (one.dataset.view === (PARTS[view] ?? view)) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
}

// A user's own page; a token has none.
function account() {
  const { user } = signedIn();
  return user && link(user, address(["account"]), "account", { "aria-label": t("account of", { name: user }) });
}

function languageButton(changed) {
  const other = otherLanguage();
  const click = () => {
    setLanguage(other);
    changed();
  };
  return button(other === "en" ? "English" : "中文", click, { kind: "plain", lang: other, name: "language" });
}

function themeButton() {
  const control = button("", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
    name();
  }, { kind: "plain" });
  const name = () => show(control, t(isDark() ? "theme.light" : "theme.dark"));
  name();
  return control;
}

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}
