import { useState } from "react";
import { api, takeVersioned } from "../../api/client";
import { useKeyspace } from "../../lib/keyspaces";
import { ofKey, useKeyPage } from "../../lib/key";
import { counted } from "../../lib/time";
import { Confirm } from "../../ui/confirm";
import { SelectField, TextField } from "../../ui/field";
import { useToasts } from "../../ui/toast";
import { AtStake } from "./at-stake";

/** Revokes for good, or for as long as the keyspace lets a key come back. */
export function RevokeKey({ onClose }: { onClose: () => void }) {
  const { key, version, keyspaceId, changed } = useKeyPage();
  const keyspace = useKeyspace(keyspaceId);
  const toasts = useToasts();
  const [reason, setReason] = useState<"admin" | "leaked">("admin");
  const [note, setNote] = useState("");

  const revoke = async () => {
    const sentAt = Date.now();
    const body = { reason, ...(note.trim() && { note: note.trim() }) };
    changed(await takeVersioned(api.DELETE("/v1/keys/{key_id}", { params: ofKey(key.id, version), body })), "refused", sentAt);
    toasts.say(`${key.name} is revoked.`);
  };
  return (
    <Confirm title={`Revoke ${key.name}?`} action="Revoke key" danger onClose={onClose} onConfirm={revoke}>
      <AtStake keyId={key.id} verb="revoking" />
      <SelectField
        label="Reason"
        value={reason}
        onChange={(value) => setReason(value as typeof reason)}
        hint={reason === "leaked" ? "A key that leaked never comes back." : keyspace.data && `It can be restored for ${counted(keyspace.data.retention_days, "day")}; then it is deleted.`}
      >
        <option value="admin">No longer needed</option>
        <option value="leaked">Its secret leaked</option>
      </SelectField>
      <TextField label="Note" aside="optional, for the audit log" value={note} onChange={setNote} maxLength={1000} />
    </Confirm>
  );
}

export function RestoreKey({ onClose }: { onClose: () => void }) {
  const { key, version, changed } = useKeyPage();
  const toasts = useToasts();
  const restore = async () => {
    const sentAt = Date.now();
    changed(await takeVersioned(api.POST("/v1/keys/{key_id}:restore", { params: ofKey(key.id, version) })), "accepted", sentAt);
    toasts.say(`${key.name} is back.`);
  };
  return (
    <Confirm title={`Restore ${key.name}?`} action="Restore key" onClose={onClose} onConfirm={restore}>
      <p>Its secrets that have not expired work again, with the roles and limits that it had. Whoever still has one can use the API.</p>
    </Confirm>
  );
}
