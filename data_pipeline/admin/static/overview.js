// The landing page: whether all is well, what needs attention, and how each database, schedule and storage stands.

import { BASE, call, Failure, mayWrite } from "/panel/api.js";
import { backUp } from "/panel/back_up.js";
import { curve } from "/panel/chart.js";
import { since } from "/panel/clock.js";
import { busy, link, writeButton } from "/panel/controls.js";
import { shortName } from "/panel/database.js";
import { el, redraw, show } from "/panel/dom.js";
import { storageTable } from "/panel/health.js";
import { badge, jobAddress, kindOf, whoName } from "/panel/jobs.js";
import { submit } from "/panel/operations.js";
import { fact, problem, serverText } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { stateOf } from "/panel/set_state.js";
import { setAddress, setUrl } from "/panel/sets.js";
import { BACKUPS, situation } from "/panel/situation.js";
import { scheduleTable } from "/panel/schedules.js";
import { hasDrill } from "/panel/store_forms.js";
import { bytes, duration, number, t } from "/panel/text.js";

const AGAIN_MS = 15000;
const SOON_MS = 3000;

export async function overviewView(_parameters, _query, signal) {
  const body = el("div", {});
  const silence = el("div", { role: "status" });
  let now = await situation(signal);
  const draw = () => redraw(body, whole(now, again));
  const again = async () => {
    now = await situation(signal);
    if (!signal.aborted) draw();
  };
  draw();
  keepFresh(() => now, again, silence, signal);
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("overview")), writeButton(t("back up now"), () => backUp([]), { kind: "primary", needs: "operate" })), silence, body);
  return { title: t("overview"), node };
}

async function keepFresh(now, again, silence, signal) {
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, now().running.length ? SOON_MS : AGAIN_MS));
    if (signal.aborted || document.hidden || document.querySelector("dialog")) continue;
    await again().then(() => show(silence), () => signal.aborted || show(silence, el("p", { class: "note" }, t("silence"))));
  }
}

function whole(now, again) {
  return [
    verdict(now),
    attention(now, again),
    now.running.length > 0 && [el("h2", {}, t("running now")), el("ul", { class: "plain-list card" }, now.running.map(running))],
    now.databases.length > 0 && [el("h2", {}, t(now.databases.some((group) => group.family) ? "what is backed up" : "databases")), el("div", { class: "cards" }, now.databases.map((group) => database(group)))],
    el("h2", {}, t("schedules")), schedules(now, again),
    now.health && [el("h2", {}, t("storages")), storageTable(now.health)],
  ];
}

function verdict({ attention: found, health }) {
  const wrong = found.filter((one) => one.bad).length;
  const well = wrong === 0;
  return el("section", { class: `verdict ${well ? "well" : "wrong"}`, role: "status" },
    el("span", { class: "sign", "aria-hidden": "true" }, well ? "✓" : "!"),
    el("div", {}, el("p", { class: "what" }, t(well ? "all is well" : "needs attention", { n: wrong })),
      health && el("p", { class: "hint" }, since(health.at, (age) => t("looked", { age })))));
}

// Each with the button that mends it.
function attention({ attention: found }, again) {
  if (!found.length) return null;
  return el("ul", { class: "attention" }, found.map((one) => {
    const trouble = el("div", { class: "trouble" });
    return el("li", { class: one.bad ? "wrong" : "better" },
      el("div", { class: "words" },
        el("p", { class: "what" }, t(`attention.${one.kind}`, one.values)),
        one.job && el("p", { class: "hint" }, serverText(one.job.failure.response), " · ", since(new Date(one.job.created_at))),
        one.free !== undefined && el("p", { class: "hint" }, t("attention.room.hint", { free: bytes(one.free) })), trouble),
      el("div", { class: "actions" }, mending(one, again, trouble)));
  }));
}

function mending(one, again, trouble) {
  const does = (label, work, needs = "operate") => {
    const control = writeButton(label, () => busy(control, work).catch((error) => {
      if (!(error instanceof Failure)) throw error;
      show(trouble, problem(error));
    }), { needs });
    return control;
  };
  const run = async () => go(address(["jobs", (await call("POST", `/schedules/${encodeURIComponent(one.schedule.name)}/run`, undefined, { prefix: BASE })).job_id]));
  const resume = async () => {
    const { name, config } = one.schedule;
    await call("PUT", `/schedules/${encodeURIComponent(name)}`, { ...config, paused: false }, { prefix: BASE });
    await again();
  };
  const repeat = async () => go(address(["jobs", (await submit(one.job.kind, one.job.request)).job_id]));
  const drill = async () => go(address(["jobs", (await call("POST", setUrl(one.set, "/drill"), { async: true })).job_id]));
  const ways = {
    overdue: () => does(t("run now"), run),
    paused: () => does(t("resume"), resume, "write"),
    failed: () => [
      link(t("see why"), jobAddress(one.job), "button"),
      !one.job.request.truncate_vector_tables && one.job.target?.source !== "pg_conn" && does(t("back up again"), repeat),
    ],
    damaged: () => link(t("see which"), address(["backups"], { q: "damaged" }), "button"),
    "not proven": () => link(t("see why"), one.drill ? address(["jobs", one.drill]) : setAddress("backups", one.set), "button"),
    "no backup": () => writeButton(t("back up now"), () => backUp([]), { kind: "primary", needs: "operate" }),
    "no schedule": () => link(t("create schedule"), address(["schedules"], { create: "schedule" }), "button"),
    unproven: () => does(t("prove now"), drill),
  };
  return (ways[one.kind] ?? (() => link(t("status"), address(["status"]), "button")))();
}

function running(job) {
  const percent = job.progress ? `${Math.floor(job.progress.percent)}%` : "";
  return el("li", {}, link(kindOf(job), jobAddress(job)), " ", badge(job.state), " ",
    el("span", {}, [job.target && shortName(job.target), percent, whoName(job.who)].filter(Boolean).join(" · ")), " ",
    job.progress && el("progress", { max: 100, value: job.progress.percent, "aria-label": t("progress") }));
}

function database(group) {
  const due = group.schedules.map((one) => one.status?.next_due).filter(Boolean).sort()[0];
  const rows = points(group.whole.filter((set) => set.rows !== null), (set) => set.rows);
  const sizes = points(group.whole, (set) => set.bytes);
  const curves = [[t("rows"), rows, number], [t("size"), sizes, bytes], [t("took"), group.durations, duration]].filter(([, found]) => found.length > 1);
  return el("section", { class: "card database" },
    el("h3", {}, group.name, " ", !group.alone && el("span", { class: "hint" }, t("server", { id: group.server?.slice(0, 6) ?? "?" }))),
    el("dl", { class: "facts small" },
      fact(t("last good"), group.last ? [link(since(group.last.made), setAddress("backups", group.last)), " ", el("div", {}, stateOf(group.last))] : t("never")),
      fact(t("next due"), due ? since(new Date(due)) : t("not scheduled")),
      (!group.last || hasDrill(group.last)) && fact(t("last proven"), group.proven ? since(group.proven) : t("never")),
      group.failed && fact(t("last failure"), link(since(new Date(group.failed.created_at)), jobAddress(group.failed)), el("div", { class: "hint" }, serverText(group.failed.failure.response)))),
    curves.length > 0 && el("div", { class: "curves" }, curves.map(([label, found, format]) => curve(label, found, format))));
}

const points = (sets, value) => sets.filter((set) => !Number.isNaN(set.made.getTime())).map((set) => ({ at: set.made, value: value(set) }));

function schedules(now, again) {
  if (now.schedules === null) return el("p", { class: "note" }, t("schedules unknown"));
  if (now.schedules.length) return scheduleTable(now.schedules, now.config, again);
  return el("div", { class: "empty" }, el("p", {}, t("no schedules")),
    mayWrite() && el("p", {}, link(t("create schedule"), address(["schedules"], { create: "schedule" }), "button")));
}
