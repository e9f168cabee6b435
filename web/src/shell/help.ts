// What the keys do, and what one looks at.

import { element } from "../element.js";

const KEYS: [keys: string, what: string][] = [
  ["1 – 5", "Overview, Live, Heatmap, Breakdown, Trace"],
  ["/", "filter"],
  ["j k", "next, previous row (or the arrow keys)"],
  ["Enter", "open what is selected"],
  ["Space", "pause and go on (Live)"],
  ["← →", "collapse and expand (Trace); move on the heatmap, with Shift: select a box"],
  ["f", "fields panel"],
  ["t", "light, dark"],
  ["Esc", "give up a selection, leave a field"],
  ["?", "this"],
];

const FILTER = ["duration > 250ms", "response.status >= 500 and host = web-*", "path in (/cart, /checkout)", "not (exception exists)"];

export function helpDialog(): HTMLDialogElement {
  const close = element("button", { class: "strong", autofocus: true }, "Close");
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "help-title" },
    element("h2", { id: "help-title" }, "One look tells"),
    element(
      "p",
      {},
      "Overview names the type of event that has errors or is slow. Its heatmap shows when and how slow. Draw a box around what looks wrong: Compare ranks the fields by which it differs from the rest. A click on a cell opens its slowest trace.",
    ),
    element("div", { class: "keys" }, ...KEYS.flatMap(([keys, what]) => [element("span", { class: "mono" }, keys), element("span", {}, what)])),
    element("p", { class: "quiet" }, "Filters:"),
    element("ul", { class: "mono" }, ...FILTER.map((text) => element("li", {}, text))),
    element("p", { class: "ways" }, close),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
