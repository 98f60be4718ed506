// Jobs, running and past.

import { call } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { button, field, link, select } from "/panel/controls.js";
import { shortName } from "/panel/database.js";
import { el, name, redraw, show } from "/panel/dom.js";
import { isRehearsed } from "/panel/operations.js";
import { advice, problem, serverText } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { STORES } from "/panel/store_forms.js";
import { table } from "/panel/table.js";
import { duration, has, t } from "/panel/text.js";

const STATES = ["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED"];
const OF_STORES = ["database", ...Object.keys(STORES), "stack"].flatMap((family) => [`${family}_backup`, `${family}_restore`]);
const KINDS = ["backup", "restore", "plan", "drill", "refresh", "table_import", "database_import", ...OF_STORES];
export const UNFINISHED = STATES.slice(0, 3);
const PAGE = 30;
const SOON_MS = 2000;
const LATER_MS = 15000;

export async function jobsView(_parameters, { state = "", kind = "" }, signal) {
  const list = el("div", {});
  const silence = el("div", { role: "status" });
  const chosen = { state, kind };
  let found = null;
  let count = PAGE;
  const ask = async () => {
    const now = await newest(chosen, count, signal);
    if (JSON.stringify(now) === JSON.stringify(found)) return;
    found = now;
    redraw(list, listing(found.jobs, chosen), found.next && button(t("show more"), more, { name: "more" }));
  };
  const more = () => {
    count += PAGE;
    return ask().catch((error) => signal.aborted || show(silence, problem(error)));
  };
  await ask();
  refresh(ask, () => found.jobs.some((job) => UNFINISHED.includes(job.state)), silence, signal);
  return { title: t("jobs"), node: el("div", { class: "page" }, el("h1", {}, t("jobs")), filters(chosen), silence, list) };
}

function filters(chosen) {
  const choose = (key) => (event) => go(address(["jobs"], { ...chosen, [key]: event.target.value }));
  const states = [["", t("all")], ...STATES.map((one) => [one, t(`state.${one}`)])];
  const kinds = [["", t("all")], ...KINDS.map((one) => [one, t(`kind.${one}`)])];
  return el("div", { class: "filters" },
    field(t("job"), select(kinds, chosen.kind, choose("kind"))),
    field(t("state"), select(states, chosen.state, choose("state"))));
}

// {jobs, next}: at least so many as there are, all asked for again: any of them may have changed, or moved on a page.
async function newest(chosen, count, signal) {
  let { jobs, next } = await page(chosen, null, signal);
  while (next && jobs.length < count) {
    const further = await page(chosen, next, signal);
    jobs = [...jobs, ...further.jobs];
    next = further.next;
  }
  return { jobs, next };
}

function page({ state, kind }, after, signal) {
  const query = new URLSearchParams({ limit: PAGE, ...(state && { state }), ...(kind && { kind }), ...(after && { after }) });
  return call("GET", `/jobs?${query}`, undefined, { signal });
}

// Asks again and again, often while something runs, and says so when there is no answer.
async function refresh(ask, running, silence, signal) {
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, running() ? SOON_MS : LATER_MS));
    if (signal.aborted) return;
    await ask().then(() => show(silence), () => show(silence, el("p", { class: "note" }, t("silence"))));
  }
}

function listing(jobs, chosen) {
  if (!jobs.length) {
    const limited = chosen.state || chosen.kind;
    return el("div", { class: "empty" }, el("p", {}, t(limited ? "no such jobs" : "no jobs")),
      el("p", { class: "hint" }, limited ? link(t("all jobs"), address(["jobs"])) : t("no jobs.hint")));
  }
  const columns = [
    { key: "kind", label: t("job"), kind: "fixed", cell: (job) => link(kindOf(job), jobAddress(job)) },
    { key: "state", label: t("state"), cell: (job) => [badge(job.state), job.failure && failure(job)] },
    { key: "target", label: t("database"), kind: "any", cell: (job) => name(job.target ? shortName(job.target) : "–") },
    { key: "who", label: t("who"), cell: (job) => whoName(job.who) },
    { key: "created", label: t("when"), kind: "fixed", cell: (job) => since(new Date(job.created_at)) },
    { key: "took", label: t("took"), numeric: true, cell: took },
  ];
  return table(t("jobs"), columns, jobs);
}

export function jobAddress(job) {
  return address([job.request.dry_run && isRehearsed(job.kind) ? "plan" : "jobs", job.job_id]);
}

export function kindOf(job) {
  const key = `kind.${job.kind}`;
  if (job.request.dry_run) return job.kind === "restore" || !has(key) ? t("kind.plan") : t("kind.plan of", { kind: t(key) });
  return has(key) ? t(key) : job.kind;
}

// Who asked for it: a client by its token, the clock, or a person at the command line.
export function whoName(who) {
  if (who.startsWith("schedule")) return t("who.schedule", { name: who.replace(/^schedule[ :]*/, "") }).trim();
  if (who.startsWith("user:")) return who.slice(5);
  return has(`who.${who}`) ? t(`who.${who}`) : who;
}

const SIGNS = { SUCCEEDED: "✓", PARTIAL: "◐", FAILED: "✕", INTERRUPTED: "✕", CANCELLED: "–" };

export function badge(state) {
  return el("span", { class: `badge ${state.toLowerCase()}` },
    el("span", { "aria-hidden": "true" }, `${SIGNS[state] ?? "●"} `), t(`state.${state}`));
}

function took(job) {
  if (!job.started_at) return "–";
  if (!job.finished_at) return job.progress ? `${Math.floor(job.progress.percent)}%` : "…";
  return duration((new Date(job.finished_at) - new Date(job.started_at)) / 1000);
}

// Why it failed, and what to do.
function failure({ failure: failed, kind }) {
  return el("div", { class: "why" }, el("p", {}, serverText(failed.response)), el("p", { class: "hint" }, advice(failed.error_type, kind)));
}
