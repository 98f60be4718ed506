// Databases and other stores as people tell them apart, and a choice among databases.

import { select } from "/panel/controls.js";
import { t } from "/panel/text.js";

// "app on db.internal:5432, as rag"; "app (schema docs) on …" where the tables are not in the service's usual schema
export function databaseName(target, key = "target.plain", more = {}) {
  const dbname = target.schema ? t("target.schema", target) : target.dbname;
  return t(key, { ...target, ...more, dbname, port: String(target.port) });
}

// The same of any target: "cache: redis://redis.internal:6379/0" of another store.
export function targetName(target) {
  if (!target.family) return databaseName(target);
  if (target.family === "stack") return t("target.stack", target);
  return t("target.store", { name: target.name, place: placeOf(target) });
}

// Where it is, beside its name.
export const placeName = (target) => (target.family ? placeOf(target) : databaseName(target));

// What stands in a table: a database's own name, another store's configured one.
export const shortName = (target) => (target.family ? target.name : target.dbname);

export function placeOf({ scheme, host, port, dbname }) {
  if (host === "(file)") return t("target.file", { scheme });
  const path = dbname && `/${dbname}`;
  return `${scheme}://${host}${port === null ? "" : `:${port}`}${path}`;
}

// The configured one, or one of those that the service knows by name.
export function databaseSelect(database, targets, value = "") {
  const named = Object.entries(targets).map(([name, target]) => [name, databaseName(target, "target", { name })]);
  const configured = database ? databaseName(database, "target.default") : t("target.unknown");
  return select([["", configured], ...named], value, null, { name: "target" });
}
