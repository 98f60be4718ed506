// The tables of a database: whose they are, and which can be backed up.

import { call } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { busy, field, select, tell, writeButton } from "/panel/controls.js";
import { databaseName, databaseSelect } from "/panel/database.js";
import { el, redraw, show } from "/panel/dom.js";
import { importButton, takesRows } from "/panel/import_rows.js";
import { fact, problem, serverText, warnings } from "/panel/problem.js";
import { address, go, render } from "/panel/router.js";
import { sortChoice, sorted, table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

const LIBRARIES = {
  langchain: "LangChain PGVector",
  langchain_legacy: "LangChain PGVector",
  langchaingo: "LangChainGo",
  pgvectorstore: "LangChain PGVectorStore",
  llamaindex: "LlamaIndex",
  dify: "Dify",
  open_webui: "Open WebUI",
  langchain_js: "LangChain.js",
  supabase: "Supabase",
};
const hasVectors = (one) => one.can_be_backed_up && one.vectors.length > 0;
const CHOICES = {
  all: () => true,
  vectors: (one) => one.vectors.length > 0,
  impossible: (one) => !one.can_be_backed_up,
};

// What was chosen, kept while the page lives.
const view = { text: "", choice: "all", sort: { key: "name", descending: false } };

export async function tablesView(_parameters, { target = "" }, signal) {
  const query = target ? `?${new URLSearchParams({ target })}` : "";
  const [config, found] = await Promise.all([configuration(signal), call("GET", `/tables${query}`, undefined, { signal })]);
  const list = el("div", {});
  const count = el("p", { class: "hint", role: "status" });
  const refresh = () => {
    const matching = found.tables.filter(matches);
    show(count, t("tables found", { n: matching.length }));
    redraw(list, listing(matching, target, refresh));
  };
  refresh();
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("tables")),
      found.tables.some(hasVectors) && backUpButton(t("back up vectors"), t("back up vectors"), { layout: "tables", tables: "vector", with_references: true }, target, "primary")),
    el("p", { class: "into" }, databaseName(found.target)),
    warnings(found.warnings),
    filters(config, target, refresh), count, list);
  return { title: t("tables"), node };
}

function filters({ database, targets }, target, refresh) {
  const set = (name) => (event) => {
    view[name] = event.target.value;
    refresh();
  };
  const databases = databaseSelect(database, targets, target);
  databases.addEventListener("change", () => go(address(["tables"], { target: databases.value })));
  return el("form", { class: "filters", role: "search", on: { submit: (event) => event.preventDefault() } },
    field(t("filter"), el("input", { type: "search", value: view.text, on: { input: set("text") } })),
    field(t("tables.shown"), select(Object.keys(CHOICES).map((name) => [name, t(`tables.${name}`)]), view.choice, set("choice"))),
    Object.keys(targets).length > 0 && field(t("database"), databases));
}

function matches(one) {
  const words = `${nameOf(one)} ${whose(one)} ${one.columns.map(({ name }) => name).join(" ")}`.toLowerCase();
  return words.includes(view.text.trim().toLowerCase()) && CHOICES[view.choice](one);
}

function listing(found, target, refresh) {
  if (!found.length) return el("p", { class: "empty" }, t("no tables"));
  const resort = (sort) => {
    view.sort = sort;
    refresh();
  };
  const columns = columnsOf(target);
  return [sortChoice(columns, view.sort, resort), table(t("tables"), columns, sorted(columns, found, view.sort), view.sort, resort)];
}

function columnsOf(target) {
  return [
    { key: "name", label: t("table"), kind: "any", value: nameOf, cell: (one) => el("div", {}, nameOf(one), details(one)) },
    { key: "whose", label: t("made by"), value: whose, cell: badge },
    { key: "vectors", label: t("vectors"), value: (one) => one.vectors.map(vectorOf).join(), cell: (one) => one.vectors.map((vector) => el("div", {}, vectorOf(vector))) },
    { key: "rows", label: t("rows"), numeric: true, value: (one) => one.rows, cell: (one) => (one.rows === null ? "–" : number(one.rows)) },
    { key: "size", label: t("size"), numeric: true, value: (one) => one.bytes, cell: (one) => (one.bytes === null ? "–" : bytes(one.bytes)) },
    { key: "possible", label: "", kind: "any", cell: (one) => el("div", { class: "actions" }, action(one, target), takesRows(one) && importButton(one, nameOf(one), target, () => render(false))) },
  ];
}

function nameOf(one) {
  return `${one.schema}.${one.name}`;
}

function whose(one) {
  return LIBRARIES[one.recognised_as] ?? t(`relation.${one.kind}`);
}

function badge(one) {
  return el("span", { class: "badge" }, whose(one));
}

function vectorOf({ column, type, dimensions }) {
  return `${column} ${type}${dimensions === null ? "" : `(${dimensions})`}`;
}

// One click backs a table up, with those that it refers to; or else the reason why it can't be.
function action(one, target) {
  if (!one.can_be_backed_up) return el("div", { class: "why" }, serverText(one.why_not));
  return backUpButton(t("back up"), t("back up table", { name: nameOf(one) }), requestFor(one), target);
}

// LangChain's two tables are one layout, which names no table.
function requestFor({ layout, ...one }) {
  if (layout === "langchain") return { layout };
  return { layout, tables: [nameOf(one)], with_references: one.references.length > 0 };
}

function backUpButton(label, name, request, target, kind = "") {
  const control = writeButton(label, () => busy(control, () => backUp(request, target)), { kind, "aria-label": name, needs: "operate" });
  return control;
}

async function backUp(request, target) {
  try {
    const job = await call("POST", "/backup", { ...request, pg_conn: target || null, async: true });
    go(address(["jobs", job.job_id]));
  } catch (error) {
    tell(t("back up.failed"), problem(error));
  }
}

function details(one) {
  return el("details", { class: "hint" }, el("summary", { "aria-label": t("details of", { name: nameOf(one) }) }, t("details")),
    one.notes?.map((note) => el("p", {}, serverText(note))),
    el("dl", {},
      fact(t("columns"), one.columns.map(({ name, type }) => el("div", {}, `${name} ${type}`))),
      listed("primary key", one.primary_key.join(", ")),
      listed("indexes", ...one.indexes.map((index) => `${index.name}: ${index.method} (${index.columns.join(", ")})`)),
      listed("refers to", ...one.references.map((key) => `${key.columns.join(", ")} → ${key.table} (${key.referenced_columns.join(", ")})`)),
      listed("triggers", ...one.triggers.map((trigger) => trigger.name)),
      listed("sequences", ...one.sequences.map((sequence) => sequence.name)),
      listed("partitions", ...(one.partitions ?? [])),
      listed("inherits from", ...(one.inherits ?? []))));
}

// A fact of several lines, if there are some.
function listed(name, ...lines) {
  const told = lines.filter(Boolean);
  return told.length > 0 && fact(t(name), told.map((line) => el("div", {}, line)));
}
