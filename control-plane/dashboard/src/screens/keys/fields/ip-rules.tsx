import { rowsOf } from "../../../lib/rows";
import type { IpRule } from "../../../lib/types";
import { Button, IconButton } from "../../../ui/button";
import { FieldError } from "../../../ui/field";
import "../../../ui/rows.css";

/** From where a key may be used: ordered rules, the first that matches decides. */
export function IpRuleFields({ rules, onChange, error }: { rules: IpRule[]; onChange: (rules: IpRule[]) => void; error: string | undefined }) {
  const { add, remove, change, move } = rowsOf(rules, onChange);
  return (
    <div className="rows">
      <p className="soft small">
        The first rule that matches the client's address decides. {restOf(rules)}
      </p>
      {rules.map((rule, at) => (
        <div className="rows-item" key={at}>
          <select className="control" aria-label={`Rule ${at + 1}: what happens`} value={rule.action} onChange={(event) => change(at, { action: event.target.value as IpRule["action"] })}>
            <option value="allow">Allow</option>
            <option value="deny">Deny</option>
          </select>
          <input className="control control-mono control-wide" aria-label={`Rule ${at + 1}: addresses`} placeholder="203.0.113.0/24 or 2001:db8::/32" spellCheck={false} value={rule.cidr} onChange={(event) => change(at, { cidr: event.target.value })} />
          <input className="control" aria-label={`Rule ${at + 1}: note`} placeholder="Note" value={rule.note ?? ""} onChange={(event) => change(at, { note: event.target.value || null })} />
          <span className="nowrap">
            <IconButton icon="up" label={`Move rule ${at + 1} up`} small disabled={at === 0} onClick={() => move(at, -1)} />
            <IconButton icon="down" label={`Move rule ${at + 1} down`} small disabled={at === rules.length - 1} onClick={() => move(at, 1)} />
            <IconButton icon="trash" label={`Remove rule ${at + 1}`} small onClick={() => remove(at)} />
          </span>
        </div>
      ))}
      <FieldError error={error} />
      <Button small icon="plus" onClick={() => add({ action: "allow", cidr: "", note: null })}>
        Add rule
      </Button>
    </div>
  );
}

function restOf(rules: IpRule[]): string {
  if (rules.length === 0) return "Without rules every address may use it.";
  return rules.some(({ action }) => action === "allow") ? "All other addresses are refused." : "All other addresses may use it.";
}

/** Rules as they are sent: nobody means an empty line. */
export function ipRulesOf(rules: IpRule[]): IpRule[] {
  return rules.filter(({ cidr }) => cidr.trim()).map((rule) => ({ ...rule, cidr: rule.cidr.trim() }));
}
