import { type FormEvent, useState } from "react";
import { api, take } from "../../api/client";
import { useForm } from "../../lib/form";
import { useKeyPage } from "../../lib/key";
import type { IpRule } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { IpRuleFields, ipRulesOf } from "../keys/fields/ip-rules";
import { SaveOrCancel } from "./access";

const COLUMNS: Column<IpRule & { at: number }>[] = [
  { title: "Addresses", cell: ({ cidr }) => <code>{cidr}</code> },
  { title: "Rule", cell: ({ action }) => <Badge tone={action === "allow" ? "good" : "danger"}>{action}</Badge> },
  { title: "Note", cell: ({ note }) => note ?? <span className="soft">–</span> },
];

/** From where the key may be used. */
export function IpRules() {
  const { key, mayWrite } = useKeyPage();
  const [editing, setEditing] = useState(false);
  const rows = key.ip_rules.map((rule, at) => ({ ...rule, at }));
  return (
    <Card
      title="Addresses"
      intro="The first rule that matches the client's address decides."
      actions={
        mayWrite && (
          <Button small icon="edit" onClick={() => setEditing(true)}>
            Edit
          </Button>
        )
      }
    >
      {rows.length === 0 ? <p className="soft small">No rules: it may be used from anywhere.</p> : <Table caption="Address rules" columns={COLUMNS} rows={rows} rowId={({ at }) => String(at)} />}
      {editing && <EditIpRules onClose={() => setEditing(false)} />}
    </Card>
  );
}

function EditIpRules({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  const [rules, setRules] = useState<IpRule[]>(key.ip_rules);
  const form = useForm();
  const save = () =>
    form.send(async () => {
      await patch({ ip_rules: ipRulesOf(rules) });
      onClose();
    });
  return (
    <Dialog wide title={`Addresses of ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<SaveOrCancel busy={form.busy} onClose={onClose} />}>
      <IpRuleFields rules={rules} onChange={setRules} error={form.at("ip_rules")} />
      <TryAddress keyId={key.id} rules={ipRulesOf(rules)} />
      <FormFault form={form} known={["ip_rules"]} />
    </Dialog>
  );
}

/** What these rules would say of an address, before they are saved. */
function TryAddress({ keyId, rules }: { keyId: string; rules: IpRule[] }) {
  const [address, setAddress] = useState("");
  const [answer, setAnswer] = useState<{ about: string; allowed: boolean; by: string }>();
  const form = useForm();
  const ask = () =>
    form.send(async () => {
      const { allowed, matched } = await take(api.POST("/v1/keys/{key_id}/ip-rules:preview", { params: { path: { key_id: keyId } }, body: { address: address.trim(), rules } }));
      const by = matched ? `by rule ${matched.index + 1}, ${matched.action} ${matched.cidr}` : "because no rule matches";
      setAnswer({ about: JSON.stringify([address, rules]), allowed, by });
    });
  const onEnter = (event: FormEvent & { key?: string }) => {
    if (event.key !== "Enter") return;
    // Not the dialog's Save.
    event.preventDefault();
    void ask();
  };
  const current = answer?.about === JSON.stringify([address, rules]) ? answer : undefined;
  return (
    <div className="stack-tight">
      <TextField label="Try an address" mono placeholder="203.0.113.7" value={address} onChange={setAddress} onKeyDown={onEnter} error={form.at("address")} />
      <div className="row">
        <Button small busy={form.busy} disabled={!address.trim()} onClick={() => void ask()}>
          Try
        </Button>
      </div>
      {current && <Callout tone={current.allowed ? "good" : "warn"}>{`${address} ${current.allowed ? "may use the key" : "is refused"}, ${current.by}.`}</Callout>}
      <FormFault form={form} known={["address"]} />
    </div>
  );
}
