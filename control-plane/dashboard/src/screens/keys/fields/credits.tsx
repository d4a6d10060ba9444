import { rowsOf } from "../../../lib/rows";
import type { Refill } from "../../../lib/types";
import { Button, IconButton } from "../../../ui/button";
import { Check, FieldError } from "../../../ui/field";
import "../../../ui/rows.css";

export interface CreditRow {
  unit: string;
  amount: string;
}

/** What a new key gets. `undefined` spends freely. */
export function CreditFields({ credits, onChange, error }: { credits: CreditRow[] | undefined; onChange: (credits: CreditRow[] | undefined) => void; error: string | undefined }) {
  const { add, remove, change } = rowsOf(credits ?? [], onChange);
  return (
    <div className="rows">
      <Check
        label="Usage-limited"
        hint="It pays for requests with credits, and is refused when they run out. Keys without credits are used freely."
        checked={credits !== undefined}
        onChange={(on) => onChange(on ? [{ unit: "requests", amount: "1000" }] : undefined)}
      />
      {credits?.map((credit, at) => (
        <div className="rows-item" key={at}>
          <input className="control" type="number" min={0} inputMode="numeric" aria-label={`Credits ${at + 1}: amount`} value={credit.amount} onChange={(event) => change(at, { amount: event.target.value })} />
          <span className="rows-word">of</span>
          <input className="control control-mono" aria-label={`Credits ${at + 1}: unit`} placeholder="requests" value={credit.unit} onChange={(event) => change(at, { unit: event.target.value })} />
          <IconButton icon="trash" label={`Remove credits ${at + 1}`} small onClick={() => remove(at)} />
        </div>
      ))}
      <FieldError error={error} />
      {credits && (
        <Button small icon="plus" onClick={() => add({ unit: "", amount: "1000" })}>
          Add unit
        </Button>
      )}
    </div>
  );
}

/** What the calendar gives. */
export function RefillFields({ refills, onChange, error }: { refills: Refill[]; onChange: (refills: Refill[]) => void; error: string | undefined }) {
  const { add, remove, change } = rowsOf(refills, onChange);
  return (
    <div className="rows">
      {refills.map((refill, at) => (
        <div className="rows-item" key={at}>
          <input className="control" type="number" min={1} inputMode="numeric" aria-label={`Refill ${at + 1}: amount`} value={refill.amount} onChange={(event) => change(at, { amount: Number(event.target.value) })} />
          <span className="rows-word">of</span>
          <input className="control control-mono" aria-label={`Refill ${at + 1}: unit`} placeholder="requests" value={refill.unit} onChange={(event) => change(at, { unit: event.target.value })} />
          <span className="rows-word">each</span>
          <select className="control" aria-label={`Refill ${at + 1}: how often`} value={refill.every} onChange={(event) => change(at, { every: event.target.value as Refill["every"] })}>
            <option value="day">day</option>
            <option value="week">week</option>
            <option value="month">month</option>
          </select>
          <span className="rows-word">up to</span>
          <input className="control" type="number" min={1} inputMode="numeric" aria-label={`Refill ${at + 1}: at most`} placeholder="no limit" value={refill.up_to ?? ""} onChange={(event) => change(at, { up_to: event.target.value ? Number(event.target.value) : null })} />
          <IconButton icon="trash" label={`Remove refill ${at + 1}`} small onClick={() => remove(at)} />
        </div>
      ))}
      <FieldError error={error} />
      <Button small icon="plus" onClick={() => add({ unit: refills.length === 0 ? "requests" : "", amount: 1_000, every: "month", up_to: null })}>
        Add refill
      </Button>
    </div>
  );
}
