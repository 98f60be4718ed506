// All backups in one table.

import { mayWrite } from "/panel/api.js";
import { chart } from "/panel/chart.js";
import { backUp } from "/panel/back_up.js";
import { since } from "/panel/clock.js";
import { button, field, link, select, writeButton, writeLink } from "/panel/controls.js";
import { el, redraw, show } from "/panel/dom.js";
import { render } from "/panel/router.js";
import { checkState, removeSet, verifySet } from "/panel/set_actions.js";
import { detailsOf, listSets, placeName, setAddress } from "/panel/sets.js";
import { sortChoice, sorted, table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

const PAGE = 50;
const CHARTED = 60;

// What somebody chose, kept while the page lives.
const view = { text: "", storage: "", format: "", check: "", sort: { key: "made", descending: true }, shown: PAGE };

export async function backupsView(_parameters, _query, signal) {
  const { sets, unreachable } = await listSets(signal);
  for (const set of sets) set.rows = null;
  if (!sets.some((set) => set.storage === view.storage)) view.storage = "";
  const list = el("div", {});
  const count = el("p", { class: "hint", role: "status" });
  const charts = el("div", { class: "charts" });
  const refresh = () => {
    const found = sets.filter(matches);
    show(count, t("sets found", { n: found.length }));
    redraw(list, listing(found, refresh, signal));
  };
  refresh();
  drawCharts(charts, sets, signal);
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("backups")),
      writeButton(t("back up now"), () => backUp(sets), { kind: "primary" })),
    unreachable.length > 0 && el("p", { class: "note", role: "status" }, t("unreachable storages", { names: unreachable.join(", ") })),
    sets.length ? [filters(sets, refresh), count, list, charts] : empty());
  return { title: t("backups"), node };
}

function empty() {
  return el("div", { class: "empty" }, el("p", {}, t("no backups")), mayWrite() && el("p", { class: "hint" }, t("no backups.hint")));
}

function filters(sets, refresh) {
  const set = (name) => (event) => {
    view[name] = event.target.value;
    view.shown = PAGE;
    refresh();
  };
  const storages = [...new Set(sets.map((one) => one.storage))];
  const text = el("input", { type: "search", value: view.text, on: { input: set("text") } });
  const any = ["", t("all")];
  return el("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } },
    field(t("filter"), text),
    storages.length > 1 && field(t("storage"), select([any, ...storages.map((name) => [name, name])], view.storage, set("storage"))),
    field(t("format"), select([any, ["csv", "csv"], ["binary", "binary"]], view.format, set("format"))),
    field(t("check"), select([any, ["yes", t("has checksums")], ["no", t("no checksums")]], view.check, set("check"))));
}

function matches(set) {
  const words = `${set.location} ${set.storage} ${set.timestamp} ${set.date} ${set.path}`.toLowerCase();
  return words.includes(view.text.trim().toLowerCase())
    && (!view.storage || set.storage === view.storage)
    && (!view.format || set.format === view.format)
    && (!view.check || set.vouched === (view.check === "yes"));
}

function listing(found, refresh, signal) {
  const resort = (sort) => {
    view.sort = sort;
    refresh();
  };
  const columns = columnsOf(refresh);
  const more = () => {
    view.shown += PAGE;
    refresh();
  };
  learnRows(view.sort.key === "rows" ? found : [], refresh, signal);
  return [
    sortChoice(columns, view.sort, resort),
    table(t("backups"), columns, sorted(columns, found, view.sort).slice(0, view.shown), view.sort, resort),
    found.length > view.shown && el("p", {}, button(t("show more"), more, { name: "more" })),
  ];
}

// To sort by rows all of them have to be known.
async function learnRows(sets, refresh, signal) {
  const unknown = sets.filter((set) => set.vouched && set.rows === null);
  if (!unknown.length) return;
  await Promise.allSettled(unknown.map(rowsOf));
  if (!signal.aborted && unknown.some((set) => set.rows !== null)) refresh();
}

async function rowsOf(set) {
  if (set.vouched) set.rows = (await detailsOf(set)).rows;
  return set.rows;
}

function columnsOf(refresh) {
  return [
    { key: "made", label: t("when"), kind: "fixed", value: (set) => set.timestamp, cell: (set) => link(set.date, setAddress("backups", set)) },
    { key: "location", label: t("where"), kind: "any", value: (set) => `${set.location} ${set.storage}`, cell: whereIs },
    { key: "rows", label: t("rows"), numeric: true, value: (set) => set.rows, cell: rowsCell },
    { key: "bytes", label: t("size"), numeric: true, value: (set) => set.bytes, cell: (set) => bytes(set.bytes) },
    { key: "format", label: t("format"), value: (set) => set.format, cell: (set) => set.format },
    { key: "check", label: t("check"), value: (set) => Number(set.vouched), cell: checkState },
    { key: "age", label: t("age"), numeric: true, value: (set) => -Number(set.timestamp.replace("_", "")), cell: (set) => since(set.made) },
    { key: "actions", label: "", kind: "actions", cell: (set) => actions(set, refresh) },
  ];
}

function whereIs(set) {
  return [placeName(set), set.storage !== "local" && el("span", { class: "tag" }, set.storage)];
}

function rowsCell(set) {
  const node = el("span", {}, set.rows === null ? (set.vouched ? "…" : "–") : number(set.rows));
  if (set.vouched && set.rows === null) {
    rowsOf(set).then((rows) => show(node, number(rows)), () => show(node, "–"));
  }
  return node;
}

function actions(set, refresh) {
  const named = (text) => ({ "aria-label": `${text} ${set.date} ${placeOf(set)}` });
  const verify = el("button", { type: "button", ...named(t("verify")), on: { click: () => verifySet(set, verify, refresh) } }, t("verify"));
  return [
    writeLink(t("restore"), setAddress("restore", set), "button", named(t("restore"))),
    verify,
    writeButton(t("delete"), () => removeSet(set, () => render(false)), named(t("delete"))),
  ];
}

async function drawCharts(node, sets, signal) {
  const places = grouped(sets);
  for (const [name, all] of places) {
    if (all.length < 2) continue;
    const points = all.slice(0, CHARTED).reverse();
    await Promise.allSettled(points.map(rowsOf));
    if (signal.aborted) return;
    node.append(chart(name, points));
  }
}

function placeOf(set) {
  return set.storage === "local" ? placeName(set) : `${placeName(set)} · ${set.storage}`;
}

function grouped(sets) {
  const found = new Map();
  for (const set of sets.filter(({ made }) => !Number.isNaN(made.getTime()))) {
    const name = placeOf(set);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(set);
  }
  return found;
}
