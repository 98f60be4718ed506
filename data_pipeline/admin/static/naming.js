// Which backup goes into which database or other store, in a sentence: on the plan, while it runs, and with the result.

import { Failure } from "/panel/api.js";
import { link } from "/panel/controls.js";
import { shortName, targetName } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { isBackup } from "/panel/operations.js";
import { stateOf } from "/panel/set_state.js";
import { findSet, nameIn, setAddress } from "/panel/sets.js";
import { said, t } from "/panel/text.js";

// A node that is filled twice: at once, and when it is known what the set was taken from.
// brief: the sentence alone.
export function naming(job, signal, { brief = false } = {}) {
  const node = el("div", { class: "naming" });
  if (isBackup(job.kind)) return job.target ? show(node, el("p", { class: "into" }, t("names.backup", { target: targetName(job.target) }))) : node;
  const named = job.request.set ?? job.request;
  if (!named.backup_path || !job.target) return node;
  tell(node, job, null, brief);
  if (job.kind === "stack_restore") return node; // the list has no sets of stacks
  findSet(nameIn(named), signal).then(({ set }) => tell(node, job, set ?? null, brief), (error) => {
    if (!(error instanceof Failure) && error.name !== "AbortError") throw error;
  });
  return node;
}

function tell(node, job, set, brief) {
  const { target, request } = job;
  const { timestamp } = request.set ?? request;
  const source = set?.database ?? null;
  const differs = job.kind === "restore" && source !== null && source !== target.dbname; // names of one kind
  const values = {
    target: el("strong", { class: differs && "loss" }, shortName(target)),
    date: set ? link(dateOf(timestamp), setAddress("backups", set)) : el("strong", {}, dateOf(timestamp)),
    source: el("strong", { class: differs && "loss" }, source ?? t("names.unknown")),
  };
  show(node,
    el("p", { class: "into" }, said(`names.${wayOf(job)}`, values)),
    differs && el("p", { class: "loss" }, t("names.differ", { source, target: target.dbname })),
    !brief && target.family !== "stack" && el("p", { class: "hint" }, targetName(target), set && [" · ", stateOf(set)]));
}

function wayOf({ kind, request }) {
  if (kind === "stack_restore") return "stack";
  if (kind !== "restore") return "store";
  if (request.collections && !request.collection_suffix) return "some";
  if (request.where) return "rows";
  if (request.rename) return "renamed";
  if (request.truncate_before_restore) return "replace";
  if (request.strategy && request.strategy !== "reload") return request.strategy === "sync" ? "sync" : "replace";
  return request.collection_suffix ? "copy" : "merge";
}

function dateOf(timestamp) {
  const [day, time] = timestamp.split("_");
  return `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)} ${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}`;
}
