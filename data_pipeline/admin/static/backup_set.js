// One backup set: what its manifest says, and what can be done with it.

import { PREFIX, mayWrite } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { link, writeButton, writeLink } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { gone } from "/panel/gone.js";
import { fact } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { checkState, copySet, removeSet, verifySet } from "/panel/set_actions.js";
import { detailsOf, listSets, setAddress, setUrl } from "/panel/sets.js";
import { table } from "/panel/table.js";
import { bytes, number, t } from "/panel/text.js";

export async function backupSetView(parameters, _query, signal) {
  const [{ sets, unreachable }, { storages }] = await Promise.all([listSets(signal), configuration(signal)]);
  const wanted = `${parameters.storage}/${parameters.location}/${parameters.timestamp}`;
  const set = sets.find((one) => one.key === wanted);
  if (!set) return { title: t("backup"), node: gone(parameters.storage, unreachable) };
  const { facts } = await detailsOf(set);
  const check = el("span", {}, checkState(set));
  const title = t("backup of", { date: set.date });
  const node = el("div", { class: "page" }, back(),
    el("div", { class: "title" }, el("h1", {}, title), actions(set, storages, () => show(check, checkState(set)))),
    overview(set, facts, check),
    facts.manifest ? contents(facts) : el("p", { class: "note" }, t("no manifest")));
  return { title, node };
}

function back() {
  return el("p", {}, link(t("back to backups"), address(["backups"])));
}

function actions(set, storages, changed) {
  const verify = el("button", { type: "button", on: { click: () => verifySet(set, verify, changed) } }, t("verify"));
  return el("div", { class: "actions" },
    writeLink(t("restore"), setAddress("restore", set), "button primary"),
    link(t("compare"), address(["compare"], { a: set.key }), "button"),
    verify,
    mayWrite() && link(t("download"), PREFIX + setUrl(set, "/download"), "button", { download: "" }),
    storages.length > 1 && writeButton(t("copy"), () => copySet(set, storages)),
    writeButton(t("delete"), () => removeSet(set, () => go(address(["backups"])))));
}

function overview(set, facts, check) {
  const { manifest, files } = facts;
  return el("dl", { class: "facts card" },
    fact(t("where"), `${set.path} (${set.storage})`),
    fact(t("age"), since(set.made)),
    fact(t("format"), set.format),
    fact(t("check"), check),
    Object.values(files).map((file) => fact(file.file, bytes(file.file_bytes))),
    manifest && [
      fact(t("rows"), number(manifest.tables[Object.keys(files).at(-1)].rows)),
      fact(t("source database"), manifest.database),
      fact(t("versions"), t("versions.value", manifest)),
      manifest.probes && fact(t("probes"), number(manifest.probes.rows)),
      manifest.precaution && fact(t("purpose"), t("precaution")),
      manifest.chosen_collections && fact(t("limited to"), manifest.chosen_collections.join(", ")),
    ]);
}

function contents({ manifest }) {
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
    el("h2", {}, t("collections")), table(t("collections"), columns, manifest.collections),
    el("h2", {}, t("indexes")), table(t("indexes"), facts, indexes),
  ];
}
