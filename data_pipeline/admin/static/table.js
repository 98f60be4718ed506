// Tables that can be sorted, and become cards where there is no room.

import { el } from "/panel/dom.js";
import { field, select } from "/panel/controls.js";
import { t } from "/panel/text.js";

// columns: [{key, label, cell(row), value(row) if it can be sorted by, numeric}]; the first names the row.
// sort: {key, descending}, how the rows are sorted already; resort(sort) is told what was chosen.
export function table(caption, columns, rows, sort = null, resort = null) {
  const head = el("tr", { role: "row" }, columns.map((column) => heading(column, sort, resort)));
  const body = rows.map((row) => el("tr", { role: "row" }, columns.map((column, n) => cell(column, row, n))));
  return el("table", { role: "table" },
    el("caption", { class: "unseen" }, caption),
    el("thead", { role: "rowgroup" }, head),
    el("tbody", { role: "rowgroup" }, body));
}

// The same choice for where the headings are not to be seen.
export function sortChoice(columns, sort, resort) {
  const options = columns.filter((column) => column.value).flatMap((column) => [
    [`${column.key} up`, t("sort.up", { column: column.label })],
    [`${column.key} down`, t("sort.down", { column: column.label })],
  ]);
  const change = (event) => {
    const [key, direction] = event.target.value.split(" ");
    resort({ key, descending: direction === "down" });
  };
  const chosen = select(options, `${sort.key} ${sort.descending ? "down" : "up"}`, change, { name: "sort" });
  const node = field(t("sort by"), chosen);
  node.classList.add("narrow-only");
  return node;
}

function heading(column, sort, resort) {
  const scope = { scope: "col", role: "columnheader", class: column.numeric && "number" };
  if (!column.value || !resort) return el("th", scope, column.label || el("span", { class: "unseen" }, t("actions")));
  const active = sort.key === column.key;
  const click = () => resort({ key: column.key, descending: active ? !sort.descending : Boolean(column.numeric) });
  const direction = active ? (sort.descending ? "descending" : "ascending") : "none";
  const arrow = el("span", { "aria-hidden": "true", class: "arrow" }, active ? (sort.descending ? "↓" : "↑") : "");
  return el("th", { ...scope, "aria-sort": direction },
    el("button", { type: "button", class: "plain", "data-sort": column.key, on: { click } }, column.numeric ? [arrow, column.label] : [column.label, arrow]));
}

function cell(column, row, n) {
  const kind = column.numeric ? "number" : column.kind;
  if (n === 0) return el("th", { scope: "row", role: "rowheader", class: kind }, column.cell(row));
  return el("td", { role: "cell", class: kind, "data-label": column.label || null }, el("div", {}, column.cell(row)));
}

export function sorted(columns, rows, sort) {
  const { value } = columns.find((column) => column.key === sort.key);
  const direction = sort.descending ? -1 : 1;
  return [...rows].sort((a, b) => direction * compared(value(a), value(b)));
}

// What isn't known yet comes last, or first the other way round.
function compared(a, b) {
  if (a === null || b === null) return (a === null ? -1 : 0) + (b === null ? 1 : 0);
  return a < b ? -1 : a > b ? 1 : 0;
}
