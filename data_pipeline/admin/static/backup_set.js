// One backup set: what its manifest says, and what can be done with it.

import { BASE, PREFIX, may } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { link, writeButton, writeLink } from "/panel/controls.js";
import { el, name } from "/panel/dom.js";
import { gone } from "/panel/gone.js";
import { fact } from "/panel/problem.js";
import { address, go, render } from "/panel/router.js";
import { copySet, drillSet, removeSet, verifySet } from "/panel/set_actions.js";
import { drillsOf, stateOf, tagsOf } from "/panel/set_state.js";
import { detailsOf, drilledSets, findSet, placeName, setAddress, setUrl } from "/panel/sets.js";
import { storeContents } from "/panel/store_contents.js";
import { hasDrill, isOfTables, STORES, targetsOf } from "/panel/store_forms.js";
import { table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

const UNREADABLE = ["damaged", "locked"];

export async function backupSetView(parameters, _query, signal) {
  const [{ set, copies, unreachable }, config, drills] = await Promise.all([findSet(parameters, signal), configuration(signal), drilledSets(signal)]);
  if (!set) return { title: t("backup"), node: gone(parameters.storage, unreachable) };
  const { facts } = UNREADABLE.includes(set.state) ? { facts: null } : await detailsOf(set);
  const title = t("backup of", { date: set.date });
  const node = el("div", { class: "page" }, back(),
    el("div", { class: "title" }, el("h1", {}, title), actions(set, config)),
    set.state === "damaged" && el("p", { class: "problem" }, el("span", { class: "bad" }, t("set.damaged")), " ", t("advice.INVALID_BACKUP")),
    set.state === "locked" && locked(set),
    overview(set, facts, copies.filter((one) => one !== set), drills),
    facts && (facts.manifest ? contents(facts) : el("p", { class: "note" }, t("no manifest"))));
  return { title, node };
}

function back() {
  return el("p", {}, link(t("back to backups"), address(["backups"])));
}

// What is missing, and that the backup is none the worse for it.
function locked({ encryptionKey: key }) {
  return el("section", { class: "problem" },
    el("p", { class: "what" }, t(key === "passphrase" ? "locked.passphrase" : "locked.key", { key: key ?? "?" })),
    el("p", {}, t("locked.what to do")));
}

function actions(set, config) {
  const { storages } = config;
  const again = () => render(false);
  const open = set.state !== "locked"; // what needs its rows is of no use before that
  const verify = writeButton(t("verify"), () => verifySet(set, verify, again), { needs: "check" });
  return el("div", { class: "actions" },
    open && writeLink(t("restore"), setAddress("restore", set), "button primary", { needs: "operate" }),
    open && isOfTables(set) && Object.keys(targetsOf(config, "milvus")).length > 0 && writeLink(t("restore into milvus"), setAddress("restore", set, { into: "milvus" }), "button", { needs: "operate" }),
    open && (isOfTables(set) || STORES[set.layout]?.compared.length > 0) && link(t("compare"), address(["compare"], { a: set.key }), "button"),
    verify,
    open && hasDrill(set) && drillSet(set),
    may("whole_data") && link(t("download"), PREFIX + setUrl(set, "/download"), "button", { download: "" }),
    open && set.layout === "database" && may("whole_data") && link(t("databases.plain"), archiveUrl(set), "button", { download: "" }),
    storages.length > 1 && writeButton(t("copy"), () => copySet(set, storages, again), { needs: "operate" }),
    writeButton(t("delete"), () => removeSet(set, () => go(address(["backups"])))));
}

const archiveUrl = (set) => `${BASE}/databases/${encodeURIComponent(set.location)}/${set.timestamp}/download?storage=${encodeURIComponent(set.storage)}`;

function overview(set, facts, copies, drills) {
  const manifest = facts?.manifest;
  const held = manifest?.store ? storeContents(manifest) : { facts: [] };
  return el("dl", { class: "facts card" },
    fact(t("source database"), set.database ?? "–", " ", tagsOf(set)),
    !STORES[set.layout] && fact(t("rows"), set.rows === null ? "–" : number(set.rows)),
    held.facts,
    fact(t("check"), stateOf(set), drillsOf({ copies: [set] }, drills)),
    fact(t("age"), since(set.made)),
    fact(t("where"), `${placeName(set)} · ${set.storage}`, el("div", { class: "hint" }, set.path)),
    copies.length > 0 && fact(t("copies"), copies.map((one) => el("div", {}, link(one.storage, setAddress("backups", one)), " ", stateOf(one)))),
    set.format && fact(t("format"), set.format),
    set.encryptionKey && fact(t("encryption key"), set.encryptionKey),
    facts && Object.values(facts.files).map((file) => fact(name(file.file), bytes(file.file_bytes))),
    manifest && [
      manifest.tables && fact(t("versions"), t("versions.value", manifest)),
      !manifest.tables && fact(t("versions"), manifest.server_version),
      manifest.probes && fact(t("probes"), number(manifest.probes.rows)),
      manifest.column_probes && fact(t("probes"), manifest.column_probes.map((one) => el("div", {}, `${one.table}.${one.column}: ${number(one.rows)}`))),
      manifest.chosen_collections && fact(t("limited to"), manifest.chosen_collections.join(", ")),
    ]);
}

// Of a whole database: its tables, and how many rows each has in the set.
function databaseTables(store) {
  const columns = [
    { key: "name", label: t("table"), kind: "any", cell: ([table]) => table },
    { key: "rows", label: t("rows"), numeric: true, cell: ([, one]) => (one.rows === null ? "–" : number(one.rows)) },
    { key: "size", label: t("size"), numeric: true, cell: ([, one]) => bytes(one.bytes) },
  ];
  return [el("h2", {}, t("tables")), table(t("tables"), columns, Object.entries(store.tables))];
}

function contents({ manifest }) {
  if (manifest.layout === "database") return databaseTables(manifest.store);
  if (!manifest.tables) return storeContents(manifest).tables;
  const columns = [
    { key: "name", label: t("collection"), kind: "any", cell: (one) => one.name ?? t("no collection") },
    { key: "rows", label: t("rows"), numeric: true, cell: (one) => number(one.rows) },
    { key: "dimensions", label: t("dimensions"), numeric: true, cell: (one) => one.dimensions.join(", ") || "–" },
  ];
  const indexes = Object.values(manifest.tables).flatMap((one) => one.indexes);
  const facts = [
    { key: "name", label: t("index"), kind: "any", cell: (one) => one.name },
    { key: "method", label: t("method"), cell: (one) => one.method },
    { key: "keys", label: t("columns"), cell: (one) => one.keys.join(", ") },
  ];
  return [
    manifest.collections.length > 0 && [el("h2", {}, t("collections")), table(t("collections"), columns, manifest.collections)],
    indexes.length > 0 && [el("h2", {}, t("indexes")), table(t("indexes"), facts, indexes)],
  ];
}
