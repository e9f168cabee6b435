// Finds where a row of the overview went wrong, by its errors or by its slowest: what one should look at first. What has been
// wrong for longer than one sees has no beginning here, and no rise is claimed of it.

import type { OverviewRow } from "../contract.js";

export interface Incident {
  /** `steady`: errors all the time; when they rose lies before what is shown. */
  kind: "errors" | "slow" | "steady";
  type: string;
  from: number;
  to: number;
  /** The share of errors there, or its p99 in seconds; and what it is elsewhere or usually. */
  inside: number;
  outside: number;
  /** For comparing incidents of a kind: how many errors, or how many seconds more. */
  weight: number;
}

const LEAST_ERRORS = 5;
const LEAST_SHARE = 0.005;
const TIMES_MORE_ERRORS = 3;
/** So many errors should stand outside, were it all the same: with fewer expected, that there are none says nothing. */
const LEAST_EXPECTED = 5;
const TIMES_SLOWER = 4;
/** Below that many events a column's p99 is its slowest event, which says nothing. */
const LEAST_COLUMN = 20;
const LEAST_SLOW_COLUMNS = 3;
/** Columns without a rise that do not end one. */
const BRIDGED = 4;

interface Run {
  first: number;
  last: number;
  risen: number;
}

/** The worst of all rows: what rose counts for more than what was always so, and errors for more than slowness. */
export function worstIncident(rows: readonly OverviewRow[], times: readonly number[], step: number): Incident | null {
  for (const find of [errorIncident, slowIncident, steadyErrors]) {
    const found = rows.map((row) => find(row, times, step)).filter((one) => one !== null);
    if (found.length > 0) return found.reduce((a, b) => (b.weight > a.weight ? b : a));
  }
  return null;
}

function errorIncident(row: OverviewRow, times: readonly number[], step: number): Incident | null {
  const { count, errors } = row.series;
  if (row.type === null || row.errors < LEAST_ERRORS) return null;
  const shares = count.map((all, at) => (all > 0 ? (errors[at] ?? 0) / all : 0));
  const usual = usually(shares);
  const risen = shares.map((share, at) => share >= LEAST_SHARE && share > usual * TIMES_MORE_ERRORS && (errors[at] ?? 0) >= 2);
  const run = longest(risen);
  if (run === null) return null;
  const sum = (numbers: readonly number[]): number => numbers.slice(run.first, run.last + 1).reduce((a, b) => a + b, 0);
  const [all, bad] = [sum(count), sum(errors)];
  if (bad < LEAST_ERRORS) return null;
  const rest = row.count - all;
  const outside = rest > 0 ? Math.max(0, row.errors - bad) / rest : 0;
  const inside = bad / all;
  if (inside < outside * TIMES_MORE_ERRORS || rest * inside < LEAST_EXPECTED) return null;
  return { kind: "errors", type: row.type, ...span(run, times, step), inside, outside, weight: bad };
}

function steadyErrors(row: OverviewRow, times: readonly number[], step: number): Incident | null {
  if (row.type === null || row.errors < LEAST_ERRORS || row.err < LEAST_SHARE) return null;
  const all = { first: 0, last: times.length - 1, risen: 0 };
  return { kind: "steady", type: row.type, ...span(all, times, step), inside: row.err, outside: row.err, weight: row.errors };
}

function slowIncident(row: OverviewRow, times: readonly number[], step: number): Incident | null {
  const { count, p99 } = row.series;
  const known = p99.filter((one, at): one is number => one !== null && (count[at] ?? 0) >= LEAST_COLUMN);
  if (row.type === null || known.length < LEAST_SLOW_COLUMNS) return null;
  const usual = usually(known);
  const run = longest(p99.map((one, at) => one !== null && (count[at] ?? 0) >= LEAST_COLUMN && one > usual * TIMES_SLOWER));
  if (run === null || run.risen < LEAST_SLOW_COLUMNS) return null;
  const there = p99.slice(run.first, run.last + 1).filter((one) => one !== null);
  const inside = [...there].sort((a, b) => a - b)[Math.floor(there.length / 2)] ?? usual;
  return { kind: "slow", type: row.type, ...span(run, times, step), inside, outside: usual, weight: inside - usual };
}

/** The lower quartile: an incident may fill most of what is shown. */
function usually(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 4)] ?? 0;
}

/** The run with the most risen columns, over short gaps. */
function longest(risen: readonly boolean[]): Run | null {
  let best: Run | null = null;
  let run: Run | null = null;
  risen.forEach((is, at) => {
    if (!is) return;
    if (run === null || at - run.last > BRIDGED + 1) run = { first: at, last: at, risen: 0 };
    run.last = at;
    run.risen += 1;
    if (best === null || run.risen > best.risen) best = run;
  });
  return best;
}

function span({ first, last }: Run, times: readonly number[], step: number): { from: number; to: number } {
  return { from: times[first] ?? 0, to: (times[last] ?? 0) + step };
}
