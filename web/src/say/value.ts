// A field's value in a word: ranges of numbers are rounded, those of durations get units.

import type { FieldValue } from "../contract.js";
import { briefly } from "./time.js";

const RANGE = /^(-?[\d.e+-]+) to (-?[\d.e+-]+)$/;

export function valueName(field: string, { value, kind }: Pick<FieldValue, "value" | "kind">): string {
  if (value === null) return kind === "missing" ? "(missing)" : "(null)";
  if (value === "") return "(empty)";
  const text = String(value);
  const isDuration = field === "duration";
  const number = (one: string): string => (isDuration ? briefly(Number(one)) : String(Number(Number(one).toPrecision(4))));
  const range = kind === "range" ? RANGE.exec(text) : null;
  if (range !== null) return `${number(range[1] ?? "")} – ${number(range[2] ?? "")}`;
  return isDuration && typeof value === "number" ? briefly(value) : text;
}
