// The second and third step of a restore: what would happen, and the confirmation. The plan is a job, a dry run.

import { since } from "/panel/clock.js";
import { busy, link, typedName, writeButton } from "/panel/controls.js";
import { announce, el, refill, show } from "/panel/dom.js";
import { finished, follow } from "/panel/follow.js";
import { UNFINISHED } from "/panel/jobs.js";
import { naming } from "/panel/naming.js";
import { neededFor, submit } from "/panel/operations.js";
import { foreseen, jobProblem, problem, warnings } from "/panel/problem.js";
import { progressPanel } from "/panel/progress.js";
import { address, go } from "/panel/router.js";
import { expectation, loss, sentences } from "/panel/plan_words.js";
import { nameIn } from "/panel/sets.js";
import { steps } from "/panel/steps.js";
import { storePlan } from "/panel/store_plan.js";
import { t } from "/panel/text.js";

export async function planView({ job: jobId }, _query, signal) {
  const heading = el("h1", {});
  const content = el("div", {});
  const progress = progressPanel(jobId);
  let state = null;
  await follow(jobId, (job) => {
    if (!finished(job)) progress.update(job);
    if (state === job.state || (state !== null && !finished(job))) return;
    const news = state !== null;
    state = job.state;
    show(heading, headline(job));
    if (news) announce(headline(job));
    refill(content, heading, finished(job) ? plan(job, signal) : waiting(job, progress, signal));
  }, progress.silent, signal);
  return { title: t("plan"), node: el("div", { class: "page narrow" }, heading, content) };
}

function headline(job) {
  if (!finished(job)) return t("plan.waiting");
  if (!job.result) return t("plan.failed");
  return t(planned(job).good ? "plan.good" : "plan.bad");
}

// What a dry run told, whichever store it was of: {good, problems, lines, quiet, losing, undo, confirmed, label}.
function planned(job) {
  return "would_succeed" in job.result ? tablesPlan(job) : storePlan(job);
}

function tablesPlan(job) {
  const { request, result } = job;
  const { dbname } = result.target;
  const saved = request.backup_before_restore;
  const losing = loss(job);
  return {
    good: result.would_succeed,
    problems: result.problems,
    lines: result.would_succeed ? sentences(job) : [],
    quiet: expectation(result.expected),
    losing,
    undo: losing || job.kind === "restore" ? { text: t(saved ? "plan.undo" : "plan.no undo"), loss: !saved } : null,
    confirmed: dbname,
    label: t("type database", { name: dbname }),
  };
}

function waiting(job, progress, signal) {
  return [steps(2), naming(job, signal), el("p", {}, t("check changes nothing")), progress.node];
}

function plan(job, signal) {
  const back = link(t("change choices"), backTo(job), "button");
  if (!job.result) {
    return [steps(2), naming(job, signal),
      job.error ? jobProblem(job.error, job.request_id, job.kind) : el("p", {}, t(`state.${job.state}`)), el("div", { class: "actions" }, back, again(job))];
  }
  const { result } = job;
  const told = planned(job);
  return [
    steps(told.good ? 3 : 2),
    naming({ ...job, target: result.target }, signal),
    told.problems.map((one) => foreseen(one, job.kind)),
    told.lines.length > 0 && words(told),
    warnings(result.warnings),
    el("p", { class: "hint" }, since(new Date(job.finished_at), (text) => t("plan.age", { age: text }))),
    told.good ? confirmation(job, told, back, signal) : el("div", { class: "actions" }, back, again(job)),
  ];
}

function backTo(job) {
  if (job.kind !== "stack_restore") return address(["restore"], { plan: job.job_id });
  const { stack, set } = job.request;
  return address(["stacks", stack, nameIn(set).storage, set.timestamp]);
}

function words({ lines, quiet = [] }) {
  return el("section", { class: "card" },
    el("h2", {}, t("what would happen")),
    el("ul", { class: "words" }, lines.map((line) => el("li", { class: line.loss && "loss" }, line.text))),
    quiet.length > 0 && el("ul", { class: "words quiet" }, quiet.map((line) => el("li", {}, line))));
}

function confirmation(job, told, back, signal) {
  const trouble = el("div", { class: "trouble" });
  const { source } = job.result.target;
  if (source === "pg_conn") return el("p", { class: "note" }, t("plan.password"));
  const confirm = writeButton(t("restore now"), () => {}, { kind: told.losing ? "danger" : "primary", needs: neededFor(job.kind) });
  if (!confirm.hasAttribute("aria-disabled")) confirm.type = "submit";
  const send = async (event) => {
    event.preventDefault();
    if (confirm.disabled) return;
    try {
      const started = await busy(confirm, () => submit(job.kind, bodyOf(job), { key: `plan-${job.job_id}` }));
      if (UNFINISHED.includes(started.state)) go(address(["jobs", started.job_id]));
      else show(trouble, done(started));
    } catch (error) {
      show(trouble, problem(error));
    }
  };
  return el("form", { class: "card", on: { submit: send } },
    el("h2", {}, t("step.confirm")),
    naming({ ...job, target: job.result.target }, signal, { brief: true }),
    told.undo && el("p", { class: told.undo.loss ? "loss" : null }, told.undo.text),
    told.losing && typedName(told.label, told.confirmed, confirm),
    trouble,
    el("div", { class: "actions" }, confirm, back, again(job)));
}

// A check is confirmed once: what came of it may be long past.
function done(started) {
  return el("p", { class: "note", role: "alert" }, t("plan.confirmed"), " ", link(t("job"), address(["jobs", started.job_id])));
}

// What was checked, and of tables only in the database it was checked in. Another store is meant by its configured name.
function bodyOf(job) {
  const { dry_run: _, ...request } = job.request;
  return job.kind === "restore" ? { ...request, expect_database: job.result.target.dbname } : request;
}

function again(job) {
  const trouble = el("div", { class: "trouble" });
  const control = writeButton(t("check again"), () =>
    rehearse(job.kind, job.request, control).catch((error) => show(trouble, problem(error))), { needs: neededFor(job.kind) });
  return job.target?.source === "pg_conn" ? null : [control, trouble];
}

// Plans a request, and goes there.
export async function rehearse(kind, request, control) {
  const job = await busy(control, () => submit(kind, { ...request, dry_run: true }));
  go(address(["plan", job.job_id]));
}
