// One job: what it was asked, how far it is, what came of it.

import { may } from "/panel/api.js";
import { busy, link, typedName, writeButton } from "/panel/controls.js";
import { targetName } from "/panel/database.js";
import { announce, el, refill, show } from "/panel/dom.js";
import { finished, follow } from "/panel/follow.js";
import { badge, kindOf, whoName } from "/panel/jobs.js";
import { naming } from "/panel/naming.js";
import { isBackup, isRehearsed, neededFor, submit } from "/panel/operations.js";
import { outcome } from "/panel/outcome.js";
import { rehearse } from "/panel/plan.js";
import { fact, jobProblem, problem } from "/panel/problem.js";
import { progressPanel } from "/panel/progress.js";
import { address, go } from "/panel/router.js";
import { duration, moment, t } from "/panel/text.js";

export async function jobView({ job: jobId }, _query, signal) {
  const heading = el("h1", {});
  const body = el("div", {});
  const times = el("dl", { class: "facts" });
  const progress = progressPanel(jobId);
  let last = null;
  await follow(jobId, (job) => {
    const before = last?.state;
    last = job;
    if (!finished(job)) progress.update(job);
    if (before === job.state) return;
    show(heading, kindOf(job), " ", badge(job.state));
    show(times, timesOf(job));
    if (finished(job) && before) announce(`${kindOf(job)}: ${t(`state.${job.state}`)}`);
    if (finished(job) || !before) refill(body, heading, naming(job, signal), finished(job) ? ended(job) : progress.node);
  }, progress.silent, signal);
  const node = el("div", { class: "page narrow" }, el("p", {}, link(t("back to jobs"), address(["jobs"]))), heading, body, details(last, times));
  return { title: kindOf(last), node };
}

function ended(job) {
  return [
    job.error && jobProblem(job.error, job.request_id, job.kind),
    !job.error && !job.result && el("p", { class: "note" }, t(`ended.${whose(job.kind)}${job.state}`)),
    job.result && outcome(job),
    undo(job),
    once(job),
  ];
}

// What a cancelled job leaves as it was.
function whose(kind) {
  if (isBackup(kind)) return "backup.";
  return kind === "restore" ? "" : "store.";
}

// The way back: it is checked and confirmed as any restore is, and can be undone as well.
function undo(job) {
  const request = job.result?.undo ?? job.error?.data.undo;
  if (!request || !isRehearsed(job.kind)) return null;
  const trouble = el("div", { class: "trouble" });
  const blocked = request.pg_conn?.includes("://");
  const control = writeButton(t("undo"), () =>
    rehearse(job.kind, { ...request, stack: job.request.stack, backup_before_restore: true }, control).catch((error) => show(trouble, problem(error))), { kind: "primary", needs: neededFor(job.kind) });
  return el("section", { class: "card" },
    el("h2", {}, t("undo.title")),
    el("p", {}, t(blocked ? "undo.password" : "undo.what", { timestamp: (request.set ?? request).timestamp })),
    blocked ? el("pre", {}, JSON.stringify(request, null, 2)) : el("div", { class: "actions" }, control),
    trouble);
}

// What failed may be asked again, once its reason is gone. A restore is checked first.
function once(job) {
  if (["SUCCEEDED", "PARTIAL"].includes(job.state) || !(isBackup(job.kind) || isRehearsed(job.kind))) return null;
  if (job.target?.source === "pg_conn") return el("p", { class: "hint" }, t("plan.password"));
  const trouble = el("div", { class: "trouble" });
  const repeat = isBackup(job.kind) ? backUpAgain : rehearse;
  const control = writeButton(t(isBackup(job.kind) ? "back up again" : "check again"), () =>
    repeat(job.kind, job.request, control).catch((error) => show(trouble, problem(error))), { needs: neededFor(job.kind) });
  const name = job.request.truncate_vector_tables && may("operate") ? job.target?.dbname : null;
  return [
    name && [el("p", { class: "loss" }, t("truncate.loss")), typedName(t("type database", { name }), name, control)],
    el("div", { class: "actions" }, control, trouble),
  ];
}

async function backUpAgain(kind, request, control) {
  const job = await busy(control, () => submit(kind, request));
  go(address(["jobs", job.job_id]));
}

function details({ job_id: id, target, request, request_id: requestId, who }, times) {
  return el("details", { class: "about" },
    el("summary", {}, t("about job")),
    times,
    el("dl", { class: "facts" },
      target && fact(t(target.family ? "field.target" : "database"), targetName(target)),
      fact(t("who"), whoName(who)),
      fact(t("job id"), el("code", {}, id)),
      fact(t("request id"), el("code", {}, requestId))),
    el("h2", {}, t("request")), el("pre", { tabindex: 0, role: "region", "aria-label": t("request") }, JSON.stringify(request, null, 2)));
}

function timesOf(job) {
  const time = (text) => (text ? moment(new Date(text)) : "–");
  return [
    fact(t("created"), time(job.created_at)),
    fact(t("started"), time(job.started_at)),
    fact(t("finished"), time(job.finished_at)),
    job.finished_at && job.started_at && fact(t("took"), duration((new Date(job.finished_at) - new Date(job.started_at)) / 1000)),
  ];
}
