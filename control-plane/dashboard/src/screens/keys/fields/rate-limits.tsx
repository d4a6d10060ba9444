import { rowsOf } from "../../../lib/rows";
import { duration } from "../../../lib/time";
import type { RateLimit } from "../../../lib/types";
import { Button, IconButton } from "../../../ui/button";
import { FieldError } from "../../../ui/field";
import "../../../ui/rows.css";

const WINDOWS: [number, string][] = [
  [1, "second"],
  [60, "minute"],
  [3_600, "hour"],
  [86_400, "day"],
];

/** How often a key may be used. */
export function RateLimitFields({ limits, onChange, error }: { limits: RateLimit[]; onChange: (limits: RateLimit[]) => void; error: string | undefined }) {
  const { add, remove, change } = rowsOf(limits, onChange);
  return (
    <div className="rows">
      <p className="soft small">A request must be within all of them. Exact limits are counted in one place, the others at each gate by itself, which is faster.</p>
      {limits.map((limit, at) => (
        <div className="rows-item" key={at}>
          <input className="control" aria-label={`Limit ${at + 1}: name`} placeholder="Name" value={limit.name} onChange={(event) => change(at, { name: event.target.value })} />
          <input className="control" type="number" min={1} inputMode="numeric" aria-label={`Limit ${at + 1}: requests`} value={limit.limit} onChange={(event) => change(at, { limit: Number(event.target.value) })} />
          <span className="rows-word">a</span>
          <select className="control" aria-label={`Limit ${at + 1}: window`} value={limit.window_seconds} onChange={(event) => change(at, { window_seconds: Number(event.target.value) })}>
            {WINDOWS.map(([seconds, word]) => (
              <option key={seconds} value={seconds}>
                {word}
              </option>
            ))}
            {!WINDOWS.some(([seconds]) => seconds === limit.window_seconds) && <option value={limit.window_seconds}>{duration(limit.window_seconds)}</option>}
          </select>
          <select className="control" aria-label={`Limit ${at + 1}: counted`} value={limit.mode ?? "local"} onChange={(event) => change(at, { mode: event.target.value as "local" | "exact" })}>
            <option value="local">at each gate</option>
            <option value="exact">exactly</option>
          </select>
          <IconButton icon="trash" label={`Remove limit ${at + 1}`} small onClick={() => remove(at)} />
        </div>
      ))}
      <FieldError error={error} />
      <Button small icon="plus" onClick={() => add({ name: newName(limits), limit: 100, window_seconds: 60, mode: "local" })}>
        Add rate limit
      </Button>
    </div>
  );
}

function newName(limits: RateLimit[]): string {
  const candidates = ["burst", "steady", "daily"];
  return candidates.find((name) => !limits.some((limit) => limit.name === name)) ?? `limit-${limits.length + 1}`;
}
