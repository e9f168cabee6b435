// What `/api/v1` answers, as docs/api describes it. Times are seconds since 1970, durations seconds, shares 0 to 1; what does
// not exist is null. Strings come from events and are hostile.

export interface Remark {
  reason: string;
  text: string;
}

export interface Answer {
  range: { since: number; until: number };
  scanned: { events: number; matched: number; bytes: number; files: number; seconds: number; cached: boolean };
  complete: boolean;
  remarks: Remark[];
  command: { oxview: string | null; curl: string };
}

export interface About {
  version: string;
  now: number;
  log_paths: string[];
  daemons: string[];
  live: boolean;
  demo: boolean;
}

export interface OverviewSeries {
  count: number[];
  errors: number[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
}

export interface OverviewRow {
  type: string | null;
  count: number;
  rate: number;
  errors: number;
  err: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  series: OverviewSeries;
}

export interface Overview extends Answer {
  step: number;
  times: number[];
  seconds: number;
  rows: OverviewRow[];
  other: OverviewRow | null;
  other_types: number;
}

export interface Heatmap extends Answer {
  field: string;
  start: number;
  step: number;
  columns: number;
  bounds: number[];
  rows: number[][];
  errors: number[][];
  max: number;
  count: number;
  without: number;
}

/** A value of a field, with the filters that ask for it and for all others. */
export interface FieldValue {
  value: string | number | boolean | null;
  kind: string;
  filter: string;
  not: string;
}

export interface ComparedField {
  field: string;
  score: number;
  values: (FieldValue & { selected: number; rest: number })[];
}

export interface Comparison extends Answer {
  measure: { name: string; unit: string; text: string };
  selected: { events: number; count: number };
  rest: { events: number; count: number };
  fields: ComparedField[];
  left_out: string[];
}

export interface BreakdownRow {
  key: FieldValue[];
  values: (number | null)[];
  spark: number[];
}

export interface Breakdown extends Answer {
  by: string[];
  stats: string[];
  units: string[];
  sort: string;
  rows: BreakdownRow[];
  other: Omit<BreakdownRow, "key"> | null;
  other_groups: number;
  missing: number;
  spark_start: number;
  spark_step: number;
  total: Omit<BreakdownRow, "key">;
}

export interface Fields extends Answer {
  events: number;
  count: number;
  fields: {
    field: string;
    count: number;
    share: number;
    other: number;
    values: (FieldValue & { count: number; share: number })[];
  }[];
  fields_left_out: number;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface EventRow {
  type: string;
  id: string | null;
  host: string | null;
  time: number | null;
  start: number | null;
  duration: number | null;
  error: boolean;
  summary: string;
  event: { [key: string]: Json };
}

export interface Events extends Answer {
  events: EventRow[];
  more: boolean;
}

export interface TraceColumns {
  type: number[];
  host: number[];
  summary: number[];
  start: number[];
  duration: number[];
  parent: number[];
  depth: number[];
  size: number[];
  error: number[];
  missing_parent: number[];
}

/** Rows in tree order; the subtree of row `r` is `r ..= r + size[r]`. `start` and `duration` are microseconds. */
export interface Trace extends Answer {
  id: string;
  count: number;
  start: number;
  end: number;
  errors: number;
  truncated: boolean;
  strings: string[];
  columns: TraceColumns;
}

export interface TraceEvent extends Answer {
  event: { [key: string]: Json };
}

export interface LiveHello {
  daemons: string[];
  interval: number;
  batch: number;
  now: number;
}

export interface LiveEvents {
  events: EventRow[];
  skipped: number;
  seen: number;
}

export interface LiveDaemon {
  address: string;
  state: string;
  error: string | null;
}

export interface Destination {
  address: string;
  state: string;
  error: string | null;
}

export interface DaemonStatus {
  version?: string;
  role?: string;
  host?: string;
  uptime_seconds?: number;
  lag_seconds?: number | null;
  connections?: unknown;
  events?: {
    accepted?: number;
    recovered?: number;
    stored?: number;
    forwarded?: number;
    queued?: number;
    queued_bytes?: number;
    skipped?: number;
    dropped?: Record<string, number>;
    rate_in?: number;
    rate_stored?: number;
    rate_forwarded?: number;
  };
  spool?: { used_bytes?: number; max_bytes?: number; full?: boolean } | null;
  forward?: {
    list: number;
    state: string;
    active: string | null;
    queued: number;
    queued_bytes: number;
    lag_seconds: number | null;
    forwarded: number;
    dropped: Record<string, number>;
    destinations: Destination[];
  }[];
}

export interface Health {
  state: "ok" | "warning" | "failing" | "none";
  time: number;
  hosts: number;
  lag_seconds: number | null;
  queued: number;
  queued_bytes: number;
  dropped: number;
  dropped_by_reason: Record<string, number>;
  rate_in: number | null;
  daemons: {
    address: string;
    reachable: boolean;
    error: string | null;
    name: string | null;
    role: string | null;
    state: string;
    problems: { state: string; text: string }[];
    status: DaemonStatus | null;
  }[];
}

export interface Refusal {
  error: string;
  parameter?: string;
  span?: [number, number];
  suggestion?: string;
}
