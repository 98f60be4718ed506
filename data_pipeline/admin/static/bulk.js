// What can be done with many backups at once: those whose rows are ticked.

import { call, download, Failure, mayWrite } from "/panel/api.js";
import { busy, button, dialog, field, select, tell, typedName } from "/panel/controls.js";
import { announce, el } from "/panel/dom.js";
import { problem, serverText } from "/panel/problem.js";
import { placeName } from "/panel/sets.js";
import { t } from "/panel/text.js";

const MOST = 500;
const SHOWN = 5;

// ticked: sets by their keys. changed: told once something was done, or the choice is another.
export function tick(set, ticked, changed) {
  const change = (event) => {
    if (event.target.checked) ticked.set(set.key, set);
    else ticked.delete(set.key);
    changed();
  };
  return mayWrite() && el("input", { type: "checkbox", class: "tick", name: `tick ${set.key}`, checked: ticked.has(set.key),
    "aria-label": t("tick", { date: set.date, place: placeName(set), storage: set.storage }), on: { change } });
}

export function bulkBar(ticked, storages, { redraw, refresh }) {
  if (!ticked.size) return null;
  const sets = [...ticked.values()];
  const done = async () => {
    ticked.clear();
    await refresh();
  };
  const clear = () => {
    ticked.clear();
    redraw();
  };
  const verify = button(t("verify"), () => run(verify, sets, { action: "verify" }, done));
  const load = button(t("download"), () => take(load, sets));
  return el("div", { class: "bulk card", role: "region", "aria-label": t("ticked.title") },
    el("strong", { role: "status" }, t("ticked", { n: sets.length })),
    sets.length > MOST && el("span", { class: "bad" }, t("ticked.too many", { most: MOST })),
    el("div", { class: "actions" }, verify,
      storages.length > 1 && button(t("copy"), () => copy(sets, storages, done)),
      load, button(t("delete"), () => remove(sets, done)), button(t("untick"), clear, { kind: "plain" })));
}

const bodyOf = (sets, more) => ({ ...more, sets: sets.map(({ location, timestamp, storage }) => ({ location, timestamp, storage })) });

async function run(control, sets, more, done) {
  try {
    const answer = await busy(control, () => call("POST", "/backups/bulk", bodyOf(sets, more)));
    await done();
    say(answer);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.status !== 401) tell(t("ticked.failed"), problem(error), failures(error.data.details?.sets ?? []));
  }
}

function say(answer) {
  const text = t("ticked.done", { n: answer.succeeded, all: answer.sets.length });
  announce(text);
  tell(t(`ticked.${answer.action}`), el("p", { class: answer.failed ? "bad" : "good" }, text), failures(answer.sets.filter((one) => !one.success)));
}

function failures(sets) {
  return sets.length > 0 && el("ul", {}, sets.map((one) => el("li", {}, `${one.storage} ${one.location} ${one.timestamp}: `, serverText(one.error))));
}

async function take(control, sets) {
  try {
    await busy(control, () => download("/backups/bulk", bodyOf(sets, { action: "download" }), "vector_backups.tar"));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(t("ticked.failed"), problem(error), failures(error.data.details?.sets ?? []));
  }
}

function copy(sets, storages, done) {
  const to = select(storages.map((name) => [name, name]), storages.find((name) => sets.every((set) => set.storage !== name)) ?? storages[0]);
  const action = el("button", { type: "submit", class: "primary" }, t("copy"));
  dialog(t("ticked.copy"), [named(sets), field(t("storage"), to)], action, async () => {
    const answer = await call("POST", "/backups/bulk", bodyOf(sets, { action: "copy", to: to.value }));
    await done();
    say(answer);
  });
}

function remove(sets, done) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  const number = String(sets.length);
  const content = [named(sets), el("p", { class: "loss" }, t("ticked.loss")), typedName(t("ticked.type", { number }), number, action)];
  dialog(t("ticked.delete"), content, action, async () => {
    const answer = await call("POST", "/backups/bulk", bodyOf(sets, { action: "delete" }));
    await done();
    say(answer);
  });
}

function named(sets) {
  return el("ul", {}, sets.slice(0, SHOWN).map((set) => el("li", {}, t("set.named", { date: set.date, location: placeName(set), storage: set.storage }))),
    sets.length > SHOWN && el("li", {}, t("ticked.more", { n: sets.length - SHOWN })));
}
