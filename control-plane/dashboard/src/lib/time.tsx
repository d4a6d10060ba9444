const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const dateOnly = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A time as people say it; the exact one is its tooltip. */
export function Ago({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={absolute.format(date)} className="nowrap">
      {ago(date, new Date())}
    </time>
  );
}

export function At({ at }: { at: string }) {
  return (
    <time dateTime={at} className="nowrap">
      {absolute.format(new Date(at))}
    </time>
  );
}

export function Day({ at }: { at: string }) {
  return (
    <time dateTime={at} title={absolute.format(new Date(at))} className="nowrap">
      {dateOnly.format(new Date(at))}
    </time>
  );
}

export function ago(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1_000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 30 ? "in less than a minute" : "just now";
}

/** A length of time in its largest whole unit: `90 days`, `15 minutes`. */
export function duration(seconds: number): string {
  for (const [unit, length] of UNITS.slice(2)) {
    if (seconds >= length && seconds % length === 0) return counted(seconds / length, unit);
  }
  return counted(seconds, "second");
}

/** `1 key`, `2 keys`, `1,200 keys`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
