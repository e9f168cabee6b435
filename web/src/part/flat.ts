// An event as lines of dotted path and value, and the filters that such a line stands for.

import type { Json } from "../contract.js";

export interface FlatLine {
  path: string;
  value: Json;
}

const MOST_LINES = 500;
const MOST_DEPTH = 16;
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const KEYWORDS = new Set(["and", "or", "not", "in", "exists"]);

/** At most 500 lines; a body comes without `body.`, as in filters. */
export function flat(event: { [key: string]: Json }): FlatLine[] {
  const lines: FlatLine[] = [];
  const walk = (path: string, value: Json, depth: number): void => {
    if (lines.length >= MOST_LINES) return;
    if (typeof value === "object" && value !== null && depth < MOST_DEPTH) {
      const entries = Array.isArray(value) ? value.map((one, at): [string, Json] => [String(at), one]) : Object.entries(value);
      if (entries.length > 0) {
        for (const [name, inner] of entries) walk(`${path}.${Array.isArray(value) ? name : quotedName(name)}`, inner, depth + 1);
        return;
      }
    }
    lines.push({ path, value });
  };
  for (const [name, value] of Object.entries(event)) {
    if (name === "body" && typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [inner, one] of Object.entries(value)) walk(quotedName(inner), one, 1);
    } else {
      walk(quotedName(name), value, 0);
    }
  }
  return lines;
}

export function shown(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The condition that holds for this value, and the one that holds for all others; null where the language has none. */
export function conditions({ path, value }: FlatLine): { only: string; not: string } | null {
  const literal = asLiteral(value);
  return literal === null ? null : { only: `${path} = ${literal}`, not: `${path} != ${literal}` };
}

function asLiteral(value: Json): string | null {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value === null ? "null" : null;
}

function quoted(text: string): string {
  const escaped = text.replace(/[\\"\n\r\t\u0000-\u001f]/g, (sign) => {
    const short: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
    return short[sign] ?? `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}

function quotedName(name: string): string {
  return PLAIN_NAME.test(name) && !KEYWORDS.has(name.toLowerCase()) ? name : `\`${name}\``;
}
