// How many a second, over the last few seconds.

const SPAN_MILLIS = 5_000;

export class RateMeter {
  private marks: { at: number; count: number }[] = [];
  private begun: number | null = null;

  add(count: number, now: number): void {
    this.begun ??= now;
    this.marks.push({ at: now, count });
    this.drop(now);
  }

  perSecond(now: number): number {
    this.drop(now);
    if (this.begun === null) return 0;
    const seconds = Math.min(SPAN_MILLIS, Math.max(1_000, now - this.begun)) / 1_000;
    return this.marks.reduce((sum, mark) => sum + mark.count, 0) / seconds;
  }

  clear(): void {
    this.marks = [];
    this.begun = null;
  }

  private drop(now: number): void {
    let old = 0;
    while (old < this.marks.length && (this.marks[old]?.at ?? now) < now - SPAN_MILLIS) old += 1;
    if (old > 0) this.marks.splice(0, old);
  }
}
