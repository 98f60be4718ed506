// Health and settings, to be read.

import { configuration } from "/panel/configuration.js";
import { button } from "/panel/controls.js";
import { since } from "/panel/clock.js";
import { databaseName, placeName } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { healthNow, mark, storageTable } from "/panel/health.js";
import { fact, problem, warnings } from "/panel/problem.js";
import { table } from "/panel/table.js";
import { t } from "/panel/text.js";

const CHECKS = ["database", "queue", "schedules"];

export async function statusView(_parameters, _query, signal) {
  const config = await configuration(signal);
  const health = el("div", { role: "status" });
  const look = async () => show(health, await healthNow(signal).then((now) => checks(now, config), (error) => signal.aborted || problem(error)));
  await look();
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("status")), button(t("look again"), look)),
    health,
    el("h2", {}, t("settings")), el("p", {}, t("version"), " ", el("code", {}, config.version)), el("p", { class: "hint" }, t("settings.hint")), settings(config.settings));
  return { title: t("status"), node };
}

function checks(now, config) {
  const first = Object.entries(now.checks).filter(([name]) => CHECKS.includes(name));
  return [
    el("dl", { class: "facts card" }, first.map(([name, good]) => fact(t(`health.${name}`), mark(good)))),
    warnings(now.warnings),
    el("h2", {}, t("databases")), databases(now, config),
    el("h2", {}, t("storages")), storageTable(now),
  ];
}

function databases({ checks: { database }, targets, at }, config) {
  const rows = [
    { name: t("configured"), place: config.database ? databaseName(config.database) : t("target.unknown"), good: database },
    ...Object.entries({ ...config.targets, ...config.stores }).map(([name, target]) => ({ name, place: placeName(target), good: targets[name] })),
  ];
  const columns = [
    { key: "name", label: t("database"), kind: "any", cell: (one) => one.name },
    { key: "place", label: t("place"), kind: "any", cell: (one) => one.place },
    { key: "state", label: t("state"), cell: (one) => (one.good === undefined ? t("unknown") : mark(one.good)) },
    { key: "at", label: t("last check"), kind: "fixed", cell: (one) => (one.good === undefined ? "–" : since(at)) },
  ];
  return table(t("databases"), columns, rows);
}

function settings(values) {
  const columns = [
    { key: "name", label: t("setting"), cell: ([name]) => el("code", {}, name) },
    { key: "value", label: t("value"), kind: "any", cell: ([, value]) => told(value) },
  ];
  return table(t("settings"), columns, Object.entries(values));
}

function told(value) {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "–";
  if (value === "set") return t("is set");
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object") return "dbname" in value ? databaseName(value) : Object.entries(value).map(([name, kind]) => `${name}: ${named(kind)}`).join(", ") || "–";
  return String(value);
}

// A kind, or the members of a stack.
const named = (kind) => (typeof kind === "object" ? `(${Object.entries(kind).map(([role, target]) => `${role}: ${target}`).join(", ")})` : kind);
