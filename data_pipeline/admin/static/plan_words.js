// A dry run's answer in plain words.

import { bytes, duration, has, t } from "/panel/text.js";

// Lines {text, loss}: what becomes of the rows.
export function sentences(job) {
  const { request, result } = job;
  const lines = Object.entries(result.restore_results)
    .filter(([, table]) => table.success)
    .flatMap(([name, table]) => ofTable(whatOf(name), request, table, result.truncate_results?.[name]));
  if (request.where) lines.push(said("plan.where", { column: request.where.column, values: request.where.in.join(", ") }));
  if (request.rename) lines.push(said("plan.renamed", { names: Object.entries(request.rename).map(([old, now]) => `${old} → ${now}`).join(", ") }));
  if (request.collection_suffix) lines.push(said("plan.copies", { names: result.collections.join(", ") }));
  else if (result.collections) lines.push(said("plan.only", { names: result.collections.join(", ") }));
  if (result.created) lines.push(said("plan.created", { names: created(result.created) }));
  if (request.triggers === "disable") lines.push(said("plan.triggers off"));
  if (request.dialect) lines.push(said("plan.dialect", { name: t(`dialect.${request.dialect}`) }));
  return lines;
}

const whatOf = (name) => (has(`rows of.${name}`) ? t(`rows of.${name}`) : name);

function ofTable(what, request, table, truncated) {
  if (truncated) return replaced(what, table, truncated);
  if (request.strategy === "sync") return synced(what, table);
  if (request.on_conflict === "skip") return [said("plan.skip", { what, n: table.rows_inserted, kept: table.rows_skipped })];
  if (request.on_conflict === "update") {
    const lines = [said("plan.add", { what, n: table.rows_inserted })];
    return table.rows_updated ? [...lines, lost("plan.overwrite", { what, n: table.rows_updated })] : lines;
  }
  return [said("plan.add", { what, n: table.rows_restored })];
}

function replaced(what, table, truncated) {
  const lines = [said("plan.replace", { what, n: table.rows_restored, before: truncated.rows_before })];
  return truncated.rows_only_live ? [...lines, lost("plan.only live", { what, n: truncated.rows_only_live })] : lines;
}

function synced(what, table) {
  const lines = [said("plan.sync", { what, n: table.rows_inserted, same: table.rows_unchanged })];
  if (table.rows_updated) lines.push(lost("plan.overwrite", { what, n: table.rows_updated }));
  if (table.rows_deleted) lines.push(lost("plan.only live", { what, n: table.rows_deleted }));
  return lines;
}

// Whether rows, or what stands in them, will be gone.
export function loss({ result }) {
  const replaces = Object.values(result.truncate_results ?? {}).some((one) => one.rows_before > 0);
  return replaces || Object.values(result.restore_results).some((one) => one.rows_deleted > 0 || one.rows_updated > 0);
}

// Lines: who waits, how long it takes, the room it needs.
export function expectation(expected) {
  if (!expected) return [];
  const { readers_blocked_seconds: readers, writers_blocked_seconds: writers, disk_bytes: disk, disk_free_bytes: free } = expected;
  return [
    waiting("readers", readers),
    waiting("writers", writers),
    t("plan.time", { load: duration(expected.load_seconds), index: expected.index_seconds === null ? "?" : duration(expected.index_seconds) }),
    free === null ? t("plan.disk", { disk: bytes(disk) }) : t("plan.disk free", { disk: bytes(disk), free: bytes(free) }),
  ];
}

function waiting(who, seconds) {
  if (seconds === null) return t(`plan.${who} wait unknown`);
  return seconds > 0 ? t(`plan.${who} wait`, { time: duration(seconds) }) : t(`plan.${who} go on`);
}

function created(made) {
  return [made.extension && "pgvector", ...made.tables, ...made.keys, ...Object.keys(made.indexes)].filter(Boolean).join(", ");
}

const said = (key, values) => ({ text: t(key, values), loss: false });
const lost = (key, values) => ({ text: t(key, values), loss: true });
