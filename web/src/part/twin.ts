// The table twin of a chart: the same numbers for those who read or hear them.

import { element } from "../element.js";

export interface Twin {
  caption: string;
  columns: string[];
  rows: (string | number)[][];
}

export function twinTable({ caption, columns, rows }: Twin): HTMLElement {
  return element(
    "div",
    { class: "twin", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
      element(
        "tbody",
        {},
        ...rows.map((cells) =>
          element(
            "tr",
            {},
            ...cells.map((cell, column) => (column === 0 ? element("th", { scope: "row" }, cell) : element("td", {}, cell))),
          ),
        ),
      ),
    ),
  );
}
