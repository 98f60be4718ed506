// What came of a backup or a restore that isn't one of tables.

import { link } from "/panel/controls.js";
import { databaseName } from "/panel/database.js";
import { el } from "/panel/dom.js";
import { advice, fact, serverText } from "/panel/problem.js";
import { address } from "/panel/router.js";
import { table } from "/panel/table.js";
import { duration, number, t } from "/panel/text.js";

// A set of another store, by its files.
export function storeSaved(result) {
  const columns = [
    { key: "name", label: t("file"), kind: "any", cell: ([, one]) => one.backup_file },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => number(one.row_count) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => one.file_size },
  ];
  return [
    table(t("files"), columns, Object.entries(result.files)),
    Object.entries(result.storages).map(([name, one]) => (one.success
      ? el("p", {}, link(t("stored in", { name, timestamp: result.backup_timestamp }), address(["backups", name, "global", result.backup_timestamp])))
      : el("p", { class: "problem" }, t("not stored in", { name }), " ", serverText(one.error), " ", advice(one.error_type, "backup")))),
  ];
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
