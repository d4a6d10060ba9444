import { RANGES, type Range } from "../lib/usage";

/** How far back a chart goes. */
export function RangeSelect({ value, onChange }: { value: Range; onChange: (range: Range) => void }) {
  return (
    <select className="control" aria-label="Time" value={value.hours} onChange={({ target }) => onChange(RANGES.find(({ hours }) => hours === Number(target.value)) ?? value)}>
      {RANGES.map(({ label, hours }) => (
        <option key={hours} value={hours}>
          Last {label}
        </option>
      ))}
    </select>
  );
}
