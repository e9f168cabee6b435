// Numbers as people read them. Columns are right-aligned with tabular digits, so forms here keep their widths close.

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SCALES: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** `8,412`; from a hundred thousand on `123k`, `1.2M`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) < 100_000) return GROUPED.format(Math.round(value));
  for (const [scale, letter] of SCALES) {
    if (Math.abs(value) >= scale) return `${three(value / scale)}${letter}`;
  }
  return GROUPED.format(value);
}

/** Per second: `1,204`, `12.3`, `8.30`, `0.04`. */
export function rate(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (value >= 100) return count(value);
  if (value >= 10) return value.toFixed(1);
  return value < 0.005 ? "<0.01" : value.toFixed(2);
}

/** A share of one as percent with one digit: `4.1`, `<0.1`, `0`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = share * 100;
  if (value === 0) return "0";
  if (value < 0.1) return "<0.1";
  return value >= 99.95 ? "100" : value.toFixed(1);
}

/** `3.1 GiB` */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value < 1024) return `${Math.round(value)} B`;
  let unit = "";
  for (const next of ["KiB", "MiB", "GiB", "TiB", "PiB"]) {
    value /= 1024;
    unit = next;
    if (value < 1024) break;
  }
  return `${three(value)} ${unit}`;
}

/** A number of an event's body, whatever it counts: `0.0042`, `12.5`, `8,412`. */
export function amount(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000) return count(value);
  return size >= 0.1 || size === 0 ? three(value) : String(Number(value.toPrecision(2)));
}

/** Three significant digits at most, without an exponent. */
export function three(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trimmed(value.toFixed(1));
  return trimmed(value.toFixed(2));
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
