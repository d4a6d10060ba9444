import { useState } from "react";
import { api, takeVersioned } from "../../api/client";
import { ApiError } from "../../api/problem";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { ofKey, useKeyPage } from "../../lib/key";
import { Confirm } from "../../ui/confirm";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";

/** More credits or fewer, by a difference: what gates spend meanwhile is not overwritten. */
export function ChangeCredits({ kind, onClose }: { kind: "add" | "take"; onClose: () => void }) {
  const { key, changed } = useKeyPage();
  const units = key.credits?.map(({ unit }) => unit) ?? [];
  const [unit, setUnit] = useState(units[0] ?? "requests");
  const [amount, setAmount] = useState("100");
  const [note, setNote] = useState("");
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const left = key.credits?.find((credit) => credit.unit === unit)?.remaining ?? 0;

  const save = () =>
    form.send(async () => {
      const sentAt = Date.now();
      const delta = Number(amount) * (kind === "add" ? 1 : -1);
      const body = { deltas: [{ unit: unit.trim(), amount: delta }], ...(note.trim() && { note: note.trim() }) };
      // No version: a difference is right whatever was changed meanwhile.
      const params = { ...ofKey(key.id), header: { "idempotency-key": idempotencyKey(body) } };
      changed(await takeVersioned(api.POST("/v1/keys/{key_id}:credits", { params, body })), "enforced", sentAt);
      onClose();
    });
  const verb = kind === "add" ? "Add credits" : "Remove credits";
  return (
    <Dialog
      title={verb}
      intro={kind === "take" ? `${left.toLocaleString("en")} ${unit} are left.` : undefined}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={<DialogButtons action={verb} look={kind === "add" ? "primary" : "danger"} busy={form.busy} disabled={!(Number(amount) > 0)} onClose={onClose} />}
    >
      <div className="columns">
        <TextField label="Amount" type="number" min={1} inputMode="numeric" value={amount} onChange={setAmount} error={form.at("deltas") ?? belowZero(form.error)} autoFocus />
        <TextField label="Unit" mono value={unit} onChange={setUnit} hint="As routes name it in their cost." list="units" />
        <datalist id="units">
          {units.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
      </div>
      <TextField label="Note" aside="optional, for the audit log" value={note} onChange={setNote} maxLength={1000} />
      <FormFault form={form} known={["deltas"]} />
    </Dialog>
  );
}

function belowZero(error: unknown): string | undefined {
  return error instanceof ApiError && error.code === "CREDITS_BELOW_ZERO" ? error.message : undefined;
}

export function SpendFreely({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  const free = async () => void (await patch({ credits: null, ...(key.refills.length > 0 && { refills: [] }) }));
  return (
    <Confirm title={`Let ${key.name} spend freely?`} action="Let it spend freely" danger onClose={onClose} onConfirm={free}>
      <p>It is no longer refused when its credits run out. Should it be limited again, it goes on with what it had left.</p>
    </Confirm>
  );
}
