// Of a backup of any tables: which rows come back, and into tables of which names.

import { choice, field, group } from "/panel/controls.js";
import { el } from "/panel/dom.js";
import { t } from "/panel/text.js";

// A set of LangChain's tables has collections in place of these.
export const isOpen = (set) => set.layout !== null && set.layout !== "langchain";

export function rowChoices(set, { facts }, { where, rename = {} }) {
  if (!isOpen(set)) return [];
  const values = el("div", { hidden: !where },
    field(t("where.column"), el("input", { type: "text", name: "where_column", value: where?.column ?? "", autocomplete: "off", spellcheck: "false" })),
    field(t("where.values"), el("textarea", { name: "where_values", rows: 2, value: (where?.in ?? []).join("\n") }), t("where.values.hint")));
  const change = (event) => { values.hidden = event.target.value === "all"; };
  const rows = group(t("rows"),
    choice("radio", "rows", "all", t("where.all"), { checked: !where, change }),
    choice("radio", "rows", "chosen", t("where.chosen"), { hint: t("where.chosen.hint"), checked: Boolean(where), change }),
    values);
  const names = el("details", { open: Object.keys(rename).length > 0 }, el("summary", {}, t("rename")),
    el("p", { class: "hint" }, t("rename.hint")),
    Object.keys(facts.files).map((table) => field(t("rename.into", { table }),
      el("input", { type: "text", "data-table": table, value: rename[table] ?? "", placeholder: table, autocomplete: "off", spellcheck: "false" }))));
  return [rows, names];
}

// {where, rename}, null where nothing was chosen.
export function rowsOf(node, given) {
  const where = given.get("rows") === "chosen" ? { column: given.get("where_column"), in: linesOf(given.get("where_values")) } : null;
  const renamed = [...node.querySelectorAll("[data-table]")].filter((input) => input.value.trim());
  return { where, rename: renamed.length ? Object.fromEntries(renamed.map((input) => [input.dataset.table, input.value.trim()])) : null };
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
