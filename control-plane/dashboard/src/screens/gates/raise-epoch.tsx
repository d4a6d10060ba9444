import { useState } from "react";
import { api, take } from "../../api/client";
import { useForm } from "../../lib/form";
import { inKeyspace } from "../../lib/keyspaces";
import { counted } from "../../lib/time";
import { Callout } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, TextArea, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { useToasts } from "../../ui/toast";

interface RaiseEpochProps {
  keyspaceId: string;
  lost: { after: number; through: number } | undefined;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Has publishing go on from this database, whatever gates know beyond it. */
export function RaiseEpoch({ keyspaceId, lost, onClose, onDone }: RaiseEpochProps) {
  const [revoke, setRevoke] = useState("");
  const [accepted, setAccepted] = useState(false);
  const [reason, setReason] = useState("");
  const [confirm, setConfirm] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const keys = revoke.split(/\s+/).filter((id) => id !== "");
  const raise = () =>
    form.send(async () => {
      const body = { confirm: confirm.trim(), reason: reason.trim(), revoke: keys, accept_lost_revocations: accepted };
      const { epoch, revoked } = await take(api.POST("/v1/keyspaces/{keyspace_id}:raise-epoch", { ...inKeyspace(keyspaceId), body }));
      onClose();
      toasts.say(`Publishing goes on in epoch ${epoch}${revoked > 0 ? `; ${counted(revoked, "key")} revoked first` : ""}.`);
      await onDone();
    });
  return (
    <Dialog
      wide
      title="Go on from this database"
      intro="Every gate takes what this database knows from then on, and forgets what it knew beyond that."
      onClose={onClose}
      onSubmit={() => void raise()}
      footer={<DialogButtons action="Begin a new epoch" look="danger" busy={form.busy} disabled={confirm.trim() !== keyspaceId || !reason.trim()} onClose={onClose} />}
    >
      {lost && (
        <>
          <Callout tone="danger">
            The changes {lost.after + 1} to {lost.through} are lost. Keys that were revoked in them work again, unless you name them here.
          </Callout>
          <TextArea label="Keys to revoke first" aside="optional" mono rows={3} spellCheck={false} placeholder="key_…" hint="Their ids, one a line. An exported audit log, tickets and the control plane's own log name them." value={revoke} onChange={setRevoke} error={form.at("revoke")} />
          <Check label="Go on although revocations may be lost" hint="Only if nobody can say which keys they were, or none was revoked." checked={accepted} onChange={setAccepted} />
        </>
      )}
      <TextField label="Reason" aside="for the audit log" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} />
      <TextField label="The keyspace's id, to confirm" mono spellCheck={false} placeholder={keyspaceId} value={confirm} onChange={setConfirm} error={form.at("confirm")} />
      <FormFault form={form} known={["revoke", "reason", "confirm"]} />
    </Dialog>
  );
}
