import type { ReactNode } from "react";
import { At } from "../../lib/time";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Facts } from "../../ui/page";
import { Table } from "../../ui/table";
import type { AuditRow } from "./page";

interface Change {
  field: string;
  before: string | undefined;
  after: string | undefined;
}

/** One row in full: who, from where, and what became of each field. */
export function AuditDetails({ row, onClose }: { row: AuditRow; onClose: () => void }) {
  const facts: [string, ReactNode][] = [
    ["Object", <code key="object">{row.object}</code>],
    ["By", <code key="by">{row.actor}</code>],
    ["Way", row.session_id ? <>a browser's session <code>{row.session_id}</code></> : row.actor === "system" ? "the program itself" : "the API"],
    ["From", row.source ? <code key="from">{row.source}</code> : "–"],
    ["When", <At key="at" at={row.at} />],
    ["Row", row.seq.toLocaleString("en")],
    ["Request id", <code key="request">{row.request_id}</code>],
    ["Hash", <code key="hash">{row.hash}</code>],
  ];
  const changes = changesOf(row.before, row.after);
  const value = (text: string | undefined) => (text === undefined ? <span className="soft">–</span> : <code>{text}</code>);
  return (
    <Dialog title={row.action} wide onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>
      <Facts facts={facts} />
      {changes.length > 0 && (
        <Table
          caption="What changed"
          rows={changes}
          rowId={({ field }) => field}
          columns={[
            { title: "Field", cell: ({ field }) => field },
            { title: "Before", cell: ({ before }) => value(before) },
            { title: "After", cell: ({ after }) => value(after) },
          ]}
        />
      )}
    </Dialog>
  );
}

/** The fields that differ; all of them where there was nothing before or is nothing after. */
function changesOf(before: unknown, after: unknown): Change[] {
  const [one, other] = [fieldsOf(before), fieldsOf(after)];
  const fields = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return fields.map((field) => ({ field, before: one[field], after: other[field] })).filter(({ before, after }) => before !== after);
}

function fieldsOf(object: unknown): Record<string, string> {
  if (typeof object !== "object" || object === null) return {};
  const shown = Object.entries(object).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(shown.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]));
}
