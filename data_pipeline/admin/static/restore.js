// The first step of a restore: which backup, what of it, where to, and how.

import { call } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { busy, choice, field, group, link, select, writeButton } from "/panel/controls.js";
import { databaseSelect } from "/panel/database.js";
import { el, freshId, show } from "/panel/dom.js";
import { gone } from "/panel/gone.js";
import { problem } from "/panel/problem.js";
import { databaseForm } from "/panel/restore_database.js";
import { isOpen, rowChoices, rowsOf } from "/panel/restore_tables.js";
import { address, go, rename } from "/panel/router.js";
import { isOfTables } from "/panel/store_forms.js";
import { storeForm } from "/panel/store_restore.js";
import { setPicker } from "/panel/set_picker.js";
import { stateOf, tagsOf } from "/panel/set_state.js";
import { detailsOf, findSet, listSets, nameIn, setAddress } from "/panel/sets.js";
import { steps } from "/panel/steps.js";
import { t } from "/panel/text.js";

export async function restoreView(parameters, query, signal) {
  const [config, earlier] = await Promise.all([configuration(signal), earlierPlan(query.plan, signal)]);
  const wanted = earlier ? nameIn(earlier.request.set ?? earlier.request) : parameters.timestamp && parameters;
  const { set, unreachable } = wanted ? await findSet(wanted, signal) : await newestSet(signal);
  if (!set) return { title: t("restore"), node: wanted ? gone(parameters.storage, unreachable) : nothing() };
  const into = query.into === "milvus" || earlier?.kind === "milvus_restore";
  return { title: t("restore"), node: el("div", { class: "page narrow" }, el("h1", {}, t("restore")), await content(set, config, earlier?.request, into, signal)) };
}

async function content(set, config, earlier, intoMilvus, signal) {
  if (set.layout === "database") return databaseForm(set, config);
  if (intoMilvus || !isOfTables(set)) return [steps(1), await storeForm(set, config, earlier)];
  return [steps(1), form(set, config, earlier ?? {}, signal)];
}

async function newestSet(signal) {
  const { backups, unreachable } = await listSets(signal, { limit: 1 });
  return { set: backups[0], unreachable };
}

function nothing() {
  return el("div", { class: "page" }, el("h1", {}, t("restore")), el("div", { class: "empty" },
    el("p", {}, t("no backups")), el("p", { class: "hint" }, t("no backups.restore")), el("p", {}, link(t("to backups"), address(["backups"]), "button"))));
}

// The plan that this is the way back from.
async function earlierPlan(plan, signal) {
  return plan ? call("GET", `/jobs/${encodeURIComponent(plan)}`, undefined, { signal }) : null;
}

function form(first, config, earlier, signal) {
  const about = el("div", { class: "about", role: "status" });
  const names = el("div", {});
  const dialect = el("div", {});
  const trouble = el("div", { class: "trouble" });
  const how = strategies(earlier);
  let set = first;
  const submit = writeButton(t("check what would happen"), () => {}, { kind: "primary", needs: "operate" });
  if (!submit.hasAttribute("aria-disabled")) submit.type = "submit";
  // Until it is known what is in the set nothing of it can be chosen.
  const choose = async (next) => {
    set = next;
    submit.disabled = true;
    show(names);
    show(dialect);
    show(about, t("loading"));
    const before = next === first ? earlier : {};
    const [shown, choices, reading] = await detailsOf(next).then(
      (details) => [
        summary(next, details),
        [tableChoices(details, before.tables), collectionChoices(details, before.collections), rowChoices(next, details, before)],
        dialectChoice(details, before.dialect),
      ],
      (error) => [problem(error), null, []]);
    if (set !== next || signal.aborted) return; // another one was chosen meanwhile
    submit.disabled = choices === null;
    how.fit(next);
    show(about, shown);
    show(names, choices);
    show(dialect, reading);
  };
  const change = (option) => {
    if (!isOfTables(option.set)) return go(setAddress("restore", option.set)); // which is asked other things
    choose(option.set);
    return rename(setAddress("restore", set));
  };
  const node = el("form", { on: { submit: send } },
    group(t("choose.set"), setPicker(t("backup"), { chosen: first, change, signal }), about),
    group(t("choose.what"), names),
    group(t("choose.where"), field(t("database"), databaseSelect(config.database, config.targets, earlier.pg_conn)),
      choice("checkbox", "create_tables", "yes", t("create tables"), { hint: t("create tables.hint"), checked: earlier.create_tables })),
    how.node,
    group(t("choose.safety"),
      choice("checkbox", "backup_first", "yes", t("backup first"), { hint: t("backup first.hint"), checked: earlier.backup_before_restore ?? true }),
      choice("checkbox", "require_manifest", "yes", t("require manifest"), { hint: t("require manifest.hint"), checked: earlier.require_manifest })),
    el("details", { open: Boolean(earlier.dialect) || earlier.triggers === "disable" }, el("summary", {}, t("more options")),
      choice("checkbox", "triggers_off", "yes", t("triggers off"), { hint: t("triggers off.hint"), checked: earlier.triggers === "disable" }),
      dialect),
    trouble,
    el("div", { class: "actions" }, submit, el("p", { class: "hint" }, t("check changes nothing"))));
  async function send(event) {
    event.preventDefault();
    try {
      const job = await busy(submit, () => call("POST", "/restore", { ...bodyOf(node, set), dry_run: true, async: true }));
      go(address(["plan", job.job_id]));
    } catch (error) {
      show(trouble, problem(error));
    }
  }
  choose(first);
  return node;
}

function summary(set, { rows, collections, facts }) {
  if (rows === null) return el("p", { class: "note" }, t("no manifest"));
  return el("p", { class: "hint" }, t("set.summary", { rows, n: collections.length, database: facts.manifest.database }), " ", stateOf(set), tagsOf(set));
}

function tableChoices({ facts }, earlier) {
  const present = Object.keys(facts.files);
  const wanted = earlier ?? present;
  return el("div", { class: "row" }, present.map((name) => choice("checkbox", "table", name, name, { checked: wanted.includes(name) })));
}

// Names to tick where a manifest has them, else a place to write them down.
function collectionChoices({ rows, collections, facts }, earlier) {
  const named = collections.filter((one) => one.name); // the empty name can't be asked for, as no name can't
  if (rows === null) {
    return field(t("collections"), el("textarea", { name: "collections", rows: 2, value: (earlier ?? []).join("\n") }), t("collections.hint"));
  }
  if (!named.length) return [];
  const list = el("div", { class: "choices", hidden: !earlier }, named.map((one) =>
    choice("checkbox", "collection", one.name, `${one.name} (${t("n rows", { n: one.rows })})`, { checked: !earlier || earlier.includes(one.name) })));
  const whole = facts.manifest.chosen_collections ? "collections.all.limited" : "collections.all.hint";
  const change = (event) => { list.hidden = event.target.value === "all"; };
  return group(t("collections"),
    choice("radio", "extent", "all", t("collections.all"), { hint: t(whole), checked: !earlier, change }),
    choice("radio", "extent", "chosen", t("collections.chosen"), { hint: t("collections.chosen.hint"), checked: Boolean(earlier), change }),
    list);
}

// How a CSV is read; a manifest says it, and then there is nothing to choose.
function dialectChoice({ rows }, earlier) {
  if (rows !== null) return [];
  const names = ["content", "copy", "python"].map((name) => [name === "content" ? "" : name, t(`dialect.${name}`)]);
  return field(t("dialect"), select(names, earlier ?? "", null, { name: "dialect" }), t("dialect.hint"));
}

// {node, fit}. fit: offer what a set can be restored by; new collections are only of LangChain's tables.
function strategies(earlier) {
  const current = strategyOf(earlier);
  const more = {
    merge: field(t("conflict"), select(["error", "skip", "update"].map((name) => [name, t(`conflict.${name}`)]), earlier.on_conflict ?? "error", null, { name: "on_conflict" })),
    copy: field(t("suffix"), el("input", { type: "text", name: "suffix", maxlength: 200, value: earlier.collection_suffix ?? "_restored" }), t("suffix.hint")),
  };
  const id = freshId();
  const place = el("div", { id });
  const change = (event) => show(place, more[event.target.value] ?? []);
  show(place, more[current] ?? []);
  const ways = Object.fromEntries(["sync", "swap", "replace", "merge", "copy"].map((name) =>
    [name, choice("radio", "strategy", name, t(`strategy.${name}`), { hint: t(`strategy.${name}.hint`), checked: name === current, change })]));
  const fit = (set) => {
    ways.copy.hidden = isOpen(set);
    if (isOpen(set) && ways.copy.querySelector("input").checked) ways.sync.querySelector("input").click();
  };
  return { node: group(t("choose.how"), Object.values(ways), place), fit };
}

function strategyOf(request) {
  if (request.truncate_before_restore) return "replace";
  if (request.collection_suffix) return "copy";
  if (request.strategy === "swap") return "swap";
  return request.backup_path && request.strategy !== "sync" ? "merge" : "sync";
}

const FIELDS = {
  sync: () => ({ strategy: "sync" }),
  swap: () => ({ strategy: "swap" }),
  replace: () => ({ truncate_before_restore: true }),
  merge: (given) => (given.get("on_conflict") === "error" ? { atomic: true } : { on_conflict: given.get("on_conflict") }),
  copy: (given) => ({ collection_suffix: given.get("suffix") }),
};

function bodyOf(node, set) {
  const given = new FormData(node);
  const tables = given.getAll("table");
  return {
    backup_path: set.path,
    timestamp: set.timestamp,
    layout: set.layout,
    tables: tables.length < node.querySelectorAll("[name=table]").length ? tables : null,
    collections: collectionsOf(node, given),
    ...rowsOf(node, given),
    pg_conn: given.get("target") || null,
    create_tables: given.has("create_tables"),
    backup_before_restore: given.has("backup_first"),
    require_manifest: given.has("require_manifest"),
    triggers: given.has("triggers_off") ? "disable" : "fire",
    dialect: given.get("dialect") || null,
    ...FIELDS[given.get("strategy")](given),
  };
}

// Everything is null, which is more than every name: collections that only the live tables have belong to it.
function collectionsOf(node, given) {
  if (given.has("collections")) {
    const names = given.get("collections").split("\n").map((line) => line.trim()).filter(Boolean);
    return names.length ? names : null;
  }
  return given.get("extent") === "chosen" ? given.getAll("collection") : null;
}
