// The first step of a restore of another store's set, or of a set of tables into a Milvus: what of it, where to, and how.

import { busy, choice, field, group, link, select, writeButton } from "/panel/controls.js";
import { databaseName, placeOf } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { configured, control, reveal } from "/panel/form_fields.js";
import { submit } from "/panel/operations.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { stateOf, tagsOf } from "/panel/set_state.js";
import { detailsOf, setAddress, setName } from "/panel/sets.js";
import { STORES, targetsOf, wayOf } from "/panel/store_forms.js";
import { t } from "/panel/text.js";

// earlier: the request of a plan that this is the way back from, if there is one.
export async function storeForm(set, config, earlier) {
  const family = STORES[set.layout] ? set.layout : "milvus";
  const { facts: { manifest } } = await detailsOf(set);
  const page = { config, facts: (STORES[set.layout] && manifest?.store) || {} };
  const trouble = el("div", { class: "trouble" });
  const submitButton = writeButton(t("check what would happen"), () => {}, { kind: "primary", needs: "operate" });
  if (!submitButton.hasAttribute("aria-disabled")) submitButton.type = "submit";
  const fields = STORES[family].restore.filter((each) => !each.when || each.when(page));
  const first = earlier ? wayOf(family, earlier) : Object.keys(STORES[family].ways)[0];
  const made = (part) => fields.filter((each) => each.part === part).map((each) => control(each, page, earlier ?? {})).filter(Boolean);
  const [what, how, more] = ["what", undefined, "more"].map(made);
  const form = el("form", { on: { submit: send, change } },
    el("p", { class: "into" }, link(setName(set), setAddress("backups", set)), " ", stateOf(set), " ", tagsOf(set)),
    what.length > 0 && group(t("choose.what"), what),
    group(t("choose.where.store"), places(family, set, config, earlier)),
    group(t("choose.how"), waysOf(family, set).map((way) => choice("radio", "way", way, t(`${family}.way.${way}`), { hint: t(`${family}.way.${way}.hint`), checked: way === first })),
      el("div", { class: "of-way" }, how)),
    more.length > 0 && el("details", { open: Boolean(earlier) }, el("summary", {}, t("more options")), more),
    trouble,
    el("div", { class: "actions" }, submitButton, el("p", { class: "hint" }, t("check changes nothing.store"))));
  reveal(form, first);

  function change(event) {
    if (event.target.name === "way") reveal(form, event.target.value);
  }

  async function send(event) {
    event.preventDefault();
    try {
      const job = await busy(submitButton, () => submit(`${family}_restore`, { ...bodyOf(form, family, fields, set), dry_run: true }));
      go(address(["plan", job.job_id]));
    } catch (error) {
      show(trouble, problem(error));
    }
  }
  return form;
}

// A set of tables becomes collections, and no tables again: that is another restore.
const waysOf = (family, set) => Object.keys(STORES[family].ways).filter((way) => way !== "postgres" || set.layout === family);

// A Milvus may also go into a database.
function places(family, set, config, earlier) {
  const own = Object.values(targetsOf(config, family)).map((target) => [target.name, `${target.name}: ${placeOf(target)}`]);
  const databases = Object.entries(config.targets).map(([name, target]) => [name, databaseName(target, "target", { name })]);
  const chosen = earlier?.target ?? own.find(([name]) => name === set.database)?.[0];
  const choose = (options) => (options.length
    ? field(t("field.target"), select(options, chosen, null, { name: "target" }))
    : el("p", { class: "note" }, t("no such targets"), " ", link(t("create target"), address(["targets"], { create: "target" }))));
  const others = waysOf(family, set).filter((way) => way !== "postgres");
  return [
    el("div", { "data-of": others.join(" ") }, choose(own)),
    others.length < waysOf(family, set).length && el("div", { "data-of": "postgres" }, choose(databases)),
  ];
}

function bodyOf(form, family, fields, set) {
  const way = form.elements.way.value;
  const given = new FormData(form);
  return {
    set: { backup_path: set.path, timestamp: set.timestamp },
    target: given.get("target"),
    ...STORES[family].ways[way],
    ...configured(fields, form, {}, way),
  };
}
