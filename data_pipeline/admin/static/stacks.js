// Stacks: stores that are backed up and restored together, a card a member, and their sets.

import { BASE, call, may } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { configuration } from "/panel/configuration.js";
import { busy, button, choice, dialog, field, group, link, select, tell, typedName, writeButton, writeLink } from "/panel/controls.js";
import { announce, el, name as broken, show } from "/panel/dom.js";
import { mark } from "/panel/health.js";
import { submit } from "/panel/operations.js";
import { fact, problem, serverText, warnings } from "/panel/problem.js";
import { address, go, render } from "/panel/router.js";
import { tag } from "/panel/set_state.js";
import { steps } from "/panel/steps.js";
import { membersTable } from "/panel/store_outcome.js";
import { table } from "/panel/table.js";
import { bytes, has, moment, number, t } from "/panel/text.js";

const MAIN = "local";

const ask = (method, path, body, signal) => call(method, `/stacks${path}`, body, { signal, prefix: BASE });
const pathOf = (stack, rest = "") => `/${encodeURIComponent(stack)}${rest}`;

// query: the storage whose sets are shown.
export async function stacksView(_parameters, { storage = MAIN }, signal) {
  const [config, { stacks }] = await Promise.all([configuration(signal), ask("GET", "", undefined, signal)]);
  const sections = await Promise.all(stacks.map((one) => section(one, storage, config, signal)));
  const choose = select(config.storages.map((name) => [name, name]), storage, (event) => go(address(["stacks"], { storage: event.target.value })));
  const node = el("div", { class: "page" }, el("p", {}, link(t("back to backups"), address(["backups"]))),
    el("div", { class: "title" }, el("h1", {}, t("stacks")), el("div", { class: "actions" }, link(t("stores"), address(["stores"]), "button"),
      stacks.length > 0 && writeButton(t("upload"), () => upload(config.storages)))),
    el("p", { class: "hint" }, t("stacks.what")),
    stacks.length > 0 && config.storages.length > 1 && el("div", { class: "filters" }, field(t("storage"), choose)),
    stacks.length ? sections : el("div", { class: "empty" }, el("p", {}, t("no stacks")), el("p", { class: "hint" }, t("no stacks.hint"))));
  return { title: t("stacks"), node };
}

async function section({ name, members }, storage, { storages }, signal) {
  const { sets, damaged } = await ask("GET", `${pathOf(name, "/sets")}?${new URLSearchParams({ storage })}`, undefined, signal);
  const schedule = { create: "schedule", kind: "stack_backup", stack: name };
  return el("section", {},
    el("div", { class: "title" }, el("h2", {}, name), el("div", { class: "actions" },
      writeLink(t("create schedule"), address(["schedules"], schedule), "button"),
      writeButton(t("back up stack"), () => backUp(name, members, storages), { kind: "primary", needs: "operate", "aria-label": `${t("back up stack")} ${name}` }))),
    el("div", { class: "cards" }, Object.entries(members).map(([role, one]) => card(role, one, sets[0]?.members[role]))),
    damaged.length > 0 && el("p", { class: "problem" }, el("span", { class: "bad" }, t("set.damaged")), " ", damaged.join(", ")),
    sets.length > 0 ? listing(name, sets, storage) : el("p", { class: "hint" }, t("stack.no sets")));
}

function card(role, member, newest) {
  return el("section", { class: "card" },
    el("h3", {}, role),
    el("dl", { class: "facts small" },
      fact(t("stack.store"), member.family ? t(`layout.${member.family}`) : "–", el("div", { class: "hint" }, member.server_version)),
      fact(t("field.target"), member.target),
      fact(t("state"), mark(member.supported && !member.error), member.error && el("div", { class: "hint" }, serverText(member.error))),
      newest && fact(t("stack.newest"), moment(new Date(newest.started_at)), el("div", { class: "hint" }, t(`consistency.${newest.consistency}`))),
      newest && fact(t(has(`${member.family}.counted`) ? `${member.family}.counted` : "rows"), number(newest.rows), el("div", { class: "hint" }, bytes(newest.bytes)))));
}

function backUp(stack, members, storages) {
  const action = el("button", { type: "submit", class: "primary" }, t("back up"));
  const content = [
    el("p", {}, t("stack.back up")),
    group(t("stack.members"), memberChoices(Object.keys(members))),
    storages.length > 1 && group(t("storages"), storages.map((name, n) => choice("checkbox", "storage", name, name, { checked: n === 0 }))),
  ];
  dialog(t("back up store", { name: stack }), content, action, async (form) => {
    const kept = new FormData(form).getAll("storage");
    const job = await submit("stack_backup", { stack, members: chosenOf(form), ...(storages.length > 1 && { storages: kept }) });
    go(address(["jobs", job.job_id]));
  });
}

const memberChoices = (roles, chosen = roles) => roles.map((role) => choice("checkbox", "member", role, role, { checked: chosen.includes(role) }));

// All of them is null: also those that come to the stack later.
function chosenOf(form) {
  const ticked = new FormData(form).getAll("member");
  return ticked.length === form.querySelectorAll("[name=member]").length ? null : ticked;
}

function listing(stack, sets, storage) {
  const columns = [
    { key: "made", label: t("when"), kind: "fixed", cell: (one) => [moment(new Date(one.created_at)), el("div", { class: "hint" }, since(new Date(one.created_at)))] },
    { key: "members", label: t("stack.members"), kind: "any", cell: (one) => [broken(Object.keys(one.members).join(", ")), el("div", { class: "tags" }, one.precaution && tag(t("tag.restore")))] },
    { key: "size", label: t("size"), numeric: true, cell: (one) => bytes(Object.values(one.members).reduce((total, each) => total + each.bytes, 0)) },
    { key: "whole", label: t("stack.whole"), cell: (one) => el("span", { class: one.whole ? "good" : "bad" }, t(one.whole ? "stack.all there" : "stack.parts missing")) },
    { key: "actions", label: "", kind: "actions", cell: (one) => actions(stack, one, storage) },
  ];
  return table(t("stack.sets of", { name: stack }), columns, sets);
}

function actions(stack, set, storage) {
  const named = (text) => ({ "aria-label": `${text} ${stack} ${set.timestamp}` });
  const query = new URLSearchParams({ timestamp: set.timestamp, storage });
  const verify = writeButton(t("verify"), () => busy(verify, () => verified(stack, set)), { ...named(t("verify")), needs: "check" });
  const compare = writeButton(t("compare"), () => busy(compare, () => examined(stack, set, "compare")), { ...named(t("compare")), needs: "check" });
  const drill = writeButton(t("prove now"), () => busy(drill, () => examined(stack, set, "drill")), { ...named(t("prove now")), needs: "operate" });
  return [
    writeLink(t("restore"), address(["stacks", stack, storage, set.timestamp]), "button", named(t("restore"))),
    verify,
    compare,
    drill,
    button(t("details"), () => tell(t("stack.set named", set), membersTable(Object.entries(set.members))), named(t("details"))),
    may("whole_data") && link(t("download"), `${BASE}/stacks${pathOf(stack, "/download")}?${query}`, "button", { download: "", ...named(t("download")) }),
    writeButton(t("delete"), () => remove(stack, set, storage), named(t("delete"))),
  ];
}

async function verified(stack, { backup_path, timestamp }) {
  try {
    const { members } = await ask("POST", pathOf(stack, "/verify"), { set: { backup_path, timestamp } });
    announce(t("stack.verified"));
    tell(t("verify"), el("p", { class: "good" }, t("stack.verified")), el("ul", { class: "words" }, Object.entries(members).map(([role, one]) =>
      el("li", {}, t("stack.read", { role, n: Object.keys(one.files).length, size: bytes(Object.values(one.files).reduce((total, file) => total + file.file_bytes, 0)) })))));
  } catch (error) {
    if (error.status !== 401) tell(t(error.status === 422 ? "verify.failed" : "verify.unknown"), problem(error));
  }
}

// A set compared with what its members hold now, or proven by restores into servers of the service's own.
async function examined(stack, { backup_path, timestamp }, what) {
  try {
    const answer = await ask("POST", pathOf(stack, `/${what}`), { set: { backup_path, timestamp } });
    const good = answer.identical ?? answer.proven;
    const told = Object.entries(answer.members).map(([role, one]) => el("li", {}, `${role}: `, found(what, one.identical ?? one.proven ?? null)));
    tell(t(what === "drill" ? "prove now" : what), el("p", { class: good ? "good" : "bad" }, t(`stack.${what}.${good}`)), el("ul", { class: "words" }, told), warnings(answer.warnings));
  } catch (error) {
    if (error.status !== 401) tell(t(what === "drill" ? "drill.refused" : "verify.unknown"), problem(error, "stack_restore"));
  }
}

// null: its store can't be asked that.
const found = (what, good) => el("span", { class: good === null ? "hint" : good ? "good" : "bad" }, t(good === null ? "member.unsupported" : `stack.${what}.${good}`));

// The tar.gz of a download, taken in with the sets of all members.
function upload(storages) {
  const file = el("input", { type: "file", required: true, accept: ".gz,.tgz" });
  const storage = select(storages.map((name) => [name, name]), storages[0]);
  const action = el("button", { type: "submit", class: "primary" }, t("upload"));
  const content = [el("p", {}, t("upload.what")), field(t("file"), file, t("stack.upload.hint")), storages.length > 1 && field(t("storage"), storage)];
  dialog(t("stack.upload"), content, action, async () => {
    await ask("POST", `/upload?${new URLSearchParams({ storage: storage.value })}`, file.files[0]);
    announce(t("saved"));
    go(address(["stacks"], { storage: storage.value }));
  });
}

function remove(stack, { timestamp }, storage) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  const content = [el("p", { class: "loss" }, t("stack.delete")), typedName(t("delete.type", { name: timestamp }), timestamp, action)];
  dialog(t("delete.title"), content, action, async () => {
    await ask("DELETE", `${pathOf(stack, `/sets/${timestamp}`)}?${new URLSearchParams({ storage })}`);
    announce(t("resource.deleted", { name: timestamp }));
    await render(false);
  });
}

// The first step of a restore: which members, over what is there or beside it.
export async function stackRestoreView({ stack, storage, timestamp }, _query, signal) {
  const { sets } = await ask("GET", `${pathOf(stack, "/sets")}?${new URLSearchParams({ storage })}`, undefined, signal);
  const set = sets.find((one) => one.timestamp === timestamp);
  const heading = el("h1", {}, t("stack.restore", { name: stack }));
  const back = el("p", {}, link(t("stack.all sets"), address(["stacks"], { storage })));
  const content = set ? [steps(1), form(stack, set)] : el("p", {}, t("backup gone.hint"));
  return { title: t("restore"), node: el("div", { class: "page narrow" }, back, heading, content) };
}

function form(stack, set) {
  const trouble = el("div", { class: "trouble" });
  const control = writeButton(t("check what would happen"), () => {}, { kind: "primary" });
  if (!control.hasAttribute("aria-disabled")) control.type = "submit";
  const suffix = field(t("stack.suffix"), el("input", { type: "text", name: "suffix", value: "restored", maxlength: 32, pattern: "[A-Za-z0-9_\\-]+", autocomplete: "off" }), t("stack.suffix.hint"));
  const saved = choice("checkbox", "backup_first", "yes", t("backup first"), { hint: t("stack.backup first.hint"), checked: true });
  const reveal = (beside) => {
    suffix.hidden = !beside;
    saved.hidden = beside;
  };
  const change = (event) => event.target.name === "way" && reveal(event.target.value === "beside");
  reveal(false);
  const node = el("form", { on: { change, submit: send } },
    el("p", { class: "into" }, t("stack.set named", set)),
    membersTable(Object.entries(set.members)),
    group(t("choose.what"), memberChoices(Object.keys(set.members))),
    group(t("choose.how"),
      choice("radio", "way", "over", t("stack.over"), { hint: t("stack.over.hint"), checked: true }),
      choice("radio", "way", "beside", t("stack.beside"), { hint: t("stack.beside.hint") }),
      suffix, saved),
    trouble,
    el("div", { class: "actions" }, control, el("p", { class: "hint" }, t("check changes nothing.store"))));

  async function send(event) {
    event.preventDefault();
    const given = new FormData(node);
    const beside = given.get("way") === "beside";
    const body = {
      stack,
      set: { backup_path: set.backup_path, timestamp: set.timestamp },
      members: chosenOf(node),
      ...(beside ? { rename_suffix: given.get("suffix") } : { backup_before_restore: given.has("backup_first") }),
    };
    try {
      const job = await busy(control, () => submit("stack_restore", { ...body, dry_run: true }));
      go(address(["plan", job.job_id]));
    } catch (error) {
      show(trouble, problem(error));
    }
  }
  return node;
}
