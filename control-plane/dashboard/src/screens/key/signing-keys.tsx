import { useState } from "react";
import { api, take } from "../../api/client";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { ofKey, useKeyPage } from "../../lib/key";
import { Day } from "../../lib/time";
import type { Key } from "../../lib/types";
import { Button, IconButton } from "../../ui/button";
import { Confirm } from "../../ui/confirm";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";
import { SecretDialog } from "../keys/secret";

type SigningKey = Key["signing_keys"][number];

/** Key pairs by which requests prove who sent them, without a secret at the edge. */
export function SigningKeys() {
  const { key, mayWrite, patch } = useKeyPage();
  const toasts = useToasts();
  const [asked, setAsked] = useState<"add" | SigningKey>();
  const close = () => setAsked(undefined);
  const columns: Column<SigningKey>[] = [
    { title: "Id", cell: ({ id }) => <code>{id}</code> },
    { title: "Public key", cell: ({ algorithm, public_key: text }) => <code>{`${algorithm} ${text.slice(0, 16)}…`}</code> },
    { title: "Added", cell: ({ created_at: at }) => <Day at={at} /> },
    { title: "Actions", untitled: true, end: true, cell: (signingKey) => mayWrite && <IconButton icon="trash" label={`Remove ${signingKey.id}`} small onClick={() => setAsked(signingKey)} /> },
  ];
  return (
    <Card
      title="Signed requests"
      intro="Ed25519 key pairs (RFC 9421): a token that is copied is then worth nothing without the private key."
      actions={
        mayWrite && (
          <Button small icon="plus" onClick={() => setAsked("add")}>
            Add key pair
          </Button>
        )
      }
    >
      <Check
        label="Every request must be signed"
        disabled={!mayWrite}
        checked={key.signature_required}
        onChange={(signature_required) => void patch({ signature_required }).catch(toasts.fault)}
      />
      {key.signing_keys.length > 0 && <Table caption="Signing keys" columns={columns} rows={key.signing_keys} rowId={({ id }) => id} />}
      {asked === "add" && <AddSigningKey onClose={close} />}
      {typeof asked === "object" && <RemoveSigningKey signingKey={asked} onClose={close} />}
    </Card>
  );
}

function AddSigningKey({ onClose }: { onClose: () => void }) {
  const { key, version, reload } = useKeyPage();
  const [publicKey, setPublicKey] = useState("");
  const [made, setMade] = useState<string>();
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const add = () =>
    form.send(async () => {
      const body = publicKey.trim() ? { public_key: publicKey.trim() } : {};
      const { path, header } = { header: {}, ...ofKey(key.id, version) };
      const params = { path, header: { ...header, "idempotency-key": idempotencyKey(body) } };
      const { private_key: secret } = await take(api.POST("/v1/keys/{key_id}/signing-keys", { params, body }));
      await reload();
      if (secret) setMade(secret);
      else onClose();
    });
  if (made) return <SecretDialog title="The private key" intro="Whoever signs requests of this key needs it." secret={made} onClose={onClose} />;
  return (
    <Dialog title="Add a key pair" onClose={onClose} onSubmit={() => void add()} footer={<DialogButtons action="Add key pair" busy={form.busy} onClose={onClose} />}>
      <TextField
        label="Public key"
        aside="optional"
        mono
        spellCheck={false}
        value={publicKey}
        onChange={setPublicKey}
        hint="Ed25519 in base64url. Left empty, Latchkey makes a pair and shows its private key once; your own pair never leaves your hands."
        error={form.at("public_key")}
      />
      <FormFault form={form} known={["public_key"]} />
    </Dialog>
  );
}

function RemoveSigningKey({ signingKey, onClose }: { signingKey: SigningKey; onClose: () => void }) {
  const { key, version, reload } = useKeyPage();
  const remove = async () => {
    const { header } = { header: {}, ...ofKey(key.id, version) };
    await take(api.DELETE("/v1/keys/{key_id}/signing-keys/{signing_key_id}", { params: { path: { key_id: key.id, signing_key_id: signingKey.id }, header } }));
    await reload();
  };
  return (
    <Confirm title="Remove this key pair?" action="Remove" danger onClose={onClose} onConfirm={remove}>
      <p>
        Requests signed by <code>{signingKey.id}</code> are refused within seconds.
      </p>
    </Confirm>
  );
}
