// What is asked of each kind of resource, in fields as form_fields.js has them.

import { configured } from "/panel/form_fields.js";
import { STORES } from "/panel/store_forms.js";
import { has, t } from "/panel/text.js";

const TIMES = ["hourly", "daily", "weekly", "monthly"];
const OF_STORES = Object.keys(STORES).map((family) => `${family}_backup`);
const BACKUPS = ["backup", "database_backup", ...OF_STORES]; // each run makes a set that a rule of retention may remove
const SCHEDULED = [...BACKUPS, "stack_backup", "drill", "restore", "table_import"];
const MODES = ["skip", "update", "replace"];
const KEEPS = ["keep_last", "keep_days", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"];
const EVENTS = ["failure", "success", "overdue", "drill_failed", "recovered"];

const same = (name) => [name, name];
const databases = ({ config }) => [["", t("configured")], ...Object.keys(config.targets).map(same)];
const targetOf = (family) => ({ name: "request.target", type: "select", label: "field.target", required: true, of: [`${family}_backup`],
  options: ({ config }) => Object.keys(config.stores).filter((name) => config.stores[name].family === family).map(same) });

export const KINDS = {
  schedules: {
    one: "schedule",
    fields: [
      { name: "kind", type: "select", switches: true, options: () => SCHEDULED.map((name) => [name, scheduledName(name)]), value: "backup" },
      { name: "request.pg_conn", type: "select", of: ["backup", "restore", "table_import"], options: databases },
      { name: "request.target", type: "select", label: "field.request.pg_conn", of: ["database_backup"], options: databases },
      ...Object.keys(STORES).map(targetOf),
      { name: "request.stack", type: "select", of: ["stack_backup"], required: true, options: ({ config }) => Object.keys(config.settings.STACKS).map(same) },
      ...Object.entries(STORES).flatMap(([family, { backup }]) => backup.map((each) => ({ ...each, name: `request.${each.name}`, of: [`${family}_backup`] }))),
      { name: "request.exclude_logs", type: "check", label: "databases.exclude logs", hint: true, of: ["database_backup"] },
      { name: "request.table", type: "text", of: ["table_import"], example: "public.prices" },
      { name: "request.url", type: "text", of: ["table_import"], example: "https://example.com/prices.json" },
      { name: "request.mode", type: "select", of: ["table_import"], options: () => MODES.map((name) => [name, t(`import.${name}`)]), value: "update" },
      { name: "when", type: "text", required: true, hint: true, value: "daily", list: TIMES },
      { name: "zone", type: "text", required: true, value: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", list: Intl.supportedValuesOf?.("timeZone") ?? [] },
      { name: "drill", type: "check", hint: true, of: ["backup"] },
      { name: "request.format", type: "select", of: ["backup"], options: () => [["", "csv"], ["binary", "binary"]] },
      { name: "request.compression", type: "select", of: ["backup"], options: () => [["", t("not compressed")], ["zstd", "zstd"]] },
      { name: "request.storages", type: "checks", of: [...BACKUPS, "stack_backup"], options: ({ config }) => config.storages.map(same), value: ["local"] },
      { name: "request.probes", type: "number", of: ["backup"], most: 100 },
      ...KEEPS.map((name) => ({ name: `retention.${name}`, type: "number", of: BACKUPS, most: 100000, group: "retention" })),
      { name: "retention.max_total_bytes", type: "number", of: BACKUPS, most: Number.MAX_SAFE_INTEGER, group: "retention" },
      { name: "grace_minutes", type: "number", hint: true, value: 60, least: 1, most: 10080, group: "more options" },
      { name: "jitter_seconds", type: "number", most: 3600, group: "more options" },
    ],
  },
  targets: {
    one: "target",
    fields: [
      { name: "url", type: "secret", required: true, example: "postgresql://user:password@host:5432/dbname" },
      { name: "schema", type: "text" },
      { name: "operators_may_restore", type: "check", hint: true },
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
      { name: "schedules", type: "checks", hint: true, options: ({ schedules }) => schedules.map(({ name }) => [name, name]) },
    ],
  },
};

// What a schedule does; of one that the panel has no word for, by the API's.
export const scheduledName = (kind) => (has(`scheduled.${kind}`) ? t(`scheduled.${kind}`) : kind);

// What a new one begins with: what a link to this page says of it.
export function preset(many, { kind, target, stack }) {
  return many === "schedules" && kind ? { kind, request: { ...(target && { target }), ...(stack && { stack }) } } : {};
}

// A configuration with what a form gives. A schedule that does something else now has nothing of what it did.
export function completed(many, form, before) {
  const kind = form.elements.kind?.value ?? before.kind;
  const config = configured(KINDS[many].fields, form, kind === before.kind ? before : { ...before, request: {}, retention: null }, kind);
  if (config.retention && Object.values(config.retention).every((one) => !one)) delete config.retention;
  if (kind === "drill") config.request = { location: "global", ...config.request };
  return config;
}
