// All backups in one table, a page at a time.

import { Failure, may } from "/panel/api.js";
import { backUp } from "/panel/back_up.js";
import { bulkBar, tick } from "/panel/bulk.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { button, field, link, select, writeButton, writeLink } from "/panel/controls.js";
import { el, name, redraw, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { drillsOf, statesOf, tag, tagsOf } from "/panel/set_state.js";
import { removeSet, uploadSet, verifySet } from "/panel/set_actions.js";
import { drilledSets, holdings, listSets, nameIn, placeName, setAddress } from "/panel/sets.js";
import { sortChoice, sorted, table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

const PAGE = 50;
const MOST = 200;
const PATIENCE_MS = 250;
const AGAIN_MS = 15000;
const NEWEST = { key: "made", descending: true };
const STATES = ["damaged", "verified", "vouched", "readable", "unvouched", "locked", "unknown"];

// What was chosen, kept while the page lives.
const view = { text: "", storage: "all", state: "", sort: NEWEST, shown: PAGE };

export async function backupsView(_parameters, query, signal) {
  const config = await configuration(signal);
  if (query.q !== undefined) Object.assign(view, { text: query.q, state: "", shown: PAGE });
  if (!config.storages.includes(view.storage)) view.storage = "all";
  const parts = { count: el("p", { class: "hint", role: "status" }), note: el("div", { role: "status" }), list: el("div", {}), bulk: el("div", {}), ticked: new Map(), signal, storages: config.storages };
  parts.refresh = () => load(parts);
  await parts.refresh();
  keepFresh(parts);
  const tasks = () => [...new Set((parts.found?.backups ?? []).map((set) => set.location))].filter((one) => one !== "global");
  const taken = (info) => go(setAddress("backups", nameIn({ backup_path: info.backup_path, timestamp: info.timestamp })));
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("backups")),
      el("div", { class: "actions" },
        link(t("whole databases"), address(["databases"]), "button"),
        link(t("stores"), address(["stores"]), "button"),
        link(t("stacks"), address(["stacks"]), "button"),
        writeButton(t("upload"), () => uploadSet(config.storages, tasks(), taken)),
        writeButton(t("back up now"), () => backUp(tasks()), { kind: "primary", needs: "operate" }))),
    parts.note, filters(parts), parts.count, parts.bulk, parts.list);
  return { title: t("backups"), node };
}

function filters(parts) {
  let waiting = null;
  const change = (name) => (event) => {
    view[name] = event.target.value;
    view.shown = PAGE;
    clearTimeout(waiting);
    waiting = setTimeout(() => guarded(parts), name === "text" ? PATIENCE_MS : 0);
  };
  const text = el("input", { type: "search", value: view.text, placeholder: t("filter.example"), on: { input: change("text") } });
  return el("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } },
    field(t("filter"), text),
    parts.storages.length > 1 && field(t("storage"), select([["all", t("all")], ...parts.storages.map((name) => [name, name])], view.storage, change("storage"))),
    field(t("check"), select([["", t("all")], ...STATES.map((name) => [name, t(`set.${name}`)])], view.state, change("state"))));
}

// Newest first they come a page at a time; in another order all have to be known.
async function load(parts) {
  const asked = (parts.asked = (parts.asked ?? 0) + 1);
  const choice = { q: `${view.text} ${view.state}`, storage: view.storage };
  const [found, drills] = await Promise.all([
    inOrder() ? pages(choice, parts.signal) : listSets(parts.signal, choice),
    drilledSets(parts.signal),
  ]);
  if (asked === parts.asked && !parts.signal.aborted) draw(parts, { ...found, drills });
}

const inOrder = () => view.sort.key === NEWEST.key && view.sort.descending;

async function pages(choice, signal) {
  let found = await listSets(signal, { ...choice, limit: Math.min(view.shown, MOST) });
  while (found.next && found.backups.length < view.shown) {
    const further = await listSets(signal, { ...choice, limit: MOST, after: found.next });
    found = { ...further, backups: [...found.backups, ...further.backups] };
  }
  return found;
}

const guarded = (parts) => parts.refresh().catch((error) => {
  if (parts.signal.aborted || error.name === "AbortError") return;
  if (!(error instanceof Failure)) throw error;
  show(parts.note, problem(error));
});

// New backups come by themselves; where there is no answer the page says so.
async function keepFresh(parts) {
  while (!parts.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    if (parts.signal.aborted || document.hidden || document.querySelector("dialog")) continue;
    await parts.refresh().catch(() => parts.signal.aborted || show(parts.note, el("p", { class: "note" }, t("silence"))));
  }
}

function draw(parts, found) {
  parts.found = found;
  const again = () => guarded(parts);
  drawBulk(parts);
  show(parts.note,
    found.unreachable.length > 0 && el("p", { class: "note" }, t("unreachable storages", { names: found.unreachable.join(", ") })),
    found.unknown && el("p", { class: "note" }, t("checks unknown")));
  show(parts.count, t("sets found", { n: found.total }));
  if (!found.backups.length) return redraw(parts.list, empty());
  const resort = (sort) => {
    view.sort = sort;
    view.shown = PAGE;
    again();
  };
  const more = () => {
    view.shown += PAGE;
    again();
  };
  const columns = columnsOf(parts, again);
  const rows = sorted(columns, found.backups, view.sort).slice(0, view.shown);
  return redraw(parts.list,
    sortChoice(columns, view.sort, resort),
    table(t("backups"), columns, rows, view.sort, resort),
    found.total > rows.length && el("p", {}, button(t("show more"), more, { name: "more" })));
}

function drawBulk(parts) {
  const drawn = { redraw: () => draw(parts, parts.found), refresh: () => guarded(parts) };
  redraw(parts.bulk, bulkBar(parts.ticked, parts.storages, drawn));
}

function empty() {
  const chosen = view.text.trim() || view.state || view.storage !== "all";
  if (chosen) return el("div", { class: "empty" }, el("p", {}, t("no matches")), el("p", { class: "hint" }, t("no matches.hint")));
  return el("div", { class: "empty" }, el("p", {}, t("no backups")), may("operate") && el("p", { class: "hint" }, t("no backups.hint")));
}

function columnsOf(parts, again) {
  return [
    { key: "made", label: t("when"), kind: "fixed", value: (set) => set.timestamp, cell: (set) => [tick(set, parts.ticked, () => drawBulk(parts)), link(set.date, setAddress("backups", set)), el("div", { class: "hint" }, since(set.made))] },
    { key: "database", label: t("source database"), kind: "any", value: (set) => `${set.database ?? ""} ${set.location}`, cell: (set) => [
      el("div", {}, name(set.database ?? "–")),
      el("div", { class: "hint" }, name(placeName(set))),
      el("div", { class: "hint" }, name(holdings(set))),
      el("div", { class: "tags" }, tagsOf(set), storagesOf(set))] },
    { key: "rows", label: t("rows"), numeric: true, value: (set) => set.rows, cell: (set) => (set.rows === null ? "–" : number(set.rows)) },
    { key: "bytes", label: t("size"), numeric: true, value: (set) => set.bytes, cell: (set) => [bytes(set.bytes), el("div", { class: "hint" }, set.format)] },
    { key: "check", label: t("check"), kind: "check", value: (set) => STATES.indexOf(set.state), cell: (set) => [statesOf(set), drillsOf(set, parts.found.drills)] },
    { key: "actions", label: "", kind: "actions", cell: (set) => actions(set, again) },
  ];
}

// Where it lies, unless that is the usual place alone.
function storagesOf({ copies }) {
  return copies.length > 1 || copies[0].storage !== "local" ? copies.map((one) => tag(one.storage)) : [];
}

function actions(set, again) {
  const named = (text) => ({ "aria-label": `${text} ${set.date} ${placeName(set)} ${set.storage}` });
  const verify = writeButton(t("verify"), () => verifySet(set, verify, again), { ...named(t("verify")), needs: "check" });
  return [
    writeLink(t("restore"), setAddress("restore", set), "button", { ...named(t("restore")), needs: "operate" }),
    verify,
    writeButton(t("delete"), () => removeSet(set, again), named(t("delete"))),
  ];
}
