import { useState } from "react";
import { api, take, takeVersioned } from "../../api/client";
import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { ofKey, useKeyPage } from "../../lib/key";
import { Ago, At, Day } from "../../lib/time";
import type { Secret } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { SelectField, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { localTime } from "../keys/fields/expiry";

const ASKED_REQUESTS = 100;
const DAY_MS = 86_400_000;

/** The tokens of a key. While it is rotated there are several, and it matters who still uses which. */
export function Secrets() {
  const { key, mayWrite } = useKeyPage();
  const [rescheduling, setRescheduling] = useState(false);
  const newest = key.secrets.at(-1);
  const old = key.secrets.filter(({ id }) => id !== newest?.id);
  const columns: Column<Secret>[] = [
    { title: "Begins with", cell: ({ start }) => <code>{start}…</code> },
    { title: "State", cell: (secret) => (secret.id === newest?.id ? <Badge tone="good">current</Badge> : <Badge tone="warn">replaced</Badge>) },
    { title: "Made", cell: ({ created_at: at }) => <Day at={at} /> },
    { title: "Last used", cell: ({ last_used_at: at }) => (at ? <Ago at={at} /> : <span className="soft">never</span>) },
    { title: "Stops", cell: ({ expires_at: at }) => (at ? <At at={at} /> : <span className="soft">with the key</span>) },
  ];
  const actions = mayWrite && old.length > 0 && (
    <Button small icon="clock" onClick={() => setRescheduling(true)}>
      Change when old ones stop
    </Button>
  );
  return (
    <Card title={key.secrets.length > 1 ? "Secrets" : "Secret"} intro="Latchkey keeps only a fingerprint: the text was shown once, when it was made." actions={actions}>
      <Table caption="Secrets" columns={columns} rows={[...key.secrets].reverse()} rowId={({ id }) => id} expected={1} />
      {old.length > 0 && <StillUsing secrets={old} />}
      {rescheduling && <Reschedule onClose={() => setRescheduling(false)} />}
    </Card>
  );
}

/** Who still has to change over, from the newest requests in the log. */
function StillUsing({ secrets }: { secrets: Secret[] }) {
  const { key, keyspaceId } = useKeyPage();
  const { may } = useSession();
  const ids = new Set(secrets.map(({ id }) => id));
  const requests = useResource(may("usage:read") ? `users of ${[...ids].join()}` : undefined, () =>
    take(api.GET("/v1/keyspaces/{keyspace_id}/requests", { params: { path: { keyspace_id: keyspaceId }, query: { key: key.id, limit: ASKED_REQUESTS } } })),
  );
  const rows = requests.data?.data.filter(({ secret_id: id }) => id != null && ids.has(id));
  if (!rows) return null;
  if (rows.length === 0) {
    const quiet = secrets.every(({ last_used_at: at }) => !at);
    return <Callout tone="good">{quiet ? "Nobody has used the old secret yet." : "None of the newest requests used an old secret: it looks safe to stop it."}</Callout>;
  }
  const addresses = new Map<string, { count: number; at: string }>();
  for (const { address, at } of rows) {
    const name = address ?? "an unknown address";
    addresses.set(name, { count: (addresses.get(name)?.count ?? 0) + 1, at: addresses.get(name)?.at ?? at });
  }
  return (
    <Callout tone="warn">
      <span>Of this key's {requests.data?.data.length} newest requests, these still used an old secret:</span>
      <ul>
        {[...addresses].map(([address, { count, at }]) => (
          <li key={address}>
            <code>{address}</code>: {count}, the last <Ago at={at} />
          </li>
        ))}
      </ul>
    </Callout>
  );
}

function Reschedule({ onClose }: { onClose: () => void }) {
  const { key, version, changed } = useKeyPage();
  const [when, setWhen] = useState("0");
  const [until, setUntil] = useState(localTime(new Date(Date.now() + DAY_MS)));
  const form = useForm();
  const save = () =>
    form.send(async () => {
      const sentAt = Date.now();
      const body = when === "date" ? { old_expires_at: new Date(until).toISOString() } : { grace_seconds: Number(when) };
      changed(await takeVersioned(api.POST("/v1/keys/{key_id}:reschedule", { params: ofKey(key.id, version), body })), when === "0" ? "old secrets refused" : "enforced", sentAt);
      onClose();
    });
  return (
    <Dialog
      title="When do the old secrets stop?"
      onClose={onClose}
      onSubmit={() => void save()}
      footer={<DialogButtons action={when === "0" ? "Stop them now" : "Save"} look={when === "0" ? "danger" : "primary"} busy={form.busy} onClose={onClose} />}
    >
      <SelectField label="They work on for" value={when} onChange={setWhen} error={form.at("grace_seconds")}>
        <option value="0">No longer: stop them now</option>
        <option value="3600">1 hour</option>
        <option value="86400">1 day</option>
        <option value="604800">7 days</option>
        <option value="date">Until a time of your choice</option>
      </SelectField>
      {when === "date" && <TextField label="They stop at" type="datetime-local" value={until} onChange={setUntil} error={form.at("old_expires_at")} />}
      <FormFault form={form} known={["grace_seconds", "old_expires_at"]} />
    </Dialog>
  );
}
