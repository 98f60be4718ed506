// Databases as people tell them apart, and a choice among them.

import { select } from "/panel/controls.js";
import { t } from "/panel/text.js";

// "app on db.internal:5432, as rag"
export function databaseName(target, key = "target.plain", more = {}) {
  return t(key, { ...target, ...more, port: String(target.port) });
}

// The configured one, or one of those that the service knows by name.
export function databaseSelect(database, targets, value = "") {
  const named = Object.entries(targets).map(([name, target]) => [name, databaseName(target, "target", { name })]);
  const configured = database ? databaseName(database, "target.default") : t("target.unknown");
  return select([["", configured], ...named], value, null, { name: "target" });
}
