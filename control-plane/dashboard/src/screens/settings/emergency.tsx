import { useState } from "react";
import { api, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { inKeyspace, type Keyspace } from "../../lib/keyspaces";
import { counted } from "../../lib/time";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { useToasts } from "../../ui/toast";

type Asked = "kill" | "revive" | "owner";

interface Props {
  keyspace: Keyspace;
  onSaved: (keyspace: Keyspace) => void;
}

/** For the day on which nobody knows yet which keys are still good. */
export function Emergency({ keyspace, onSaved }: Props) {
  const { may } = useSession();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  return (
    <Card title="Emergency" intro="Both take effect at the gates within seconds.">
      <div className="row">
        {keyspace.killed ? (
          <Button look="primary" onClick={() => setAsked("revive")}>
            Let keys in again…
          </Button>
        ) : (
          <Button onClick={() => setAsked("kill")}>Shut every key out…</Button>
        )}
        {may("keys:write") && <Button onClick={() => setAsked("owner")}>Revoke all keys of an owner…</Button>}
      </div>
      {(asked === "kill" || asked === "revive") && <KillSwitch keyspace={keyspace} kill={asked === "kill"} onSaved={onSaved} onClose={close} />}
      {asked === "owner" && <RevokeOwner keyspace={keyspace} onClose={close} />}
    </Card>
  );
}

function KillSwitch({ keyspace, kill, onSaved, onClose }: Props & { kill: boolean; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const send = () =>
    form.send(async () => {
      const call = { ...inKeyspace(keyspace.id), body: { reason: reason.trim() } };
      onSaved(await take(kill ? api.POST("/v1/keyspaces/{keyspace_id}:kill", call) : api.POST("/v1/keyspaces/{keyspace_id}:revive", call)));
      onClose();
      toasts.say(kill ? "Every key is shut out." : "Keys are let in again.");
    });
  return (
    <Dialog
      title={kill ? `Shut every key of ${keyspace.name} out?` : `Let the keys of ${keyspace.name} in again?`}
      onClose={onClose}
      onSubmit={() => void send()}
      footer={<DialogButtons action={kill ? "Shut every key out" : "Let keys in again"} look={kill ? "danger" : "primary"} busy={form.busy} disabled={!reason.trim()} onClose={onClose} />}
    >
      {kill ? (
        <Callout tone="danger">Gates refuse every request until keys are let in again. The keys stay as they are, and can be revoked and rotated meanwhile.</Callout>
      ) : (
        <p>Those that are good by now pass again; what was revoked meanwhile stays revoked.</p>
      )}
      <TextField label="Reason" aside="for the audit log" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} autoFocus />
      <FormFault form={form} known={["reason"]} />
    </Dialog>
  );
}

function RevokeOwner({ keyspace, onClose }: { keyspace: Keyspace; onClose: () => void }) {
  const [owner, setOwner] = useState("");
  const [reason, setReason] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const revoke = () =>
    form.send(async () => {
      const body = { owner: owner.trim(), reason: reason.trim() };
      const { keys_revoked: count } = await take(api.POST("/v1/keyspaces/{keyspace_id}/owners:revoke", { ...inKeyspace(keyspace.id), body }));
      onClose();
      toasts.say(`${counted(count, "key")} of ${body.owner} revoked.`);
    });
  return (
    <Dialog
      title="Revoke all keys of an owner"
      intro="Whatever uses them stops working. Each can be restored by itself."
      onClose={onClose}
      onSubmit={() => void revoke()}
      footer={<DialogButtons action="Revoke all its keys" look="danger" busy={form.busy} disabled={!owner.trim() || !reason.trim()} onClose={onClose} />}
    >
      <TextField label="Owner" value={owner} onChange={setOwner} maxLength={255} error={form.at("owner")} autoFocus />
      <TextField label="Reason" aside="kept with each key" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} />
      <FormFault form={form} known={["owner", "reason"]} />
    </Dialog>
  );
}
