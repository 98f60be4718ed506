// What can be done with one backup set: verify it, remove it, copy it.

import { call, Failure } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { busy, dialog, field, select, tell, typedName } from "/panel/controls.js";
import { announce, el } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { forget, placeName, rememberVerified, setUrl, verified } from "/panel/sets.js";
import { t } from "/panel/text.js";

// Whether something vouches for a set, and what this tab found when it read all of it.
export function checkState(set) {
  const seen = verified(set);
  if (!seen) return el("span", { class: set.vouched ? "fixed" : "fixed hint" }, t(set.vouched ? "has checksums" : "no checksums"));
  return el("span", { class: CLASSES[seen.found] }, since(new Date(seen.at), (when) => t(seen.found, { when })));
}

// What reading a set can find. "parsed": nothing is wrong with it, and nothing vouches for it.
const CLASSES = { verified: "good", parsed: "hint", damaged: "bad" };

export async function verifySet(set, control, changed) {
  try {
    const answer = await busy(control, () => call("POST", setUrl(set, "/verify")));
    rememberVerified(set, answer.verified ? "verified" : "parsed");
    changed();
    const text = t(answer.verified ? "verify.good" : "verify.unvouched", { date: set.date });
    announce(text);
    tell(t("verify"), named(set), el("p", {}, text));
  } catch (error) {
    const damaged = error instanceof Failure && error.status === 422;
    if (damaged) {
      rememberVerified(set, "damaged");
      changed();
    }
    if (error.status !== 401) tell(t(damaged ? "verify.failed" : "verify.unknown"), named(set), problem(error));
  }
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
    el("p", { class: "loss" }, t("delete.loss")),
    typedName(t("delete.type", { name: set.timestamp }), set.timestamp, action),
  ];
  dialog(t("delete.title"), content, action, async () => {
    await call("DELETE", setUrl(set));
    forget(set);
    announce(t("delete.done", { date: set.date }));
    done();
  });
}

export function copySet(set, storages) {
  const others = storages.filter((name) => name !== set.storage);
  const to = select(others.map((name) => [name, name]), others[0]);
  const action = el("button", { type: "submit", class: "primary" }, t("copy"));
  const box = dialog(t("copy.title"), [el("p", {}, t("copy.what", { date: set.date })), field(t("storage"), to)], action, async () => {
    await call("POST", setUrl(set, "/copy"), { to: to.value });
    tell(t("copy"), el("p", {}, t("copy.done", { storage: to.value })));
  });
  return box;
}
