// Times and durations. Times are UTC, as in the tools; durations are seconds inside and say their unit outside.

import { three } from "./number.js";

const pad = (value: number, digits = 2): string => String(Math.floor(value)).padStart(digits, "0");

/** Measured: three digits always, so that columns of them align: `812 ms`, `1.20 s`, `3.50 m`. */
export function duration(seconds: number): string {
  return inUnits(seconds, (value) => (value === 0 ? "0" : value.toPrecision(3)));
}

/** As short as it can be said, for axes and sentences: `1.2 s`, `15 s`. */
export function briefly(seconds: number): string {
  return inUnits(seconds, three);
}

function inUnits(seconds: number, say: (value: number) => string): string {
  if (!Number.isFinite(seconds)) return "–";
  const size = Math.abs(seconds);
  if (size === 0) return "0 ms";
  if (size < 0.000_999_5) return `${say(seconds * 1e6)} µs`;
  if (size < 0.999_5) return `${say(seconds * 1e3)} ms`;
  if (size < 99.95) return `${say(seconds)} s`;
  if (size < 5_997) return `${say(seconds / 60)} m`;
  if (size < 172_000) return `${say(seconds / 3_600)} h`;
  return `${three(seconds / 86_400)} d`;
}

/** `12:00:03` or `12:00:03.412` */
export function clock(seconds: number, millis = false): string {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return "–";
  const text = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
  return millis ? `${text}.${pad(at.getUTCMilliseconds(), 3)}` : text;
}

/** `2012-03-13` */
export function day(seconds: number): string {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return "–";
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
}

/** RFC 3339 with microseconds, as the tools take it. */
export function stamp(seconds: number): string {
  const whole = Math.floor(seconds);
  const micros = Math.round((seconds - whole) * 1e6);
  if (micros >= 1e6) return stamp(whole + 1);
  const fraction = micros === 0 ? "" : `.${pad(micros, 6).replace(/0+$/, "")}`;
  return `${day(whole)}T${clock(whole)}${fraction}Z`;
}

/** An axis label that says no more than the step needs. */
export function tick(seconds: number, step: number): string {
  if (step >= 86_400) return day(seconds).slice(5);
  if (step >= 60) return seconds % 86_400 === 0 ? day(seconds).slice(5) : clock(seconds).slice(0, 5);
  return step >= 1 ? clock(seconds) : clock(seconds, true);
}

/** A span as title: `12:00:00 – 12:15:00`, with days where it leaves one. */
export function span(from: number, to: number): string {
  const fine = to - from < 10;
  if (day(from) === day(to)) return `${clock(from, fine)} – ${clock(to, fine)}`;
  return `${day(from)} ${clock(from, fine)} – ${day(to)} ${clock(to, fine)}`;
}
