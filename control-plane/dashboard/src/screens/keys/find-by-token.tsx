import { useState } from "react";
import { useLocation } from "wouter";
import { api, take } from "../../api/client";
import { ApiError } from "../../api/problem";
import { useForm } from "../../lib/form";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";

/** From a token that somebody holds to its key. The token travels in a body, never in an address. */
export function FindByToken({ onClose }: { onClose: () => void }) {
  const [token, setToken] = useState("");
  const [, navigate] = useLocation();
  const form = useForm();
  const find = () =>
    form.send(async () => {
      const key = await take(api.POST("/v1/keys:lookup", { body: { token: token.trim() } }));
      onClose();
      navigate(`/keyspaces/${key.keyspace_id}/keys/${key.id}`);
    });
  const unknown = form.error instanceof ApiError && form.error.status === 404 ? "No key has this token." : undefined;
  return (
    <Dialog
      title="Find a key by its token"
      onClose={onClose}
      onSubmit={() => void find()}
      footer={<DialogButtons action="Find" busy={form.busy} disabled={!token.trim()} onClose={onClose} />}
    >
      <TextField label="Token" type="password" mono spellCheck={false} value={token} onChange={setToken} hint="Only its fingerprint is compared; it is not kept." error={form.at("token") ?? unknown} autoFocus />
      {!unknown && <FormFault form={form} known={["token"]} />}
    </Dialog>
  );
}
