// The beginning: who is signed in, and which page is asked for.

import { Failure, loadSession } from "/panel/api.js";
import { accountView } from "/panel/account.js";
import { auditView } from "/panel/audit.js";
import { backupSetView } from "/panel/backup_set.js";
import { backupsView } from "/panel/backups.js";
import { compareView } from "/panel/compare.js";
import { link, tell } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { firstAdmin, firstLink } from "/panel/first_admin.js";
import { drawHeader, mark } from "/panel/header.js";
import { databasesView } from "/panel/databases.js";
import { jobView } from "/panel/job.js";
import { jobsView } from "/panel/jobs.js";
import { overviewView } from "/panel/overview.js";
import { planView } from "/panel/plan.js";
import { problem } from "/panel/problem.js";
import { resourcesView } from "/panel/resources.js";
import { restoreView } from "/panel/restore.js";
import { leave, render, start } from "/panel/router.js";
import { signIn, signOut } from "/panel/sign_in.js";
import { stackRestoreView, stacksView } from "/panel/stacks.js";
import { statusView } from "/panel/status.js";
import { storesView } from "/panel/stores.js";
import { tablesView } from "/panel/tables.js";
import { t } from "/panel/text.js";
import { usersView } from "/panel/users.js";

const ROUTES = [
  [["overview"], overviewView],
  [["backups"], backupsView],
  [["backups", ":storage", ":location", ":timestamp"], backupSetView],
  [["restore"], restoreView],
  [["restore", ":storage", ":location", ":timestamp"], restoreView],
  [["plan", ":job"], planView],
  [["jobs"], jobsView],
  [["jobs", ":job"], jobView],
  [["compare"], compareView],
  [["tables"], tablesView],
  [["databases"], databasesView],
  [["stores"], storesView],
  [["stacks"], stacksView],
  [["stacks", ":stack", ":storage", ":timestamp"], stackRestoreView],
  ...["schedules", "targets", "storages", "notifiers"].map((many) => [[many], resourcesView(many)]),
  [["users"], usersView],
  [["audit"], auditView],
  [["account"], accountView],
  [["status"], statusView],
];

// A view that can't be shown says why, in its place.
function guarded(view) {
  return async (parameters, query, signal) => {
    try {
      return await view(parameters, query, signal);
    } catch (error) {
      if (!(error instanceof Failure) && error.name !== "AbortError") throw error;
      if (signal.aborted) return {};
      return { title: t("trouble"), node: trouble(error) };
    }
  };
}

function trouble(error) {
  return el("div", { class: "page" }, el("h1", {}, t("trouble")), problem(error),
    el("div", { class: "actions" }, el("button", { type: "button", on: { click: () => render(true) } }, t("try again"))));
}

function absent() {
  return { title: t("no page"), node: el("div", { class: "page" }, el("h1", {}, t("no page")), el("p", {}, link(t("back to backups"), "#/backups"))) };
}

let started = false;
let asking = false;

function enter() {
  asking = false;
  drawHeader(true, () => { enter(); }, leavePanel);
  if (started) render(false);
  else start(ROUTES.map(([pattern, view]) => [pattern, guarded(view)]), absent);
  started = true;
}

function ask() {
  asking = true;
  leave();
  for (const box of document.querySelectorAll("dialog")) box.remove();
  drawHeader(false, ask, leavePanel);
  if (firstLink()) firstAdmin(enter);
  else signIn(enter);
}

async function leavePanel() {
  try {
    await signOut();
    ask();
  } catch (error) {
    tell(t("sign out.failed"), problem(error));
  }
}

// Every call under way says so; what is typed meanwhile stays.
document.addEventListener("signed-out", () => asking || ask());
document.addEventListener("view", (event) => mark(event.detail));

loadSession().then(
  ({ access }) => (access && !firstLink() ? enter() : ask()),
  (error) => show(document.getElementById("main"), problem(error)),
);
