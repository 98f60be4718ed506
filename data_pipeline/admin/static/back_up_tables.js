// What of a database is backed up: LangChain's two tables, all of them or some collections, or any tables.

import { call, Failure } from "/panel/api.js";
import { choice, group } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { t } from "/panel/text.js";

// {node, forget, bodyOf}. forget: told of another database. besides: what is shown for LangChain's tables alone.
export function extent(besides) {
  const collections = list("/collections", ({ collections: found }) => found, ({ name }) => choice("checkbox", "collection", name, name, { checked: true }), "collections.none");
  const tables = list("/tables", ({ tables: found }) => found.filter((one) => one.can_be_backed_up), (one) => {
    const name = `${one.schema}.${one.name}`;
    return choice("checkbox", "table", name, name, { checked: one.vectors.length > 0 });
  }, "no tables");
  const references = choice("checkbox", "with_references", "yes", t("with references"), { hint: t("with references.hint"), checked: true });
  const reveal = (which, target) => {
    collections.open(which === "chosen", target);
    tables.open(which === "tables", target);
    references.hidden = which !== "tables";
    for (const one of besides) one.hidden = which === "tables";
  };
  const change = (event) => reveal(event.target.value, event.target.form.elements.target?.value ?? "");
  references.hidden = true;
  const node = group(t("choose.what"),
    choice("radio", "extent", "all", t("extent.all"), { hint: t("extent.all.hint"), checked: true, change }),
    choice("radio", "extent", "chosen", t("collections.chosen"), { hint: t("collections.back up.hint"), change }),
    collections.node,
    choice("radio", "extent", "tables", t("extent.tables"), { hint: t("extent.tables.hint"), change }),
    tables.node, references);
  return { node, forget: (event) => { collections.forget(event.target.value); tables.forget(event.target.value); }, bodyOf };
}

function bodyOf(given) {
  if (given.get("extent") === "tables") {
    return { layout: "tables", tables: given.getAll("table"), with_references: given.has("with_references") };
  }
  return { collections: given.get("extent") === "chosen" ? given.getAll("collection") : null };
}

// Names to tick. Which of them the chosen database has is asked once it matters.
function list(path, namesIn, tick, none) {
  const node = el("div", { class: "choices", hidden: true });
  let asked = null;
  const ask = async (target) => {
    asked = target;
    show(node, el("p", { class: "hint" }, t("loading")));
    const query = target ? `?${new URLSearchParams({ target })}` : "";
    const shown = await call("GET", `${path}${query}`).then(
      (answer) => {
        const found = namesIn(answer);
        return found.length ? found.map(tick) : el("p", { class: "hint" }, t(none));
      },
      (error) => {
        if (!(error instanceof Failure)) throw error;
        return problem(error);
      });
    if (asked === target) show(node, shown);
  };
  const open = (wanted, target) => {
    node.hidden = !wanted;
    if (wanted && asked !== target) ask(target);
  };
  const forget = (target) => (node.hidden ? (asked = null) : ask(target));
  return { node, open, forget };
}
