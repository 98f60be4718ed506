// Schedules, databases, storages and notifiers: listed, made, changed, tried and removed, all by the same page.

import { BASE, call, Failure, mayWrite } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { busy, dialog, field, tell, typedName, writeButton } from "/panel/controls.js";
import { placeName } from "/panel/database.js";
import { announce, el, redraw, show } from "/panel/dom.js";
import { control, reveal, valueAt } from "/panel/form_fields.js";
import { problem } from "/panel/problem.js";
import { completed, KINDS, preset } from "/panel/resource_forms.js";
import { setupTabs } from "/panel/setup_tabs.js";
import { scheduleTable } from "/panel/schedules.js";
import { table } from "/panel/table.js";
import { bytes, moment, number, t } from "/panel/text.js";

export const resourcesView = (many) => async (_parameters, query, signal) => {
  const list = el("div", {});
  const trouble = el("div", { class: "trouble" });
  const load = async () => {
    const [config, answer, known] = await Promise.all([configuration(signal), ask(many, signal), schedulesNow(many, signal)]);
    const page = { many, config, schedules: known ?? answer.schedules, again, trouble };
    if (!signal.aborted) redraw(list, listing(page, answer));
    return page;
  };
  const again = () => load().catch((error) => {
    if (!(error instanceof Failure)) throw error;
    show(trouble, problem(error));
  });
  const page = await load();
  const create = () => edit(page, null, preset(many, query));
  if (query.create && mayWrite()) queueMicrotask(create);
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t(many)), writeButton(t(`create ${KINDS[many].one}`), create, { kind: "primary" })),
    setupTabs(many),
    el("p", { class: "hint" }, t(`${many}.what`)), trouble, list);
  return { title: t(many), node };
};

const ask = (many, signal) => call("GET", `/${many}`, undefined, { signal, prefix: BASE });
const schedulesNow = async (many, signal) => (many === "notifiers" ? (await ask("schedules", signal)).schedules : null);
const path = (many, name, action = "") => `/${many}/${encodeURIComponent(name)}${action}`;

function listing(page, answer) {
  const found = answer[page.many];
  return [
    !answer.complete && el("p", { class: "note" }, t("resources incomplete")),
    found.length === 0 && el("div", { class: "empty" }, el("p", {}, t(`no ${page.many}`)), el("p", { class: "hint" }, t(`no ${page.many}.hint`))),
    found.length > 0 && (page.many === "schedules"
      ? scheduleTable(found, page.config, page.again, (one) => actions(page, one))
      : table(t(page.many), columns(page), found)),
  ];
}

function columns(page) {
  const about = {
    targets: [{ key: "place", label: t("place"), kind: "any", cell: (one) => (one.target ? placeName(one.target) : t("unknown")) }],
    storages: [{ key: "place", label: t("place"), kind: "any", cell: (one) => one.config.url ?? t(`place.${one.place}`) }],
    notifiers: [
      { key: "service", label: t("service"), cell: (one) => one.service ?? "–" },
      { key: "events", label: t("field.events"), kind: "any", cell: (one) => one.config.events.map((name) => t(`event.${name}`)).join(", ") },
      { key: "schedules", label: t("schedules"), kind: "any", cell: (one) => one.config.schedules?.join(", ") ?? t("all") },
    ],
  };
  return [
    { key: "name", label: t("name"), kind: "any", cell: (one) => one.name },
    ...about[page.many],
    { key: "source", label: t("configured by"), cell: sourceOf },
    { key: "changed", label: t("changed"), kind: "fixed", cell: (one) => (one.updated_at ? since(new Date(one.updated_at)) : "–") },
    { key: "actions", label: "", kind: "actions", cell: (one) => actions(page, one) },
  ];
}

function sourceOf(one) {
  return [t(`source.${one.source}`), !one.readable && el("div", { class: "bad" }, t("unreadable"))];
}

function actions(page, one) {
  const own = one.source === "api";
  const named = (text) => ({ "aria-label": `${text} ${one.name}` });
  const test = writeButton(t("test"), () => busy(test, () => tryOut(page, one)), named(t("test")));
  return [
    page.many !== "notifiers" || own ? test : null,
    own && writeButton(t("change"), () => edit(page, one), named(t("change"))),
    own && writeButton(t("delete"), () => remove(page, one), named(t("delete"))),
  ];
}

async function tryOut({ many }, { name }) {
  try {
    const { seen = {} } = await call("POST", path(many, name, "/test"), undefined, { prefix: BASE });
    tell(t("test of", { name }), el("p", { class: "good" }, "✓ ", t("test.good")), el("ul", { class: "words" }, Object.entries(seen).map(([key, value]) => el("li", {}, seenAs(key, value)))));
  } catch (error) {
    tell(t("test.failed", { name }), problem(error));
  }
}

function seenAs(key, value) {
  if (key === "next_times") return t("seen.next_times", { times: value.map((time) => moment(new Date(time))).join(" · ") });
  if (key === "free_bytes") return t("seen.free_bytes", { size: value === null ? t("no limit") : bytes(value) });
  if (key === "seconds") return t("seen.seconds", { n: value });
  return `${key}: ${Array.isArray(value) ? value.join(", ") : typeof value === "number" ? number(value) : value}`;
}

function remove({ many, again }, { name }) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  dialog(t("resource.delete", { name }), [el("p", { class: "loss" }, t(`${many}.delete`)), typedName(t("delete.type", { name }), name, action)], action, async () => {
    await call("DELETE", path(many, name), undefined, { prefix: BASE });
    announce(t("resource.deleted", { name }));
    await again();
  });
}

// one: what is changed, null for a new one, which begins with `first`. A secret that stays empty stays as it is.
function edit(page, one, first = {}) {
  const { fields, one: kind } = KINDS[page.many];
  const before = one?.config ?? first;
  const name = el("input", { type: "text", name: "name", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}", autocomplete: "off" });
  const action = el("button", { type: "submit", class: "primary" }, t("save"));
  const made = (each) => control(each, page, before, one?.secrets);
  const content = [
    one === null && field(t("name"), name, t("name.hint")),
    fields.filter((each) => !each.group).map(made),
    groupsOf(fields).map(([label, inside]) => el("details", { open: one !== null && inside.some((each) => valueAt(one.config, each.name)) },
      el("summary", {}, t(label)), has(label) && el("p", { class: "hint" }, t(`${label}.hint`)), inside.map(made))),
  ];
  const box = dialog(one ? t("change of", { name: one.name }) : t(`create ${kind}`), content, action, async (form) => {
    const config = completed(page.many, form, before);
    if (one) await call("PUT", path(page.many, one.name), config, { prefix: BASE });
    else await call("POST", `/${page.many}`, { name: name.value, ...config }, { prefix: BASE });
    announce(t("saved"));
    await page.again();
  });
  if (page.many === "schedules") reveal(box, before.kind ?? "backup");
}

const has = (label) => label === "retention";

function groupsOf(fields) {
  const found = new Map();
  for (const each of fields.filter((one) => one.group)) found.set(each.group, [...(found.get(each.group) ?? []), each]);
  return [...found];
}
