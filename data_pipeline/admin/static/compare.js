// A backup beside the live tables, or beside another backup.

import { call } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { field, link } from "/panel/controls.js";
import { databaseName, databaseSelect } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { fact, problem, warnings } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { setPicker } from "/panel/set_picker.js";
import { findSet, keyed, listSets, setName } from "/panel/sets.js";
import { table } from "/panel/table.js";
import { duration, number, t } from "/panel/text.js";

const LIVE = "live";

// query: a and b, the sets by their keys (b may be "live"); with `b` the comparison is made.
export async function compareView(_parameters, query, signal) {
  const [one, other, config] = await Promise.all([setOf(query.a, signal), setOf(query.b, signal), configuration(signal)]);
  const heading = el("h1", {}, t("compare"));
  const first = one ?? (query.a ? null : (await listSets(signal, { limit: 1 })).backups[0]);
  if (!first && !query.a) {
    return { title: t("compare"), node: el("div", { class: "page" }, heading, el("div", { class: "empty" },
      el("p", {}, t("no backups")), el("p", { class: "hint" }, t("no backups.compare")), el("p", {}, link(t("to backups"), address(["backups"]), "button")))) };
  }
  const result = el("div", { role: "status" });
  const node = el("div", { class: "page" }, heading, el("p", { class: "hint" }, t("compare.what")), form(first, other, config, query, signal), result);
  if (query.a && query.b) compare(one, other, query, result, signal);
  return { title: t("compare"), node };
}

async function setOf(key, signal) {
  return key && key !== LIVE ? (await findSet(keyed(key), signal)).set : null;
}

function form(first, other, config, query, signal) {
  const live = { key: LIVE, label: t("live tables") };
  const chosen = { a: first?.key, b: query.b ?? LIVE };
  const target = databaseSelect(config.database, config.targets, query.target);
  const submit = (event) => {
    event.preventDefault();
    go(address(["compare"], { ...chosen, target: target.value }));
  };
  const choose = (side) => (option) => { chosen[side] = option.key; };
  return el("form", { class: "filters wide", on: { submit } },
    setPicker(t("backup"), { chosen: first, change: choose("a"), signal, name: "a" }),
    setPicker(t("compare with"), { chosen: other ?? live, change: choose("b"), signal, more: [live], name: "b" }),
    Object.keys(config.targets).length > 0 && field(t("database"), target),
    el("button", { type: "submit", class: "primary" }, t("compare")));
}

async function compare(one, other, query, result, signal) {
  if (!one || (!other && query.b !== LIVE)) return show(result, el("p", { class: "note" }, t("backup gone")));
  show(result, el("p", { class: "waiting" }, t("comparing")));
  const named = (set) => set && { backup_path: set.path, timestamp: set.timestamp };
  try {
    const body = { ...named(one), with: named(other) ?? null, pg_conn: query.target || null };
    const answer = await call("POST", "/compare", body, { signal });
    const brief = !other || other.path === one.path ? (set) => set.date : setName;
    return show(result, described(answer, brief(one), other ? brief(other) : t("live tables")));
  } catch (error) {
    return error.name === "AbortError" ? result : show(result, problem(error));
  }
}

function described(answer, left, right) {
  const columns = [
    { key: "name", label: t("collection"), kind: "any", cell: (one) => one.name ?? t("no collection") },
    { key: "left", label: t("only in", { name: left }), numeric: true, cell: (one) => number(one.only_in_backup) },
    { key: "different", label: t("different"), numeric: true, cell: (one) => number(one.different) },
    { key: "same", label: t("the same"), numeric: true, cell: (one) => number(one.same) },
    { key: "right", label: t("only in", { name: right }), numeric: true, cell: (one) => number(one.only_in_other) },
    { key: "collection", label: t("collection itself"), cell: ({ collection }) => t(`collection.${collection.kind}`) },
  ];
  return [
    el("h2", {}, t(answer.identical ? "compare.same" : "compare.different")),
    table(t("compare"), columns, answer.collections),
    warnings(answer.warnings),
    answer.collections.filter(differs).map((one) => samples(one, left, right)),
    el("dl", { class: "facts" }, fact(t("database"), databaseName(answer.target)), fact(t("took"), duration(answer.duration))),
  ];
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
      column(t("only in", { name: right }), one.samples.only_in_other, one.only_in_other)));
}
