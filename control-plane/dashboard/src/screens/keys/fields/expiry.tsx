import { SelectField, TextField } from "../../../ui/field";

/** `default` leaves it to the keyspace, `date` takes `date`; else a number of days. */
export interface ExpiryChoice {
  choice: "default" | "never" | "date" | "7" | "30" | "90" | "365";
  /** Local, as the browser's control has it: `2027-01-31T12:00`. */
  date: string;
}

const DAY_MS = 86_400_000;

/** For the request: undefined leaves it out, `null` is never. */
export function expiryOf({ choice, date }: ExpiryChoice, now = Date.now()): string | null | undefined {
  if (choice === "default") return undefined;
  if (choice === "never") return null;
  if (choice === "date") return date ? new Date(date).toISOString() : undefined;
  return new Date(now + Number(choice) * DAY_MS).toISOString();
}

export function expiryChoice(at: string | null | undefined): ExpiryChoice {
  return at ? { choice: "date", date: localTime(new Date(at)) } : { choice: "never", date: "" };
}

export function localTime(date: Date): string {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface Props {
  value: ExpiryChoice;
  onChange: (value: ExpiryChoice) => void;
  /** The days of the keyspace's default; null is never; undefined offers no default. */
  defaultDays: number | null | undefined;
  error: string | undefined;
}

export function ExpiryField({ value, onChange, defaultDays, error }: Props) {
  const isDate = value.choice === "date";
  return (
    <div className="columns">
      <SelectField
        label="Expires"
        value={value.choice}
        onChange={(choice) => onChange({ ...value, choice: choice as ExpiryChoice["choice"] })}
        error={isDate ? undefined : error}
        hint={value.choice === "never" ? "It works until somebody revokes it." : undefined}
      >
        {defaultDays !== undefined && <option value="default">{defaultDays === null ? "Never (this keyspace's default)" : `In ${defaultDays} days (default)`}</option>}
        <option value="7">In 7 days</option>
        <option value="30">In 30 days</option>
        {defaultDays !== 90 && <option value="90">In 90 days</option>}
        <option value="365">In a year</option>
        <option value="date">At a time of your choice</option>
        {defaultDays !== null && <option value="never">Never</option>}
      </SelectField>
      {isDate && <TextField label="Time" type="datetime-local" value={value.date} onChange={(date) => onChange({ ...value, date })} error={error} />}
    </div>
  );
}
