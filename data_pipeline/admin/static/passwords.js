// New passwords: typed twice, since they are not shown.

import { field } from "/panel/controls.js";
import { el } from "/panel/dom.js";
import { t } from "/panel/text.js";

// {nodes, value()}. The browser says so where the two differ.
export function newPassword() {
  const made = () => el("input", { type: "password", autocomplete: "new-password", required: true, minlength: 10, maxlength: 256 });
  const [first, again] = [made(), made()];
  const compare = () => again.setCustomValidity(first.value === again.value ? "" : t("passwords differ"));
  for (const one of [first, again]) one.addEventListener("input", compare);
  return { nodes: [field(t("new password"), first, t("new password.hint")), field(t("password again"), again)], value: () => first.value };
}
