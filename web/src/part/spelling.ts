// A filter may name a field that no event has: nothing matches then. Where it is one of the known ones but for a letter or two,
// that one is offered.

import type { Page } from "../page.js";
import type { Way } from "./blank.js";

const WORD = /"(?:\\.|[^"])*"|'(?:\\.|[^'])*'|`[^`]*`|([A-Za-z_][\w.-]*)(?=\s*(?:[=<>~]|!=|!~|\bin\b|\bexists\b))/g;
const MOST_CHANGES = 2;

/** The filter with a known field in place of the nearest unknown one; empty when there is none. */
export function otherSpelling(page: Page): Way[] {
  const { filter } = page.place;
  for (const match of filter.matchAll(WORD)) {
    const wrote = match[1];
    if (wrote === undefined) continue;
    const meant = nearest(wrote.replace(/^body\./, ""), page.known.fields);
    if (meant === null) continue;
    const mended = filter.slice(0, match.index) + meant + filter.slice(match.index + wrote.length);
    return [{ text: `Use ${meant} for ${wrote}`, go: () => page.go({ filter: mended }) }];
  }
  return [];
}

/** Null: it is known, or none is near. */
function nearest(name: string, known: readonly string[]): string | null {
  if (known.includes(name)) return null;
  let best: string | null = null;
  let least = Math.min(MOST_CHANGES, Math.floor(name.length / 3)) + 1;
  for (const one of known) {
    const changes = changesBetween(name, one);
    if (changes < least) [best, least] = [one, changes];
  }
  return best;
}

/** How many letters are put in, left out or replaced (Levenshtein). */
function changesBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
