// Jobs, running and past.

import { call } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { button, field, link, select } from "/panel/controls.js";
import { el, redraw, show } from "/panel/dom.js";
import { advice, problem, serverText } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { table } from "/panel/table.js";
import { duration, t } from "/panel/text.js";

const STATES = ["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED"];
export const UNFINISHED = STATES.slice(0, 3);
const FAILED = ["FAILED", "INTERRUPTED"];
const PAGE = 30;
const SOON_MS = 2000;
const LATER_MS = 15000;

export async function jobsView(_parameters, { state = "" }, signal) {
  const list = el("div", {});
  const silence = el("div", { role: "status" });
  const failures = new Map();
  let found = null;
  let count = PAGE;
  const ask = async () => {
    const now = await newest(state, count, signal);
    if (JSON.stringify(now) === JSON.stringify(found)) return;
    found = now;
    redraw(list, listing(found.jobs, failures), found.next && button(t("show more"), more, { name: "more" }));
  };
  const more = () => {
    count += PAGE;
    return ask().catch((error) => signal.aborted || show(silence, problem(error)));
  };
  await ask();
  refresh(ask, () => found.jobs.some((job) => UNFINISHED.includes(job.state)), silence, signal);
  const states = [["", t("all")], ...STATES.map((name) => [name, t(`state.${name}`)])];
  const filter = field(t("state"), select(states, state, (event) => go(address(["jobs"], { state: event.target.value }))));
  return { title: t("jobs"), node: el("div", { class: "page" }, el("h1", {}, t("jobs")), el("div", { class: "filters" }, filter), silence, list) };
}

// {jobs, next}: at least so many as there are, all asked for again: any of them may have changed, or moved on a page.
async function newest(state, count, signal) {
  let { jobs, next } = await page(state, null, signal);
  while (next && jobs.length < count) {
    const further = await page(state, next, signal);
    jobs = [...jobs, ...further.jobs];
    next = further.next;
  }
  return { jobs, next };
}

function page(state, after, signal) {
  const query = new URLSearchParams({ limit: PAGE, ...(state && { state }), ...(after && { after }) });
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

function listing(jobs, failures) {
  if (!jobs.length) return el("p", { class: "empty" }, t("no jobs"));
  const columns = [
    { key: "kind", label: t("job"), cell: (job) => link(kindOf(job), jobAddress(job)) },
    { key: "state", label: t("state"), cell: (job) => [badge(job.state), FAILED.includes(job.state) && failure(job, failures)] },
    { key: "target", label: t("database"), kind: "any", cell: (job) => job.target?.dbname ?? "–" },
    { key: "created", label: t("when"), cell: (job) => since(new Date(job.created_at)) },
    { key: "took", label: t("took"), numeric: true, cell: took },
  ];
  return table(t("jobs"), columns, jobs);
}

export function jobAddress(job) {
  return address([job.request.dry_run ? "plan" : "jobs", job.job_id]);
}

export function kindOf(job) {
  return t(job.request.dry_run ? "kind.plan" : `kind.${job.kind}`);
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

// Why it failed and what to do, asked for once.
function failure(job, failures) {
  const node = el("div", { class: "why" });
  if (!failures.has(job.job_id)) failures.set(job.job_id, call("GET", `/jobs/${job.job_id}`));
  failures.get(job.job_id).then(({ error }) => {
    if (error) show(node, el("p", {}, serverText(error.data.response)), el("p", { class: "hint" }, advice(error.data.error_type)));
  }, (error) => show(node, problem(error)));
  return node;
}
