// A choice among many, found by typing: a combobox with a list below it, as ARIA describes one.

import { el, freshId, show } from "/panel/dom.js";
import { Failure } from "/panel/api.js";
import { t } from "/panel/text.js";

const PATIENCE_MS = 200;

// search(text): the options [{key, label, more}], newest first. chosen: the one at the beginning. change(option): told of another.
export function picker(label, { search, chosen, change, signal, name = "" }) {
  const id = freshId();
  const state = { chosen, options: [], active: -1, asked: 0 };
  const input = el("input", { type: "text", role: "combobox", id, name, autocomplete: "off", spellcheck: "false", value: chosen?.label ?? "",
    "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", "aria-describedby": `${id}-hint`,
    on: { input: () => later(), click: () => open(""), keydown: key, blur: () => setTimeout(close, PATIENCE_MS) } });
  const list = el("ul", { role: "listbox", id: `${id}-list`, "aria-label": label, hidden: true });
  let waiting = null;

  function later() {
    clearTimeout(waiting);
    waiting = setTimeout(() => open(input.value), PATIENCE_MS);
  }

  async function open(text) {
    const asked = ++state.asked;
    let found;
    try {
      found = await search(text);
    } catch (error) {
      if (!(error instanceof Failure) && error.name !== "AbortError") throw error;
      found = null;
    }
    if (asked !== state.asked || signal.aborted) return;
    state.options = found ?? [];
    state.active = -1;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    draw(found ? t("picker.none") : t("unreachable"));
  }

  function draw(nothing) {
    show(list, state.options.length ? state.options.map((option, n) => el("li", {
      role: "option", id: `${id}-${n}`, "aria-selected": String(n === state.active), class: n === state.active && "active",
      on: { mousedown: (event) => { event.preventDefault(); choose(option); } },
    }, el("span", {}, option.label), option.more && el("span", { class: "hint" }, option.more))) : el("li", { class: "hint", role: "option", "aria-disabled": "true", "aria-selected": "false" }, nothing));
    if (state.active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `${id}-${state.active}`);
      list.children[state.active].scrollIntoView({ block: "nearest" });
    }
  }

  function choose(option) {
    state.chosen = option;
    close();
    change(option);
  }

  // What is typed and not chosen is not what is meant.
  function close() {
    clearTimeout(waiting);
    state.asked += 1;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = state.chosen?.label ?? "";
  }

  function key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) return open("");
      const count = state.options.length;
      if (!count) return undefined;
      state.active = (state.active + step + count + (state.active < 0 && step < 0 ? 1 : 0)) % count;
      return draw();
    }
    if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      const option = state.options[Math.max(state.active, 0)];
      if (option) choose(option);
    }
    if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
    return undefined;
  }

  return el("div", { class: "field picker" }, el("label", { for: id }, label), input, list,
    el("p", { class: "hint", id: `${id}-hint` }, t("picker.hint")));
}
