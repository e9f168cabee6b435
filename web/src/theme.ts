// Light and dark, and their colours for what is drawn on canvases.

export type ThemeName = "light" | "dark";

const KEY = "blueox.theme";
const NAMES = [
  "ground", "surface", "sunken", "line", "line-strong", "text", "quiet", "accent", "accent-wash", "data", "data-2",
  "data-3", "data-wash", "error", "error-wash", "warn", "well",
] as const;

export type Colours = Record<(typeof NAMES)[number], string>;

let known: Colours | null = null;
const listeners = new Set<() => void>();

/** What was chosen here before, else what the system says. */
export function startTheme(): void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  put(remembered() ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", () => {
    if (remembered() === null) put(system.matches ? "dark" : "light");
  });
}

export function theme(): ThemeName {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}

export function switchTheme(): ThemeName {
  const next = theme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
  put(next);
  return next;
}

/** Calls back after each change; gives what ends it. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function colours(): Colours {
  if (known === null) {
    const style = getComputedStyle(document.documentElement);
    known = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
  }
  return known;
}

/** `steps` colours from one to the other, by even steps in sRGB. */
export function ramp(stops: readonly string[], steps: number): string[] {
  const points = stops.map(rgb);
  const out: string[] = [];
  for (let step = 0; step < steps; step += 1) {
    const at = (step / Math.max(1, steps - 1)) * (points.length - 1);
    const low = Math.min(points.length - 2, Math.floor(at));
    const [a, b] = [points[low] ?? [0, 0, 0], points[low + 1] ?? [0, 0, 0]];
    const mix = a.map((value, channel) => Math.round(value + ((b[channel] ?? 0) - value) * (at - low)));
    out.push(`rgb(${mix.join(" ")})`);
  }
  return out;
}

function rgb(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function remembered(): ThemeName | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

function put(name: ThemeName): void {
  document.documentElement.dataset["theme"] = name;
  known = null;
  for (const listener of listeners) listener();
}
