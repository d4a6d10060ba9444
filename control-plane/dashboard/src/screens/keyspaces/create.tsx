import { useState } from "react";
import { useLocation } from "wouter";
import { api, take } from "../../api/client";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";

export function CreateKeyspace({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [prefix, setPrefix] = useState("");
  const [gate, setGate] = useState("");
  const [preset, setPreset] = useState(true);
  const idempotencyKey = useIdempotencyKey();
  const [, navigate] = useLocation();
  const form = useForm();

  const create = () =>
    form.send(async () => {
      const body = {
        name: name.trim(),
        ...(prefix.trim() && { prefix: prefix.trim() }),
        ...(gate.trim() && { gates: [{ url: gate.trim() }] }),
        ...(preset && { preset: "read-pay-admin" as const }),
      };
      const made = await take(api.POST("/v1/keyspaces", { params: { header: { "idempotency-key": idempotencyKey(body) } }, body }));
      onClose();
      navigate(`/keyspaces/${made.id}/keys`);
    });

  return (
    <Dialog
      title="Create keyspace"
      intro="One for each API that you protect."
      onClose={onClose}
      onSubmit={() => void create()}
      footer={<DialogButtons action="Create keyspace" busy={form.busy} onClose={onClose} />}
    >
      <TextField label="Name" value={name} onChange={setName} placeholder="Payments API" maxLength={100} error={form.at("name")} autoFocus />
      <TextField
        label="Token prefix"
        aside="optional"
        mono
        value={prefix}
        onChange={setPrefix}
        placeholder="lk"
        spellCheck={false}
        hint={
          <>
            Tokens look like <code>{prefix.trim() || "lk"}_live_…</code>, so that people and secret scanners recognise them.
          </>
        }
        error={form.at("prefix")}
      />
      <TextField
        label="Address of the gate"
        aside="optional, can be added later"
        type="url"
        value={gate}
        onChange={setGate}
        placeholder="https://api.example.com"
        hint="Where the Worker that protects the API is reachable. Changes are pushed to it."
        error={form.at("gates")}
      />
      <Check label="Begin with the roles Read, ReadAndPay and Admin" hint="They can be changed or deleted." checked={preset} onChange={setPreset} />
      <FormFault form={form} known={["name", "prefix", "gates"]} />
    </Dialog>
  );
}
