// What stands where there is nothing to show: what is so, and what to do about it.

import type { ApiError } from "../api.js";
import { element, type Child } from "../element.js";

/** While there is no answer yet; not said when it comes at once. */
export const READING = "Reading …";

export interface Way {
  text: string;
  go(): void;
}

export function blank(title: string, advice: string, ...ways: Way[]): HTMLElement {
  return element(
    "div",
    { class: "blank", role: "status" },
    element("p", { class: "title" }, title),
    element("p", { class: "quiet" }, advice),
    ways.length > 0 && element("p", { class: "ways" }, ...ways.map(wayButton)),
  );
}

/** A failure, with what the server says to do. */
export function failing(failure: ApiError, again: () => void): HTMLElement {
  const title = failure.unreachable ? "No answer" : failure.status === 400 ? "This question cannot be asked" : "That did not work";
  const node = blank(title, failure.refusal.error, { text: "Try again", go: again });
  node.setAttribute("role", "alert");
  node.classList.add("failing");
  return node;
}

/** What a view shows while the filter is one that the server refused. */
export function unreadable(): HTMLElement {
  return blank("The filter cannot be read", "What is wrong is marked where it was typed.");
}

function wayButton(way: Way): Child {
  return element("button", { class: "plain", onclick: way.go }, way.text);
}
