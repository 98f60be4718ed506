// A backup beside what is live, or beside another backup: of tables, and of the stores that can tell.

import { BASE, call } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { field, link, select } from "/panel/controls.js";
import { databaseSelect, placeOf, targetName } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { fact, problem, warnings } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { setPicker } from "/panel/set_picker.js";
import { findSet, keyed, listSets, setName } from "/panel/sets.js";
import { counted } from "/panel/store_contents.js";
import { isOfTables, STORES, targetsOf } from "/panel/store_forms.js";
import { table } from "/panel/table.js";
import { duration, number, t } from "/panel/text.js";

const LIVE = "live";

// query: a and b, the sets by their keys (b may be "live"); with `b` the comparison is made. target: what is live, by its name.
export async function compareView(_parameters, query, signal) {
  const [one, other, config] = await Promise.all([setOf(query.a, signal), setOf(query.b, signal), configuration(signal)]);
  const heading = el("h1", {}, t("compare"));
  const first = one ?? (query.a ? null : (await listSets(signal, { limit: 1 })).backups[0]);
  if (!first && !query.a) {
    return { title: t("compare"), node: el("div", { class: "page" }, heading, el("div", { class: "empty" },
      el("p", {}, t("no backups")), el("p", { class: "hint" }, t("no backups.compare")), el("p", {}, link(t("to backups"), address(["backups"]), "button")))) };
  }
  const result = el("div", { role: "status" });
  const node = el("div", { class: "page" }, heading, el("p", { class: "hint" }, t(familyOf(first) ? "compare.what.store" : "compare.what")), form(first, other, config, query, signal), result);
  if (query.a && query.b) compare(one, other, config, query, result, signal);
  return { title: t("compare"), node };
}

async function setOf(key, signal) {
  return key && key !== LIVE ? (await findSet(keyed(key), signal)).set : null;
}

// What a set is compared as: that of another store, or null, of tables.
const familyOf = (set) => (!set || isOfTables(set) ? null : set.layout);
const sidesOf = (family) => (family ? (STORES[family]?.compared ?? []) : ["live", "set"]);

function form(first, other, config, query, signal) {
  const family = familyOf(first);
  const sides = sidesOf(family);
  const live = { key: LIVE, label: t(family ? "live store" : "live tables") };
  const chosen = { a: first?.key, b: query.b ?? LIVE };
  const target = family ? storeSelect(family, config, query.target ?? first.database) : tablesSelect(config, query.target);
  const submit = (event) => {
    event.preventDefault();
    go(address(["compare"], { ...chosen, target: target.value }));
  };
  const choose = (side) => (option) => {
    chosen[side] = option.key;
    if (side === "a" && familyOf(option.set) !== family) go(address(["compare"], { a: option.key })); // with what else it can be
  };
  return el("form", { class: "filters wide", on: { submit } },
    setPicker(t("backup"), { chosen: first, change: choose("a"), signal, name: "a" }),
    sides.includes("set") && setPicker(t("compare with"), { chosen: other ?? live, change: choose("b"), signal, more: [live], name: "b" }),
    target.options.length > 1 && field(t(family ? "field.target" : "database"), target),
    sides.length > 0 ? el("button", { type: "submit", class: "primary" }, t("compare")) : el("p", { class: "note" }, t("compare.not")));
}

function storeSelect(family, config, value) {
  const own = Object.values(targetsOf(config, family));
  return select(own.map((target) => [target.name, `${target.name}: ${placeOf(target)}`]), value, null, { name: "target" });
}

// Tables may have gone into a Milvus.
function tablesSelect(config, value) {
  const node = databaseSelect(config.database, config.targets, value);
  for (const { name, ...place } of Object.values(targetsOf(config, "milvus"))) {
    node.append(el("option", { value: name, selected: name === value }, `${name}: ${placeOf(place)}`));
  }
  return node;
}

async function compare(one, other, config, query, result, signal) {
  if (!one || (!other && query.b !== LIVE)) return show(result, el("p", { class: "note" }, t("backup gone")));
  show(result, el("p", { class: "waiting" }, t("comparing")));
  try {
    const family = together(one, other, config, query.target);
    const answer = family ? await ofStore(family, one, other, query.target, signal) : await ofTables(one, other, query.target, signal);
    const brief = !other || other.path === one.path ? (set) => set.date : setName;
    return show(result, described(answer, brief(one), other ? t("only in", { name: brief(other) }) : t("only live")));
  } catch (error) {
    return error.name === "AbortError" ? result : show(result, problem(error));
  }
}

// A Milvus on either side compares both.
function together(one, other, config, target) {
  const families = [familyOf(one), familyOf(other), !other && config.stores[target]?.family];
  return families.includes("milvus") ? "milvus" : familyOf(one);
}

const named = (set) => ({ backup_path: set.path, timestamp: set.timestamp });

const ofTables = (one, other, target, signal) =>
  call("POST", "/compare", { ...named(one), with: other ? named(other) : null, pg_conn: target || null }, { signal });

const ofStore = (family, one, other, target, signal) =>
  call("POST", `/${family}/compare`, { set: named(one), ...(other ? { with: named(other) } : { target }) }, { signal, prefix: BASE });

// right: how what is only there is called.
function described(answer, left, right) {
  const parts = partsOf(answer);
  return [
    el("h2", {}, t(answer.identical ? "compare.same" : "compare.different")),
    parts.length > 0 && table(t("compare"), columnsOf(answer, left, right), parts),
    answer.graph && graphs(answer, left),
    warnings(answer.warnings),
    parts.filter(differs).map((one) => samples(one, left, right)),
    el("dl", { class: "facts" },
      answer.target && fact(t(answer.target.family ? "field.target" : "database"), targetName(answer.target)),
      fact(t("took"), duration(answer.duration))),
  ];
}

// Rows by collection; of a Redis keys by database.
function partsOf({ collections, databases }) {
  return collections ?? Object.entries(databases ?? {}).map(([name, one]) => ({ name, ...one }));
}

function columnsOf(answer, left, right) {
  const ofCollections = answer.collections?.some((one) => one.collection);
  return [
    { key: "name", label: t(answer.databases ? "redis.database" : "collection"), kind: "any", cell: (one) => one.name ?? t("no collection") },
    { key: "left", label: t("only in", { name: left }), numeric: true, cell: (one) => number(one.only_in_backup) },
    { key: "different", label: t("different"), numeric: true, cell: (one) => number(one.different) },
    { key: "same", label: t("the same"), numeric: true, cell: (one) => number(one.same) },
    { key: "right", label: right, numeric: true, cell: (one) => number(one.only_in_other) },
    ...(ofCollections ? [{ key: "collection", label: t("collection itself"), cell: ({ collection }) => t(`collection.${collection.kind}`) }] : []),
  ];
}

// Of graphs it is only told whether all is the same, and how many there are.
function graphs({ graph, live, missing }, left) {
  const columns = [
    { key: "name", label: t("what"), cell: ([name]) => name },
    { key: "left", label: left, kind: "any", cell: ([, one]) => one },
    { key: "right", label: t("live store"), kind: "any", cell: ([, , other]) => other },
  ];
  const rows = [
    [t("neo4j.nodes"), number(graph.nodes), number(live.nodes)],
    [t("neo4j.labels"), counted(graph.labels), counted(live.labels)],
    [t("neo4j.relationships"), number(graph.relationships), number(live.relationships)],
    [t("neo4j.types"), counted(graph.types), counted(live.types)],
  ];
  return [table(t("compare"), columns, rows), missing.length > 0 && el("p", { class: "note" }, t("neo4j.missing", { names: missing.join(", ") }))];
}

const differs = (one) => one.only_in_backup + one.only_in_other + one.different > 0;

// Up to 20 ids of each kind, side by side.
function samples(one, left, right) {
  const column = (heading, ids, count) => el("div", {},
    el("h4", {}, `${heading} (${number(count)})`),
    ids.length ? el("ul", { class: "ids" }, ids.map((id) => el("li", {}, el("code", {}, id)))) : el("p", { class: "hint" }, "–"));
  return el("section", { class: "card" },
    el("h3", {}, one.name ?? t("no collection")),
    el("div", { class: "sides" },
      column(t("only in", { name: left }), one.samples.only_in_backup, one.only_in_backup),
      column(t("different"), one.samples.different, one.different),
      column(right, one.samples.only_in_other, one.only_in_other)));
}
