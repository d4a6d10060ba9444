const FORM = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** A time that is given in seconds since the epoch. */
export function Moment({ at }: { at: number }) {
  const date = new Date(at * 1_000);
  return <time dateTime={date.toISOString()}>{FORM.format(date)}</time>;
}
