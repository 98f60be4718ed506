// What works and what does not: the answer of /readyz, also where it says no.

import { call, Failure } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { el } from "/panel/dom.js";
import { table } from "/panel/table.js";
import { bytes, t } from "/panel/text.js";

const MAIN = "local";

// {checks, targets, storages, room, reasons, warnings, at}
export async function healthNow(signal) {
  let answer;
  try {
    answer = await call("GET", "/readyz", undefined, { signal, prefix: "" });
  } catch (error) {
    if (!(error instanceof Failure) || !error.data.checks) throw error;
    answer = error.data;
  }
  const { checks, targets = {}, storages = {}, room = {}, reasons = {}, warnings = [] } = answer;
  return { checks, targets, storages: { [MAIN]: checks.storage, ...storages }, room, reasons, warnings, at: new Date() };
}

export function mark(good) {
  return el("span", { class: good ? "good" : "bad" }, el("span", { "aria-hidden": "true" }, good ? "✓ " : "✕ "), t(good ? "health.good" : "health.bad"));
}

export function storageTable({ storages, room, reasons, at }) {
  const columns = [
    { key: "name", label: t("storage"), kind: "any", cell: ([name]) => name },
    { key: "state", label: t("state"), kind: "any", cell: ([name, good]) => [mark(good), reasons[name] && el("p", { class: "hint" }, reasons[name])] },
    { key: "room", label: t("free space"), numeric: true, cell: ([name, good]) => (room[name] ? bytes(room[name].free_bytes) : t(good ? "no limit" : "unknown")) },
    { key: "at", label: t("last check"), kind: "fixed", cell: () => since(at) },
  ];
  return table(t("storages"), columns, Object.entries(storages));
}
