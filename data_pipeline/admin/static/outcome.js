// What a finished backup or restore says of itself.

import { link } from "/panel/controls.js";
import { databaseName } from "/panel/database.js";
import { el } from "/panel/dom.js";
import { counts } from "/panel/import_rows.js";
import { isBackup } from "/panel/operations.js";
import { advice, fact, serverText, warnings } from "/panel/problem.js";
import { address } from "/panel/router.js";
import { nameIn, setAddress } from "/panel/sets.js";
import { copies, databaseRestored, stackRestored, stackSaved, storeRestored, storeSaved } from "/panel/store_outcome.js";
import { table } from "/panel/table.js";
import { bytes, duration, number, t } from "/panel/text.js";

export function outcome({ kind, result }) {
  return [
    wayOf(kind, result)(result),
    warnings(result.warnings),
  ];
}

function saved(result) {
  const task = result.backup_directory.split("/").at(-2);
  const location = task === "training_data" ? "global" : task;
  const columns = [
    { key: "name", label: t("table"), cell: ([name]) => name },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => number(one.row_count) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => one.file_size },
  ];
  return [
    table(t("tables"), columns, Object.entries(result.tables_backed_up)),
    copies(result, (name) => address(["backups", name, location, result.backup_timestamp])),
    result.truncate_performed && el("p", { class: "note" }, t("truncated", { n: Object.values(result.truncate_results)[0].rows_before })),
  ];
}

// Whether a restore of the set works, table by table.
function proven(result) {
  const columns = [
    { key: "name", label: t("table"), cell: ([name]) => name },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => number(one.rows) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => bytes(one.file_bytes) },
  ];
  const { backup_info: info, steps } = result;
  return [
    el("p", { class: result.proven ? "good" : "bad" }, t(result.proven ? "drill.proven" : "drill.not proven", { date: info.backup_date })),
    result.errors.map((text) => el("p", { class: "problem" }, serverText(text))),
    table(t("tables"), columns, Object.entries(result.tables)),
    el("dl", { class: "facts" },
      fact(t("backup"), link(info.backup_date, setAddress("backups", nameIn(info)))),
      fact(t("drill.restored in"), duration(steps.restore_seconds)),
      fact(t("drill.compared in"), duration(steps.compare_seconds)),
      result.search_check?.performed && fact(t("search check"), t("search check.value", {
        exact: result.search_check.exact_matches, probes: result.search_check.probes, recall: result.search_check.recall ?? "–",
      }))),
  ];
}

const WAYS = { backup: saved, table_import: counts, database_import: databaseRestored, database_restore: databaseRestored, drill: proven, stack_backup: stackSaved, stack_restore: stackRestored };

// A set of Milvus that went into a database was restored as tables are.
function wayOf(kind, result) {
  if (WAYS[kind]) return WAYS[kind];
  if (isBackup(kind)) return storeSaved;
  return kind.endsWith("_restore") && result.target.family ? storeRestored(kind) : restored;
}

const COUNTS = ["rows_inserted", "rows_updated", "rows_deleted", "rows_unchanged", "rows_skipped"];

function restored(result) {
  const tables = Object.entries(result.restore_results);
  const counted = COUNTS.filter((name) => tables.some(([, one]) => name in one));
  const columns = [
    { key: "name", label: t("table"), cell: ([name]) => name },
    { key: "rows", label: t("rows_restored"), numeric: true, cell: ([, one]) => (one.success ? number(one.rows_restored) : "–") },
    ...counted.map((name) => ({ key: name, label: t(name), numeric: true, cell: ([, one]) => number(one[name] ?? 0) })),
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => (one.success ? bytes(one.file_bytes) : "–") },
  ];
  return [
    table(t("tables"), columns, tables),
    tables.filter(([, one]) => !one.success).map(([name, one]) =>
      el("p", { class: "problem" }, el("strong", {}, name), " ", serverText(one.error), " ", advice(one.error_type))),
    el("dl", { class: "facts" },
      fact(t("database"), databaseName(result.target)),
      fact(t("took"), duration(result.duration)),
      result.readers_blocked_seconds !== undefined && fact(t("readers waited"), duration(result.readers_blocked_seconds)),
      result.collections && fact(t("collections"), result.collections.join(", ")),
      result.search_check?.performed && fact(t("search check"), t("search check.value", {
        exact: result.search_check.exact_matches, probes: result.search_check.probes, recall: result.search_check.recall ?? "–",
      }))),
  ];
}
