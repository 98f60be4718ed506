// In the place of a backup set that isn't listed.

import { link } from "/panel/controls.js";
import { el } from "/panel/dom.js";
import { address } from "/panel/router.js";
import { t } from "/panel/text.js";

// storage: where it was looked for; unreachable: those whose sets can't be listed now.
export function gone(storage, unreachable) {
  const hidden = unreachable.includes(storage) || (!storage && unreachable.length > 0);
  return el("div", { class: "page" }, el("p", {}, link(t("back to backups"), address(["backups"]))),
    el("h1", {}, t(hidden ? "backup hidden" : "backup gone")),
    el("p", {}, hidden ? t("unreachable storages", { names: unreachable.join(", ") }) : t("backup gone.hint")));
}
