// A table of rows; cells are text, numbers or elements.
import { h } from "./dom.js";

/** `columns` are {title, cell(row), number?}. */
export function table(columns, rows) {
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.number ? "number" : null }, column.title)))),
    h(
      "tbody",
      {},
      rows.map((row) => h("tr", {}, columns.map((column) => h("td", { class: column.number ? "number" : null }, column.cell(row) ?? "")))),
    ),
  );
}
