// Where an axis has its labels: at round times and numbers.

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const TIME_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE,
  15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY,
];

export interface Ticks {
  step: number;
  at: number[];
}

/** Times in a span, at most `most` of them. */
export function timeTicks(from: number, to: number, most: number): Ticks {
  const least = (to - from) / Math.max(1, most);
  const step = TIME_STEPS.find((one) => one >= least) ?? 365 * DAY;
  return { step, at: multiples(from, to, step) };
}

/** Numbers from 0 on. */
export function linearTicks(high: number, most: number): number[] {
  const least = high / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= least * 0.999) ?? least;
  return multiples(0, high, step);
}

/** Powers of ten, and where there are few of them 2 and 5 times those. */
export function logTicks(low: number, high: number, most: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const powers = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = powers.flatMap((power) => factors.map((factor) => factor * power)).filter((one) => one >= low && one <= high);
    if (ticks.length <= most) return ticks;
  }
  const every = Math.ceil(powers.length / Math.max(1, most));
  return powers.filter((one, at) => at % every === 0 && one >= low && one <= high);
}

function multiples(from: number, to: number, step: number): number[] {
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step - 1e-9); at * step <= to + step * 1e-9 && ticks.length < 1_000; at += 1) ticks.push(at * step);
  return ticks;
}
