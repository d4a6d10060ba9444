import type { Bar } from "../ui/chart";
import type { Hour } from "./types";

export const HOUR_MS = 3_600_000;

export interface Range {
  label: string;
  /** How far it goes back. */
  hours: number;
  /** What one bar stands for. */
  barHours: number;
}

export const RANGES: Range[] = [
  { label: "24 hours", hours: 24, barHours: 1 },
  { label: "7 days", hours: 7 * 24, barHours: 6 },
  { label: "30 days", hours: 30 * 24, barHours: 24 },
];

/** The API's hours, which leave out those without requests, as bars without gaps. */
export function barsOf(hours: readonly Hour[], range: Range, now: Date): Bar[] {
  const length = range.barHours * HOUR_MS;
  const end = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS + HOUR_MS;
  const count = range.hours / range.barHours;
  const bars = Array.from({ length: count }, (_, at) => ({ from: new Date(end - (count - at) * length), allowed: 0, denied: 0 }));
  for (const { hour, code, requests } of hours) {
    const bar = bars[Math.floor((new Date(hour).getTime() - (end - count * length)) / length)];
    if (!bar) continue;
    if (code === "VALID") bar.allowed += requests;
    else bar.denied += requests;
  }
  return bars;
}

export function barLabel(range: Range): (bar: Bar) => string {
  const format: Intl.DateTimeFormatOptions = range.barHours < 24 ? { hour: "2-digit", minute: "2-digit", hour12: false } : { day: "numeric", month: "short" };
  if (range.hours > 24 && range.barHours < 24) Object.assign(format, { weekday: "short" });
  const formatter = new Intl.DateTimeFormat("en", format);
  return ({ from }) => formatter.format(from);
}

/** How many requests ended how, the most frequent first. */
export function byCode(hours: readonly Hour[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { code, requests } of hours) counts.set(code ?? "UNKNOWN", (counts.get(code ?? "UNKNOWN") ?? 0) + requests);
  return [...counts].sort(([, one], [, other]) => other - one);
}

export function totalOf(hours: readonly Hour[], wanted: (code: string) => boolean = () => true): number {
  return hours.reduce((sum, { code, requests }) => (wanted(code ?? "") ? sum + requests : sum), 0);
}
