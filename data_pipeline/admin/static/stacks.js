// Stacks: stores that are backed up and restored together, a card a member.

import { BASE, call } from "/panel/api.js";
import { writeButton } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { mark } from "/panel/health.js";
import { fact, problem, serverText } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { table } from "/panel/table.js";
import { moment, number, t } from "/panel/text.js";

const ask = (method, path, body, signal) => call(method, `/stacks${path}`, body, { signal, prefix: BASE });

export async function stacksView(_parameters, _query, signal) {
  const { stacks } = await ask("GET", "", undefined, signal);
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("stacks"))),
    stacks.length ? await Promise.all(stacks.map((one) => section(one, signal))) : el("p", { class: "empty" }, t("no stacks")));
  return { title: t("stacks"), node };
}

async function section({ name, members }, signal) {
  const note = el("div", { role: "status" });
  const path = `/${encodeURIComponent(name)}`;
  const { sets } = await ask("GET", `${path}/sets`, undefined, signal);
  const backUp = async () => {
    try {
      const job = await ask("POST", `${path}/backup`, { async: true }, signal);
      go(address(["jobs", job.job_id]));
    } catch (error) {
      show(note, problem(error));
    }
  };
  return el("section", {},
    el("div", { class: "title" }, el("h2", {}, name), writeButton(t("back up stack"), backUp, { kind: "primary", needs: "operate" })),
    note,
    el("div", { class: "cards" }, Object.entries(members).map(([role, one]) => card(role, one, sets[0]?.members[role]))),
    sets.length > 0 && listing(sets));
}

function card(role, member, newest) {
  return el("section", { class: "card" },
    el("h3", {}, role),
    el("dl", { class: "facts" },
      fact(t("stack.store"), member.family ?? "–"),
      fact(t("stack.target"), member.target),
      fact(t("state"), mark(member.supported && !member.error), member.error && el("div", { class: "hint" }, serverText(member.error))),
      newest && fact(t("stack.newest"), moment(new Date(newest.started_at)), el("div", { class: "hint" }, t(`consistency.${newest.consistency}`))),
      newest && fact(t("rows"), number(newest.rows))));
}

function listing(sets) {
  const columns = [
    { key: "made", label: t("when"), kind: "fixed", cell: (one) => moment(new Date(one.created_at)) },
    { key: "set", label: t("stack.set"), kind: "any", cell: (one) => one.timestamp },
    { key: "members", label: t("stack.members"), kind: "any", cell: (one) => Object.keys(one.members).join(", ") },
    { key: "whole", label: t("stack.whole"), cell: (one) => mark(one.whole) },
  ];
  return table(t("stacks"), columns, sets);
}
