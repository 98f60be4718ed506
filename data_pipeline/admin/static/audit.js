// Who did what to which set, from where.

import { BASE, call } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { button, field, link } from "/panel/controls.js";
import { el, name, redraw, show } from "/panel/dom.js";
import { whoName } from "/panel/jobs.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { setupTabs } from "/panel/setup_tabs.js";
import { table } from "/panel/table.js";
import { has, t } from "/panel/text.js";

const GOOD = ["SUCCESS", "SUCCEEDED", "ACCEPTED", "STARTED", "IDENTICAL"];

export async function auditView(_parameters, { who = "", set = "" }, signal) {
  const list = el("div", {});
  let entries = [];
  const load = async (after) => {
    const query = new URLSearchParams({ ...(who && { who }), ...(set && { set }), ...(after && { after }) });
    const page = await call("GET", `/audit?${query}`, undefined, { signal, prefix: BASE });
    entries = [...entries, ...page.entries];
    const more = () => load(page.next).catch((error) => show(list, problem(error)));
    redraw(list, listing(entries), page.next && button(t("show more"), more, { name: "more" }));
  };
  await load(null);
  const node = el("div", { class: "page" }, el("h1", {}, t("audit")), setupTabs("audit"),
    el("p", { class: "hint" }, t("audit.what")), filters(who, set), list);
  return { title: t("audit"), node };
}

function filters(who, set) {
  const whose = el("input", { type: "search", value: who });
  const which = el("input", { type: "search", value: set, placeholder: "20250722_010318" });
  const submit = (event) => {
    event.preventDefault();
    go(address(["audit"], { who: whose.value.trim(), set: which.value.trim() }));
  };
  return el("form", { class: "filters", role: "search", on: { submit } }, field(t("who"), whose), field(t("backup"), which),
    el("button", { type: "submit" }, t("filter")));
}

function listing(entries) {
  if (!entries.length) return el("p", { class: "empty" }, t("no entries"));
  return table(t("audit"), [
    { key: "when", label: t("when"), kind: "fixed", cell: (one) => since(new Date(one.at)) },
    { key: "who", label: t("who"), kind: "any", cell: (one) => [el("div", {}, whoName(one.who)), one.client && el("div", { class: "hint" }, one.client)] },
    { key: "what", label: t("what"), kind: "any", cell: (one) => [what(one), details(one)] },
    { key: "about", label: t("about"), kind: "any", cell: (one) => [one.set && el("div", {}, name(one.set)), one.target && el("div", { class: "hint" }, name(one.target)), !one.set && !one.target && "–"] },
    { key: "outcome", label: t("outcome"), cell: (one) => el("span", { class: GOOD.includes(one.outcome) ? "good" : "bad" }, outcome(one.outcome)) },
  ], entries);
}

function what(one) {
  const key = [`what.${one.what}`, `kind.${one.what}`].find(has);
  const text = key ? t(key) : one.what;
  return one.job_id ? link(text, address(["jobs", one.job_id])) : text;
}

function details({ details: given }) {
  const told = Object.entries(given).map(([key, value]) => `${key}: ${value}`);
  return told.length > 0 && el("div", { class: "hint" }, told.join(", "));
}

function outcome(text) {
  return has(`outcome.${text}`) ? t(`outcome.${text}`) : has(`state.${text}`) ? t(`state.${text}`) : text;
}
