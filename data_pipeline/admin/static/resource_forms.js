// What is asked of each kind of resource. A field: {name, type, required, options(config)}; a dot in its name leads into an object.

import { has, t } from "/panel/text.js";

const TIMES = ["hourly", "daily", "weekly", "monthly"];
const SCHEDULED = ["backup", "drill", "restore", "table_import"];
const MODES = ["skip", "update", "replace"];
const KEEPS = ["keep_last", "keep_days", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"];
const EVENTS = ["failure", "success", "overdue", "drill_failed", "recovered"];

export const KINDS = {
  schedules: {
    one: "schedule",
    fields: [
      { name: "kind", type: "select", options: () => SCHEDULED.map((name) => [name, scheduledName(name)]), value: "backup" },
      { name: "request.pg_conn", type: "select", of: ["backup", "restore", "table_import"], options: ({ config }) => [["", t("configured")], ...Object.keys(config.targets).map((name) => [name, name])] },
      { name: "request.table", type: "text", of: ["table_import"], example: "public.prices" },
      { name: "request.url", type: "text", of: ["table_import"], example: "https://example.com/prices.json" },
      { name: "request.mode", type: "select", of: ["table_import"], options: () => MODES.map((name) => [name, t(`import.${name}`)]), value: "update" },
      { name: "when", type: "text", required: true, value: "daily", list: TIMES },
      { name: "zone", type: "text", required: true, value: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", list: Intl.supportedValuesOf?.("timeZone") ?? [] },
      { name: "drill", type: "check", of: ["backup"] },
      { name: "request.format", type: "select", of: ["backup"], options: () => [["", "csv"], ["binary", "binary"]] },
      { name: "request.compression", type: "select", of: ["backup"], options: () => [["", t("not compressed")], ["zstd", "zstd"]] },
      { name: "request.storages", type: "checks", of: ["backup"], options: ({ config }) => config.storages.map((name) => [name, name]), value: ["local"] },
      { name: "request.probes", type: "number", of: ["backup"], most: 100 },
      ...KEEPS.map((name) => ({ name: `retention.${name}`, type: "number", of: ["backup"], most: 100000, group: "retention" })),
      { name: "retention.max_total_bytes", type: "number", of: ["backup"], most: Number.MAX_SAFE_INTEGER, group: "retention" },
      { name: "grace_minutes", type: "number", value: 60, least: 1, most: 10080, group: "more options" },
      { name: "jitter_seconds", type: "number", most: 3600, group: "more options" },
    ],
  },
  targets: {
    one: "target",
    fields: [
      { name: "url", type: "secret", required: true, example: "postgresql://user:password@host:5432/dbname" },
      { name: "schema", type: "text" },
      { name: "operators_may_restore", type: "check" },
    ],
  },
  storages: {
    one: "storage",
    fields: [
      { name: "url", type: "text", required: true, example: "s3://bucket/prefix" },
      { name: "access_key_id", type: "text", required: true },
      { name: "secret_access_key", type: "secret", required: true },
      { name: "region", type: "text" },
    ],
  },
  notifiers: {
    one: "notifier",
    fields: [
      { name: "url", type: "secret", required: true, example: "https://hooks.example.com/…" },
      { name: "secret", type: "secret" },
      { name: "events", type: "checks", options: () => EVENTS.map((name) => [name, t(`event.${name}`)]), value: EVENTS.filter((name) => name !== "success") },
      { name: "schedules", type: "checks", options: ({ schedules }) => schedules.map(({ name }) => [name, name]) },
    ],
  },
};

// What a schedule does; of one that the panel has no word for, by the API's.
export const scheduledName = (kind) => (has(`scheduled.${kind}`) ? t(`scheduled.${kind}`) : kind);

// What stands at a field's name in a configuration.
export function valueAt(config, name) {
  return name.split(".").reduce((value, key) => value?.[key], config);
}

// A configuration with what a form gives; what no field is about stays as it was. Nothing is told of what is empty.
export function configured(fields, given, before) {
  const config = structuredClone(before);
  const kind = given.get("kind") ?? config.kind;
  for (const { name, type, of } of fields) {
    if (of && !of.includes(kind)) continue;
    const path = name.split(".");
    const last = path.pop();
    let holder = config;
    for (const key of path) holder = holder[key] ??= {};
    const value = read(given, name, type);
    if (value === null) delete holder[last]; // as absent
    else holder[last] = value;
  }
  if (config.retention && Object.values(config.retention).every((one) => !one)) delete config.retention;
  if (kind === "drill") config.request = { location: "global", ...config.request };
  return config;
}

function read(given, name, type) {
  if (type === "checks") return given.getAll(name).length ? given.getAll(name) : null;
  if (type === "check") return given.has(name) || null;
  const text = (given.get(name) ?? "").trim();
  if (text === "") return null;
  return type === "number" ? Number(text) : text;
}
