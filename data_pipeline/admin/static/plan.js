// The second and third step of a restore: what would happen, and the confirmation. The plan is a job, a dry run.

import { call } from "/panel/api.js";
import { busy, link, typedName, writeButton } from "/panel/controls.js";
import { databaseName } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { finished, follow } from "/panel/follow.js";
import { foreseen, jobProblem, problem, serverText } from "/panel/problem.js";
import { progressPanel } from "/panel/progress.js";
import { address, go } from "/panel/router.js";
import { expectation, loss, sentences } from "/panel/plan_words.js";
import { steps } from "/panel/steps.js";
import { age, t } from "/panel/text.js";

export async function planView({ job: jobId }, _query, signal) {
  const node = el("div", { class: "page narrow" });
  const progress = progressPanel(jobId);
  let state = null;
  await follow(jobId, (job) => {
    if (state !== job.state && (finished(job) || state === null)) show(node, finished(job) ? plan(job) : waiting(progress));
    state = job.state;
    if (!finished(job)) progress.update(job);
  }, signal);
  return { title: t("plan"), node };
}

function waiting(progress) {
  return [el("h1", {}, t("plan.waiting")), steps(2), el("p", {}, t("check changes nothing")), progress.node];
}

function plan(job) {
  const back = link(t("change choices"), address(["restore"], { plan: job.job_id }), "button");
  if (!job.result) {
    return [el("h1", {}, t("plan.failed")), steps(2),
      job.error ? jobProblem(job.error, job.request_id) : el("p", {}, t(`state.${job.state}`)), el("div", { class: "actions" }, back, again(job))];
  }
  const { result } = job;
  return [
    el("h1", {}, t(result.would_succeed ? "plan.good" : "plan.bad")),
    steps(result.would_succeed ? 3 : 2),
    el("p", { class: "into" }, databaseName(result.target, "plan.into")),
    result.problems.map(foreseen),
    result.would_succeed && words(job),
    result.warnings.length > 0 && el("ul", { class: "note" }, result.warnings.map((text) => el("li", {}, serverText(text)))),
    el("p", { class: "hint" }, t("plan.age", { age: age(new Date(job.finished_at)) })),
    result.would_succeed ? confirmation(job, back) : el("div", { class: "actions" }, back, again(job)),
  ];
}

function words(job) {
  return el("section", { class: "card" },
    el("h2", {}, t("what would happen")),
    el("ul", { class: "words" }, sentences(job).map((line) => el("li", { class: line.loss && "loss" }, line.text))),
    el("ul", { class: "words quiet" }, expectation(job.result.expected).map((line) => el("li", {}, line))));
}

function confirmation(job, back) {
  const trouble = el("div", { class: "trouble" });
  const { dbname, source } = job.result.target;
  if (source === "pg_conn") return el("p", { class: "note" }, t("plan.password"));
  const losing = loss(job);
  const confirm = writeButton(t("restore now"), () => {}, { kind: losing ? "danger" : "primary" });
  if (!confirm.hasAttribute("aria-disabled")) confirm.type = "submit";
  const send = async (event) => {
    event.preventDefault();
    if (confirm.disabled) return;
    try {
      const started = await busy(confirm, () => call("POST", "/restore", bodyOf(job, dbname), { key: `plan-${job.job_id}` }));
      go(address(["jobs", started.job_id]));
    } catch (error) {
      show(trouble, problem(error));
    }
  };
  return el("form", { class: "card", on: { submit: send } },
    el("h2", {}, t("step.confirm")),
    el("p", {}, t(job.request.backup_before_restore ? "plan.undo" : "plan.no undo")),
    losing && typedName(t("type database", { name: dbname }), dbname, confirm),
    trouble,
    el("div", { class: "actions" }, confirm, back, again(job)));
}

// What was checked, and only in the database it was checked in.
function bodyOf(job, dbname) {
  const { dry_run: _, ...request } = job.request;
  return { ...request, async: true, expect_database: dbname };
}

function again(job) {
  const control = writeButton(t("check again"), () => rehearse(job.request, control));
  return job.target?.source === "pg_conn" ? null : control;
}

// Plans a request, and goes there.
export async function rehearse(request, control) {
  const job = await busy(control, () => call("POST", "/restore", { ...request, dry_run: true, async: true }));
  go(address(["plan", job.job_id]));
}
