import { useId } from "react";
import { listed, rowsOf } from "../../../lib/rows";
import type { Policy } from "../../../lib/types";
import { Button, IconButton } from "../../../ui/button";
import { FieldError } from "../../../ui/field";
import "../../../ui/rows.css";

/** A named constraint as it is typed. */
export interface ConstraintRow {
  name: string;
  values: string;
}

export function constraintRows(constraints: Record<string, string[]>): ConstraintRow[] {
  return Object.entries(constraints).map(([name, values]) => ({ name, values: values.join(", ") }));
}

export function constraintsOf(rows: ConstraintRow[]): Record<string, string[]> {
  return Object.fromEntries(rows.filter(({ name }) => name.trim()).map(({ name, values }) => [name.trim(), listed(values)]));
}

interface Props {
  rows: ConstraintRow[];
  onChange: (rows: ConstraintRow[]) => void;
  /** Offers the names that routes read. */
  policy: Policy | undefined;
  error: string | undefined;
}

/** Networks and the like: which values a key is limited to, by the name under which routes read them. */
export function ConstraintFields({ rows, onChange, policy, error }: Props) {
  const list = useId();
  const { add, remove, change } = rowsOf(rows, onChange);
  const names = new Set((policy?.routes ?? []).flatMap(({ constraints }) => Object.keys(constraints ?? {})));
  const unused = [...names].filter((name) => !rows.some((row) => row.name === name));
  return (
    <div className="rows">
      <p className="soft small">
        Such as <code>network</code>: <code>mainnet, preprod</code>. Routes say where a request names its value; one that is not listed here is refused.
        {names.size === 0 && " No route of this keyspace reads one yet."}
      </p>
      <datalist id={list}>
        {unused.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {rows.map((row, at) => (
        <div className="rows-item" key={at}>
          <input className="control control-mono" list={list} aria-label="Constraint" placeholder="network" value={row.name} onChange={(event) => change(at, { name: event.target.value })} />
          <span className="rows-word">may be</span>
          <input className="control control-mono control-wide" aria-label="Allowed values, with commas between" placeholder="mainnet, preprod" value={row.values} onChange={(event) => change(at, { values: event.target.value })} />
          <IconButton icon="trash" label="Remove this constraint" small onClick={() => remove(at)} />
        </div>
      ))}
      <FieldError error={error} />
      <Button small icon="plus" onClick={() => add({ name: unused[0] ?? "", values: "" })}>
        Add constraint
      </Button>
    </div>
  );
}
