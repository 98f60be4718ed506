// Buttons, fields and dialogs.

import { may, signedIn } from "/panel/api.js";
import { el, freshId, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { t } from "/panel/text.js";

export function button(label, click, { kind = "", ...more } = {}) {
  return el("button", { type: "button", class: kind, ...more, on: { click } }, label);
}

export function link(label, href, kind = "", more = {}) {
  return el("a", { href, class: kind, ...more }, label);
}

// A button that needs a right. For a role that lacks it the button stays there and says why it does nothing.
export function writeButton(label, click, { kind = "", needs = "write", ...more } = {}) {
  if (may(needs)) return button(label, click, { kind, ...more });
  const refused = { "aria-disabled": "true", "aria-describedby": "read-only", title: limits("reason") };
  return button(label, () => {}, { kind: `${kind} refused`, ...more, ...refused });
}

export function writeLink(label, href, kind = "", { needs = "write", ...more } = {}) {
  return may(needs) ? link(label, href, kind, more) : writeButton(label, () => {}, { kind, needs, ...more });
}

// What the role of the one who is signed in is not for.
export function limits(part = "") {
  const { role } = signedIn();
  return t(["read only", role !== "reader" && role, part].filter(Boolean).join("."));
}

// While work is under way its button says so and can't be pressed again.
export async function busy(control, work) {
  const held = document.activeElement === control;
  control.disabled = true;
  control.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    control.disabled = false;
    control.removeAttribute("aria-busy");
    if (held && document.activeElement === document.body) control.focus();
  }
}

export function field(label, control, hint = null) {
  const id = control.id || freshId();
  control.id = id;
  const hintId = hint && `${id}-hint`;
  if (hint) control.setAttribute("aria-describedby", hintId);
  return el("div", { class: "field" }, el("label", { for: id }, label), control,
    hint && el("p", { class: "hint", id: hintId }, hint));
}

export function choice(type, name, value, label, { hint = null, checked = false, change = null } = {}) {
  const id = freshId();
  const input = el("input", { type, name, value, id, checked, "aria-describedby": hint && `${id}-hint`,
    on: change ? { change } : {} });
  return el("div", { class: "choice" }, input,
    el("div", {}, el("label", { for: id }, label), hint && el("p", { class: "hint", id: `${id}-hint` }, hint)));
}

export function select(options, value, change = null, more = {}) {
  const nodes = options.map(([key, label]) => el("option", { value: key, selected: key === value }, label));
  return el("select", { ...more, on: change ? { change } : {} }, nodes);
}

export function group(legend, ...children) {
  return el("fieldset", {}, el("legend", {}, legend), ...children);
}

// A name that has to be typed before `control` can be pressed.
export function typedName(label, name, control) {
  const input = el("input", { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const differs = el("p", { class: "bad", role: "status" });
  const differing = () => input.value !== "" && input.value !== name;
  control.disabled = true;
  input.addEventListener("input", () => {
    control.disabled = input.value !== name;
    if (!differing()) show(differs);
  });
  input.addEventListener("change", () => show(differs, differing() && t("name differs"))); // by Enter or on leaving it
  return el("div", {}, field(label, input), differs);
}

// A dialog with a form. `submit` does the work; the dialog closes when it is done and shows what went wrong if not.
export function dialog(title, content, action, submit) {
  const heading = freshId();
  const trouble = el("div", { class: "trouble" });
  const close = () => box.close();
  const form = el("form", { on: { submit: send } }, content, trouble,
    el("div", { class: "actions" }, action, button(t("cancel"), close)));
  const box = el("dialog", { "aria-labelledby": heading, on: { close: () => box.remove() } },
    el("h2", { id: heading }, title), form);
  async function send(event) {
    event.preventDefault();
    if (action.disabled) return;
    try {
      await busy(action, () => submit(form));
      close();
    } catch (error) {
      show(trouble, problem(error));
    }
  }
  document.body.append(box);
  box.showModal();
  return box;
}

// Says something that has to be closed.
export function tell(title, ...content) {
  const close = el("button", { type: "submit", class: "primary" }, t("close"));
  const box = dialog(title, content, close, async () => {});
  box.querySelector(".actions").replaceChildren(close);
  show(box.querySelector(".trouble"));
}
