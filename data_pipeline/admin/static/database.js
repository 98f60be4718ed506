// Databases as people tell them apart, and a choice among them.

import { select } from "/panel/controls.js";
import { t } from "/panel/text.js";

// "app on db.internal:5432, as rag"; "app (schema docs) on …" where the tables are not in the service's usual schema
export function databaseName(target, key = "target.plain", more = {}) {
  const dbname = target.schema ? t("target.schema", target) : target.dbname;
  return t(key, { ...target, ...more, dbname, port: String(target.port) });
}

// The configured one, or one of those that the service knows by name.
export function databaseSelect(database, targets, value = "") {
  const named = Object.entries(targets).map(([name, target]) => [name, databaseName(target, "target", { name })]);
  const configured = database ? databaseName(database, "target.default") : t("target.unknown");
  return select([["", configured], ...named], value, null, { name: "target" });
}
