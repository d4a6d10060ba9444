import { useState } from "react";
import { api, takeVersioned } from "../../api/client";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { ofKey, useKeyPage } from "../../lib/key";
import type { Key } from "../../lib/types";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { SelectField, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { SecretDialog } from "../keys/secret";
import { localTime } from "../keys/fields/expiry";

const DAY_MS = 86_400_000;

/** Gives the key a new secret, while the old one works on for a while. */
export function RotateKey({ onClose }: { onClose: () => void }) {
  const { key, version, changed } = useKeyPage();
  const [overlap, setOverlap] = useState("86400");
  const [until, setUntil] = useState(localTime(new Date(Date.now() + DAY_MS)));
  const [secret, setSecret] = useState<string>();
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();

  const rotate = () =>
    form.send(async () => {
      const sentAt = Date.now();
      const body = overlap === "date" ? { old_expires_at: new Date(until).toISOString() } : { grace_seconds: Number(overlap) };
      const { path, header } = { header: {}, ...ofKey(key.id, version) };
      const params = { path, header: { ...header, "idempotency-key": idempotencyKey(body) } };
      const answer = await takeVersioned(api.POST("/v1/keys/{key_id}:rotate", { params, body }));
      const { secret: made, ...rest } = answer.value;
      setSecret(made ?? "");
      // The page keeps what it shows; the secret is not for keeping.
      changed({ value: rest as Key, version: answer.version }, "new secret accepted", sentAt);
    });

  if (secret !== undefined) {
    const intro = overlap === "0" ? "The old secrets are refused from now on." : "The old secrets work on until the time you chose; this page shows who still uses them.";
    return <SecretDialog title={`New secret of ${key.name}`} intro={intro} secret={secret} onClose={onClose} />;
  }
  return (
    <Dialog
      title={`Rotate ${key.name}`}
      intro="It gets a new secret, and keeps its id, limits and history."
      onClose={onClose}
      onSubmit={() => void rotate()}
      footer={<DialogButtons action="Rotate" busy={form.busy} onClose={onClose} />}
    >
      <SelectField label="The secrets it has now work on for" value={overlap} onChange={setOverlap} error={form.at("grace_seconds")} hint={overlap === "0" && "Whatever uses them stops working within seconds."}>
        <option value="3600">1 hour</option>
        <option value="86400">1 day</option>
        <option value="604800">7 days</option>
        <option value="2592000">30 days</option>
        <option value="date">Until a time of your choice</option>
        <option value="0">No longer: stop them now</option>
      </SelectField>
      {overlap === "date" && <TextField label="They stop at" type="datetime-local" value={until} onChange={setUntil} error={form.at("old_expires_at")} />}
      <FormFault form={form} known={["grace_seconds", "old_expires_at"]} />
    </Dialog>
  );
}
