import { useState } from "react";
import { api, take } from "../../api/client";
import { useForm } from "../../lib/form";
import { useKeyPage } from "../../lib/key";
import type { IpRule } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { IpRuleFields, ipRulesOf } from "../keys/fields/ip-rules";
import { TryAddress } from "../keys/fields/try-address";

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
    <Dialog wide title={`Addresses of ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <IpRuleFields rules={rules} onChange={setRules} error={form.at("ip_rules")} />
      <TryAddress rules={ipRulesOf(rules)} ask={(body) => take(api.POST("/v1/keys/{key_id}/ip-rules:preview", { params: { path: { key_id: key.id } }, body }))} />
      <FormFault form={form} known={["ip_rules"]} />
    </Dialog>
  );
}
