// Stores that are not PostgreSQL: what is configured and within reach, and the newest sets of each.

import { BASE, call, may } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { busy, button, choice, dialog, group, link, writeButton, writeLink } from "/panel/controls.js";
import { placeOf } from "/panel/database.js";
import { el, name as broken, show } from "/panel/dom.js";
import { configured, control } from "/panel/form_fields.js";
import { submit } from "/panel/operations.js";
import { fact, problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { stateOf, tagsOf } from "/panel/set_state.js";
import { holdings, listSets, setAddress } from "/panel/sets.js";
import { STORES, targetsOf } from "/panel/store_forms.js";
import { table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

const NEWEST = 3;

export async function storesView(_parameters, _query, signal) {
  const config = await configuration(signal);
  const families = Object.keys(STORES).filter((family) => Object.keys(targetsOf(config, family)).length > 0);
  const lists = await Promise.all(families.map((family) => setsOf(family, signal)));
  const missing = Object.keys(STORES).filter((family) => !families.includes(family));
  const node = el("div", { class: "page" }, el("p", {}, link(t("back to backups"), address(["backups"]))),
    el("div", { class: "title" }, el("h1", {}, t("stores")), link(t("stacks"), address(["stacks"]), "button")),
    el("p", { class: "hint" }, t("stores.what")),
    families.map((family, n) => section(family, config, lists[n], signal)),
    missing.length > 0 && others(missing, families.length > 0));
  return { title: t("stores"), node };
}

// The list's words are looked for in all that is said of a set; only this store's are meant.
async function setsOf(family, signal) {
  const { backups } = await listSets(signal, { q: family });
  return backups.filter((one) => one.layout === family);
}

function section(family, config, sets, signal) {
  return el("section", {}, el("h2", { class: "family" }, t(`layout.${family}`)),
    el("div", { class: "cards" }, Object.values(targetsOf(config, family)).map((target) => card(family, target, config, signal))),
    sets.length > 0 ? listing(family, sets) : el("p", { class: "hint" }, t("stores.no sets")));
}

function card(family, target, config, signal) {
  const state = el("div", { role: "status" });
  const look = button(t("look again"), () => busy(look, () => probe(target, state, signal)), { "aria-label": `${t("look again")} ${target.name}` });
  const save = writeButton(t("back up"), () => backUp(family, target, config), { kind: "primary", needs: "operate", "aria-label": t("back up store", { name: target.name }) });
  const schedule = { create: "schedule", kind: `${family}_backup`, target: target.name };
  probe(target, state, signal);
  return el("section", { class: "card" }, el("h3", {}, target.name),
    el("dl", { class: "facts" }, fact(t("place"), broken(placeOf(target))), fact(t("state"), state)),
    el("div", { class: "actions" }, save, may("write") && look, writeLink(t("create schedule"), address(["schedules"], schedule), "button")));
}

// Whether it is within reach is told to those who may try targets out.
async function probe(target, state, signal) {
  if (!may("write")) return show(state, t("stores.not tried"));
  show(state, el("span", { class: "waiting" }, t("stores.trying")));
  const shown = await call("POST", `/targets/${encodeURIComponent(target.name)}/test`, undefined, { prefix: BASE, signal }).then(
    ({ seen }) => [el("span", { class: "good" }, el("span", { "aria-hidden": "true" }, "✓ "), t("health.good")), el("div", { class: "hint" }, version(seen))],
    (error) => (signal.aborted ? null : [el("span", { class: "bad" }, el("span", { "aria-hidden": "true" }, "✕ "), t("stores.away")), problem(error, "store")]));
  return shown && show(state, shown);
}

// {server_version, keys of Redis, edition of Neo4j, database of Milvus, seconds}
function version({ server_version: server, edition, database, keys }) {
  return [server, edition, database, keys !== undefined && t("redis.n keys", { n: keys })].filter(Boolean).join(" · ");
}

function backUp(family, target, { storages }) {
  const { backup } = STORES[family];
  const action = el("button", { type: "submit", class: "primary" }, t("back up"));
  const content = [
    el("p", {}, t(`${family}.back up`)),
    backup.map((each) => control(each, {})),
    storages.length > 1 && group(t("storages"), storages.map((name, n) => choice("checkbox", "storages", name, name, { checked: n === 0 }))),
  ];
  dialog(t("back up store", { name: target.name }), content, action, async (form) => {
    const kept = storages.length > 1 ? { storages: new FormData(form).getAll("storages") } : {};
    const job = await submit(`${family}_backup`, { target: target.name, ...kept, ...configured(backup, form, {}) });
    go(address(["jobs", job.job_id]));
  });
}

function listing(family, sets) {
  const columns = [
    { key: "made", label: t("when"), kind: "fixed", cell: (set) => [link(set.date, setAddress("backups", set)), el("div", { class: "hint" }, since(set.made))] },
    { key: "source", label: t("source database"), kind: "any", cell: (set) => [el("div", {}, broken(set.database ?? "–")), el("div", { class: "hint" }, broken(holdings(set))), el("div", { class: "tags" }, tagsOf({ ...set, layout: null }))] },
    { key: "rows", label: t(`${family}.counted`), numeric: true, cell: (set) => (set.rows === null ? "–" : number(set.rows)) },
    { key: "bytes", label: t("size"), numeric: true, cell: (set) => bytes(set.bytes) },
    { key: "check", label: t("check"), kind: "check", cell: stateOf },
    { key: "actions", label: "", kind: "actions", cell: (set) => writeLink(t("restore"), setAddress("restore", set), "button", { needs: "operate", "aria-label": `${t("restore")} ${set.date}` }) },
  ];
  return [
    table(t(`layout.${family}`), columns, sets.slice(0, NEWEST)),
    sets.length > NEWEST && el("p", {}, link(t("stores.all sets", { n: sets.length }), address(["backups"], { q: family }))),
  ];
}

// What could be here too, and how.
function others(families, some) {
  return el("section", { class: some ? "card" : "empty" },
    el(some ? "h2" : "p", {}, t(some ? "stores.others" : "no stores")),
    el("p", { class: "hint" }, t("stores.how")),
    el("ul", { class: "words plain-words" }, families.map((family) => el("li", {}, t(`layout.${family}`), ": ", el("code", {}, broken(STORES[family].example))))),
    el("p", {}, writeLink(t("create target"), address(["targets"], { create: "target" }), "button")));
}
