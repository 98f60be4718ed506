// The second and third step of a restore: what would happen, and the confirmation. The plan is a job, a dry run.

import { call } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { busy, link, typedName, writeButton } from "/panel/controls.js";
import { announce, el, refill, show } from "/panel/dom.js";
import { finished, follow } from "/panel/follow.js";
import { UNFINISHED } from "/panel/jobs.js";
import { naming } from "/panel/naming.js";
import { foreseen, jobProblem, problem, warnings } from "/panel/problem.js";
import { progressPanel } from "/panel/progress.js";
import { address, go } from "/panel/router.js";
import { expectation, loss, sentences } from "/panel/plan_words.js";
import { steps } from "/panel/steps.js";
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
  return t(job.result.would_succeed ? "plan.good" : "plan.bad");
}

function waiting(job, progress, signal) {
  return [steps(2), naming(job, signal), el("p", {}, t("check changes nothing")), progress.node];
}

function plan(job, signal) {
  const back = link(t("change choices"), address(["restore"], { plan: job.job_id }), "button");
  if (!job.result) {
    return [steps(2), naming(job, signal),
      job.error ? jobProblem(job.error, job.request_id, job.kind) : el("p", {}, t(`state.${job.state}`)), el("div", { class: "actions" }, back, again(job))];
  }
  const { result } = job;
  return [
    steps(result.would_succeed ? 3 : 2),
    naming({ ...job, target: result.target }, signal),
    result.problems.map(foreseen),
    result.would_succeed && words(job),
    warnings(result.warnings),
    el("p", { class: "hint" }, since(new Date(job.finished_at), (text) => t("plan.age", { age: text }))),
    result.would_succeed ? confirmation(job, back, signal) : el("div", { class: "actions" }, back, again(job)),
  ];
}

function words(job) {
  return el("section", { class: "card" },
    el("h2", {}, t("what would happen")),
    el("ul", { class: "words" }, sentences(job).map((line) => el("li", { class: line.loss && "loss" }, line.text))),
    el("ul", { class: "words quiet" }, expectation(job.result.expected).map((line) => el("li", {}, line))));
}

function confirmation(job, back, signal) {
  const trouble = el("div", { class: "trouble" });
  const { dbname, source } = job.result.target;
  if (source === "pg_conn") return el("p", { class: "note" }, t("plan.password"));
  const losing = loss(job);
  const confirm = writeButton(t("restore now"), () => {}, { kind: losing ? "danger" : "primary", needs: "operate" });
  if (!confirm.hasAttribute("aria-disabled")) confirm.type = "submit";
  const send = async (event) => {
    event.preventDefault();
    if (confirm.disabled) return;
    try {
      const started = await busy(confirm, () => call("POST", "/restore", bodyOf(job, dbname), { key: `plan-${job.job_id}` }));
      if (UNFINISHED.includes(started.state)) go(address(["jobs", started.job_id]));
      else show(trouble, done(started));
    } catch (error) {
      show(trouble, problem(error));
    }
  };
  return el("form", { class: "card", on: { submit: send } },
    el("h2", {}, t("step.confirm")),
    naming({ ...job, target: job.result.target }, signal, { brief: true }),
    el("p", { class: job.request.backup_before_restore ? null : "loss" }, t(job.request.backup_before_restore ? "plan.undo" : "plan.no undo")),
    losing && typedName(t("type database", { name: dbname }), dbname, confirm),
    trouble,
    el("div", { class: "actions" }, confirm, back, again(job)));
}

// A check is confirmed once: what came of it may be long past.
function done(started) {
  return el("p", { class: "note", role: "alert" }, t("plan.confirmed"), " ", link(t("job"), address(["jobs", started.job_id])));
}

// What was checked, and only in the database it was checked in.
function bodyOf(job, dbname) {
  const { dry_run: _, ...request } = job.request;
  return { ...request, async: true, expect_database: dbname };
}

function again(job) {
  const trouble = el("div", { class: "trouble" });
  const control = writeButton(t("check again"), () =>
    rehearse(job.request, control).catch((error) => show(trouble, problem(error))), { needs: "operate" });
  return job.target?.source === "pg_conn" ? null : [control, trouble];
}

// Plans a request, and goes there.
export async function rehearse(request, control) {
  const job = await busy(control, () => call("POST", "/restore", { ...request, dry_run: true, async: true }));
  go(address(["plan", job.job_id]));
}
