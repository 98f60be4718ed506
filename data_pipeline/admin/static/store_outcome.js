// What came of a backup or a restore that isn't one of tables.

import { link } from "/panel/controls.js";
import { databaseName, targetName } from "/panel/database.js";
import { el } from "/panel/dom.js";
import { advice, fact, serverText } from "/panel/problem.js";
import { address } from "/panel/router.js";
import { consistencyFact, counted } from "/panel/store_contents.js";
import { table } from "/panel/table.js";
import { bytes, duration, has, moment, number, t } from "/panel/text.js";

// A set of another store, by what it holds, or else by its files.
export function storeSaved(result) {
  const parts = Object.entries(result.collections_backed_up ?? result.files);
  const columns = [
    { key: "name", label: t(result.collections_backed_up ? "collection" : "file"), kind: "any", cell: ([name, one]) => one.backup_file ?? name },
    { key: "rows", label: t(has(`${result.layout}.counted`) ? `${result.layout}.counted` : "rows"), numeric: true, cell: ([, one]) => number(one.row_count) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => one.file_size },
  ];
  return [
    table(t("files"), columns, parts),
    copies(result),
    el("dl", { class: "facts" },
      consistencyFact(result),
      result.graph && fact(t("neo4j.labels"), counted(result.graph.labels) || "–"),
      result.graph && fact(t("neo4j.types"), counted(result.graph.types) || "–"),
      result.databases && fact(t("redis.types"), Object.entries(result.databases).map(([name, one]) => el("div", {}, `${name}: ${counted(one.types)}`))),
      fact(t("took"), duration(result.duration))),
  ];
}

// Where a set lies, and where it doesn't, and why. addressOf(storage): of its page.
export function copies({ storages, backup_timestamp: timestamp }, addressOf = (name) => address(["backups", name, "global", timestamp])) {
  return Object.entries(storages).map(([name, one]) => (one.success
    ? el("p", {}, link(t("stored in", { name, timestamp }), addressOf(name)))
    : el("p", { class: "problem" }, t("not stored in", { name }), " ", serverText(one.error), " ", advice(one.error_type, "backup"))));
}

// What became of each part of a store.
export const storeRestored = (kind) => (result) => [
  el("p", { class: "good" }, serverText(result.response)),
  RESTORED[kind](result),
  el("dl", { class: "facts" }, fact(t("field.target"), targetName(result.target)), fact(t("took"), duration(result.duration))),
];

function milvusRestored(result) {
  const columns = [
    { key: "name", label: t("collection"), kind: "any", cell: ([, one]) => [one.name, one.old && el("div", { class: "hint" }, t("milvus.old kept", { name: one.old }))] },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => number(one.rows) },
    { key: "before", label: t("rows before"), numeric: true, cell: ([, one]) => (one.rows_before === undefined ? "–" : number(one.rows_before)) },
    { key: "how", label: t("how"), kind: "any", cell: ([, one]) => [t(`milvus.done.${one.action}`), one.switched_by && el("div", { class: "hint" }, t(`milvus.by ${one.switched_by}`, { time: duration(one.window_seconds ?? 0) }))] },
  ];
  return table(t("collections"), columns, Object.entries(result.restore_results));
}

function redisRestored(result) {
  const columns = [
    { key: "name", label: t("redis.database"), cell: ([name, one]) => (name === String(one.database) ? name : `${name} → ${one.database}`) },
    { key: "keys", label: t("redis.counted"), numeric: true, cell: ([, one]) => number(one.keys) },
    { key: "expired", label: t("redis.expired"), numeric: true, cell: ([, one]) => number(one.expired) },
    { key: "kept", label: t("databases.kept"), cell: ([, one]) => one.kept_as ?? "–" },
  ];
  return [
    table(t("databases"), columns, Object.entries(result.databases)),
    result.keys_added !== undefined && el("p", {}, t("redis.merged", { n: result.keys_added, replaced: result.keys_replaced ?? 0 })),
    el("p", { class: "hint" }, t("redis.switched", { time: duration(result.switch_seconds) })),
  ];
}

function neo4jRestored({ graph, created }) {
  return el("dl", { class: "facts" },
    fact(t("neo4j.nodes"), number(graph.nodes), el("div", { class: "hint" }, counted(graph.labels))),
    fact(t("neo4j.relationships"), number(graph.relationships), el("div", { class: "hint" }, counted(graph.types))),
    created.length > 0 && fact(t("neo4j.created"), created.join(", ")));
}

function objectsRestored({ objects, verified }) {
  return el("dl", { class: "facts" },
    ["added", "replaced", "removed", "unchanged", "kept"].map((key) => fact(t(`objects.${key}`), number(objects[key]))),
    fact(t("objects.verified"), number(verified), el("div", { class: "hint" }, bytes(objects.bytes))));
}

const RESTORED = { milvus_restore: milvusRestored, redis_restore: redisRestored, neo4j_restore: neo4jRestored, objects_restore: objectsRestored };

// A stack's set: each member's copy, of which moment and of what worth.
export function stackSaved(result) {
  return [membersTable(Object.entries(result.members)), copies(result, (name) => address(["stacks"], { storage: name }))];
}

export function membersTable(members) {
  const columns = [
    { key: "role", label: t("stack.member"), kind: "any", cell: ([role, one]) => [role, el("div", { class: "hint" }, `${t(`layout.${one.family}`)} · ${one.target}`)] },
    { key: "moment", label: t("consistency"), kind: "any", cell: ([, one]) => [moment(new Date(one.started_at)), el("div", { class: "hint" }, t(`consistency.${one.consistency}`))] },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => number(one.rows) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => bytes(one.bytes) },
    { key: "set", label: t("backup"), kind: "fixed", cell: ([, one]) => one.timestamp },
  ];
  return table(t("stack.members"), columns, members);
}

// What happened to each member; where one failed, those after it were not begun.
export function stackRestored(result) {
  const columns = [
    { key: "role", label: t("stack.member"), kind: "any", cell: ([role, one]) => [role, el("div", { class: "hint" }, `${t(`layout.${one.family}`)} · ${one.target}`)] },
    { key: "state", label: t("state"), kind: "any", cell: ([, one]) => [
      el("span", { class: one.state === "failed" ? "bad" : "good" }, t(`member.${one.state}`)),
      one.error && el("div", { class: "why" }, el("p", {}, serverText(one.error)), el("p", { class: "hint" }, advice(one.error_type, "stack_restore")),
        one.rolled_back && el("p", {}, t("member.rolled back")))] },
    { key: "set", label: t("backup"), kind: "fixed", cell: ([, one]) => one.timestamp },
  ];
  return [el("p", { class: result.errors.length ? "bad" : "good" }, serverText(result.response)), table(t("stack.members"), columns, Object.entries(result.members))];
}

export function databaseRestored(result) {
  const rows = Object.entries(result.rows ?? {});
  const columns = [
    { key: "name", label: t("table"), kind: "any", cell: ([name]) => name },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, count]) => number(count) },
  ];
  return [
    el("p", { class: result.partial ? "note" : "good" }, serverText(result.response)),
    rows.length > 0 && table(t("tables"), columns, rows),
    el("dl", { class: "facts" },
      fact(t("database"), databaseName({ ...result.target, dbname: result.database ?? result.target.dbname })),
      fact(t("took"), duration(result.duration)),
      fact(t("databases.tool"), `${result.tool.name} ${result.tool.version}`),
      listed("databases.skipped", result.tables_skipped),
      listed("databases.added to", result.tables_added_to),
      listed("databases.left out", result.left_out),
      listed("databases.roles made", result.created_roles),
      result.kept_database && fact(t("databases.kept"), result.kept_database)),
  ];
}

// The last event of an import.
export function importOutcome(event) {
  if (event.type === "complete") return databaseRestored({ ...event, response: event.message });
  return el("section", { class: "problem", role: "alert" },
    el("p", { class: "what" }, serverText(event.message)),
    el("p", {}, advice(event.error_type)),
    event.restored && el("p", {}, t("databases.restored all the same")));
}

const listed = (name, values) => (values?.length ? fact(t(name), values.join(", ")) : null);
