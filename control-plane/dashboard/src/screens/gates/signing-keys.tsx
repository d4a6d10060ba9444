import { useState } from "react";
import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import type { components } from "../../api/schema";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { inKeyspace } from "../../lib/keyspaces";
import { Ago, Day } from "../../lib/time";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { CopyLine } from "../../ui/copy";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";

type HeadKey = components["schemas"]["HeadKeyView"];
type Asked = "rotate" | "complete" | "replace";

const TONES = { current: "good", next: "info" } as const;

const COLUMNS: Column<HeadKey>[] = [
  { title: "Id", cell: ({ key_id: id }) => <code>{id}</code> },
  { title: "State", cell: ({ state }) => <Badge tone={TONES[state as keyof typeof TONES] ?? "plain"}>{state === "next" ? "taking over" : state}</Badge> },
  { title: "Signs", cell: ({ signs }) => (signs ? "yes" : <span className="soft">no</span>) },
  { title: "Made", cell: ({ created_at: at }) => <Day at={at} /> },
  { title: "Ends", cell: ({ retired_at: retired, not_after: end }) => (retired ? <Day at={retired} /> : end ? <Ago at={end} /> : <span className="soft">–</span>) },
];

/** The keys by whose signatures gates know a snapshot, and how they are replaced. */
export function SigningKeys({ keyspaceId, mayWrite }: { keyspaceId: string; mayWrite: boolean }) {
  const keys = useResource(`head keys ${keyspaceId}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/signing-keys", inKeyspace(keyspaceId))));
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const rotating = keys.data?.keys.some(({ state }) => state === "next") ?? false;
  const button = (what: Asked, label: string) => (
    <Button small onClick={() => setAsked(what)}>
      {label}
    </Button>
  );
  return (
    <Card
      title="Signing keys"
      intro="A gate takes only what one of the keys that it trusts has signed."
      actions={
        mayWrite &&
        keys.data && (
          <>
            {rotating ? button("complete", "Complete the rotation") : button("rotate", "Rotate")}
            {button("replace", "Replace at once…")}
          </>
        )
      }
    >
      {keys.error !== undefined && <LoadFault error={keys.error} retry={() => void keys.reload()} />}
      {rotating && keys.data && (
        <Callout tone="info">
          <span>
            Both keys sign now. Give every gate this as <code>LATCHKEY_TRUSTED_KEYS</code>, then complete the rotation:
          </span>
          <CopyLine text={keys.data.trusted_keys.join(",")} />
        </Callout>
      )}
      <Table caption="Signing keys" columns={COLUMNS} rows={keys.data?.keys} rowId={({ key_id: id }) => id} expected={1} />
      {asked === "rotate" && <Rotate keyspaceId={keyspaceId} onClose={close} onDone={keys.set} />}
      {asked === "complete" && <Complete keyspaceId={keyspaceId} onClose={close} onDone={keys.set} />}
      {asked === "replace" && <Replace keyspaceId={keyspaceId} onClose={close} onDone={keys.set} />}
    </Card>
  );
}

interface DialogProps {
  keyspaceId: string;
  onClose: () => void;
  onDone: (keys: components["schemas"]["HeadKeysView"]) => void;
}

function Rotate({ keyspaceId, onClose, onDone }: DialogProps) {
  const [days, setDays] = useState("7");
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const rotate = () =>
    form.send(async () => {
      const body = { overlap_days: Number(days) };
      const params = { ...inKeyspace(keyspaceId).params, header: { "idempotency-key": idempotencyKey(body) } };
      onDone(await take(api.POST("/v1/keyspaces/{keyspace_id}/signing-keys:rotate", { params, body })));
      onClose();
    });
  return (
    <Dialog
      title="Rotate the signing key"
      intro="A second key signs beside the first, so that gates that trust either go on."
      onClose={onClose}
      onSubmit={() => void rotate()}
      footer={<DialogButtons action="Begin rotation" busy={form.busy} onClose={onClose} />}
    >
      <TextField label="Both sign for" aside="days" type="number" min={1} max={365} value={days} onChange={setDays} hint="By then every gate has to trust the new one." error={form.at("overlap_days")} />
      <FormFault form={form} known={["overlap_days"]} />
    </Dialog>
  );
}

function Complete({ keyspaceId, onClose, onDone }: DialogProps) {
  const toasts = useToasts();
  const complete = async () => {
    onDone(await take(api.POST("/v1/keyspaces/{keyspace_id}/signing-keys:complete", inKeyspace(keyspaceId))));
    toasts.say("The new key signs alone now.");
  };
  return (
    <Confirm title="Complete the rotation?" action="Give up the old key" danger onClose={onClose} onConfirm={complete}>
      <p>Only the new key signs from now on, and the private half of the old one is deleted. A gate that does not trust the new one takes nothing more: look at the status page of each first.</p>
    </Confirm>
  );
}

function Replace({ keyspaceId, onClose, onDone }: DialogProps) {
  const [confirm, setConfirm] = useState("");
  const [reason, setReason] = useState("");
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const replace = () =>
    form.send(async () => {
      const body = { confirm: confirm.trim(), reason: reason.trim() };
      const params = { ...inKeyspace(keyspaceId).params, header: { "idempotency-key": idempotencyKey(body) } };
      onDone(await take(api.POST("/v1/keyspaces/{keyspace_id}/signing-keys:replace", { params, body })));
      onClose();
    });
  return (
    <Dialog
      title="Replace the signing key at once"
      intro="For when the private key is in the wrong hands."
      onClose={onClose}
      onSubmit={() => void replace()}
      footer={<DialogButtons action="Replace at once" look="danger" busy={form.busy} disabled={confirm.trim() !== keyspaceId || !reason.trim()} onClose={onClose} />}
    >
      <Callout tone="danger">The old key signs nothing any more. No gate takes anything new, revocations included, until its LATCHKEY_TRUSTED_KEYS lists the new key alone.</Callout>
      <TextField label="The keyspace's id, to confirm" mono spellCheck={false} value={confirm} onChange={setConfirm} hint={<code>{keyspaceId}</code>} error={form.at("confirm")} />
      <TextField label="Reason" aside="for the audit log" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} />
      <FormFault form={form} known={["confirm", "reason"]} />
    </Dialog>
  );
}
