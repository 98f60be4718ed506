// The pages of what is set up: the kinds of resources, and for admins users and what was done.

import { mayWrite, signInRequired } from "/panel/api.js";
import { link } from "/panel/controls.js";
import { el } from "/panel/dom.js";
import { KINDS } from "/panel/resource_forms.js";
import { address } from "/panel/router.js";
import { t } from "/panel/text.js";

export function setupTabs(current) {
  const names = [...Object.keys(KINDS), mayWrite() && signInRequired() && "users", mayWrite() && "audit"].filter(Boolean);
  return el("nav", { class: "tabs", "aria-label": t("setup") }, el("ul", {}, names.map((name) =>
    el("li", {}, link(t(name), address([name]), "", { "aria-current": name === current && "page" })))));
}
