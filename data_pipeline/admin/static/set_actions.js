// What can be done with backup sets: verify one, remove it, copy it, take one in.

import { call, Failure } from "/panel/api.js";
import { busy, dialog, field, select, tell, typedName, writeButton } from "/panel/controls.js";
import { announce, el } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { placeName, setUrl } from "/panel/sets.js";
import { t } from "/panel/text.js";

// changed: told once the server knows more of the set than before.
export async function verifySet(set, control, changed) {
  try {
    const answer = await busy(control, () => call("POST", setUrl(set, "/verify")));
    const text = t(answer.verified ? "verify.good" : "verify.unvouched", { date: set.date });
    await changed();
    announce(text);
    tell(t("verify"), named(set), el("p", {}, text));
  } catch (error) {
    const damaged = error instanceof Failure && error.status === 422;
    if (damaged) await changed();
    if (error.status !== 401) tell(t(damaged ? "verify.failed" : "verify.unknown"), named(set), problem(error));
  }
}

// The button that proves a set by a restore into a server of the service's own.
export function drillSet(set) {
  const drill = async () => go(address(["jobs", (await call("POST", setUrl(set, "/drill"), { async: true })).job_id]));
  const control = writeButton(t("prove now"), () => busy(control, drill).catch((error) => tell(t("drill.refused"), named(set), problem(error))), { needs: "operate" });
  return control;
}

// Which one it is: there may be another of the same time in another storage.
function named(set) {
  return el("p", {}, t("set.named", { date: set.date, location: placeName(set), storage: set.storage }));
}

// Ends with `done` once the set is gone; its name has to be typed.
export function removeSet(set, done) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  const content = [
    named(set),
    set.database && el("p", {}, t("delete.what", { database: set.database })),
    el("p", { class: "loss" }, t("delete.loss")),
    set.copies?.length > 1 && el("p", { class: "hint" }, t("delete.copies", { storages: others(set).join(", ") })),
    typedName(t("delete.type", { name: set.timestamp }), set.timestamp, action),
  ];
  dialog(t("delete.title"), content, action, async () => {
    await call("DELETE", setUrl(set));
    announce(t("delete.done", { date: set.date }));
    done();
  });
}

const others = (set) => set.copies.map((one) => one.storage).filter((name) => name !== set.storage);

export function copySet(set, storages, done) {
  const free = storages.filter((name) => name !== set.storage);
  const to = select(free.map((name) => [name, name]), free[0]);
  const action = el("button", { type: "submit", class: "primary" }, t("copy"));
  dialog(t("copy.title"), [el("p", {}, t("copy.what", { date: set.date })), field(t("storage"), to)], action, async () => {
    await call("POST", setUrl(set, "/copy"), { to: to.value });
    tell(t("copy"), el("p", {}, t("copy.done", { storage: to.value })));
    done();
  });
}

// A tar of a download, or the two files of an old installation.
export function uploadSet(storages, tasks, done) {
  const files = el("input", { type: "file", multiple: true, required: true, accept: ".tar,.csv,.pgcopy,.json" });
  const task = select([["", t("whole system")], ...tasks.map((name) => [name, name])], "");
  const storage = select(storages.map((name) => [name, name]), storages[0]);
  const action = el("button", { type: "submit", class: "primary" }, t("upload"));
  const content = [
    el("p", {}, t("upload.what")),
    field(t("upload.files"), files, t("upload.hint")),
    field(t("where"), task),
    storages.length > 1 && field(t("storage"), storage),
  ];
  dialog(t("upload.title"), content, action, async () => {
    const query = new URLSearchParams({ storage: storage.value, ...(task.value && { task_id: task.value }) });
    const answer = await call("POST", `/backups/upload?${query}`, bodyOf([...files.files]));
    announce(t("upload.done", { date: answer.backup_info.backup_date }));
    done(answer.backup_info);
  });
}

function bodyOf(files) {
  if (files.length === 1 && files[0].name.endsWith(".tar")) return files[0];
  const form = new FormData();
  for (const file of files) form.append(file.name, file, file.name);
  return form;
}
