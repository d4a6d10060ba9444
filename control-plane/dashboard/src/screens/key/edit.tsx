import { useState } from "react";
import { useForm } from "../../lib/form";
import { useKeyPage } from "../../lib/key";
import { listed } from "../../lib/rows";
import type { KeyPatch } from "../../lib/types";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { AboutFields, metadataOf } from "../keys/fields/about";
import { ExpiryField, expiryChoice, expiryOf } from "../keys/fields/expiry";

const FIELDS = ["name", "owner", "expires_at", "description", "tags", "metadata"];

/** What describes a key, and when it ends. Access and limits have their own dialogs. */
export function EditKey({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  const [name, setName] = useState(key.name);
  const [owner, setOwner] = useState(key.owner ?? "");
  const [expiry, setExpiry] = useState(expiryChoice(key.expires_at));
  const [expiryTouched, setExpiryTouched] = useState(false);
  const [about, setAbout] = useState({ description: key.description, tags: key.tags.join(", "), metadata: Object.keys(key.metadata).length > 0 ? JSON.stringify(key.metadata) : "" });
  const form = useForm();

  const save = () =>
    form.send(async () => {
      const metadata = metadataOf(about.metadata);
      if (!metadata) throw new Error("The metadata is not a JSON object.");
      const body: KeyPatch = { name: name.trim(), owner: owner.trim() || null, description: about.description.trim() || null, tags: listed(about.tags), metadata: metadata as NonNullable<KeyPatch["metadata"]> };
      // Untouched, its seconds would be lost: the control shows minutes.
      if (expiryTouched) body.expires_at = expiryOf(expiry) ?? null;
      await patch(body);
      onClose();
    });
  return (
    <Dialog title={`Edit ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <TextField label="Name" value={name} onChange={setName} maxLength={100} error={form.at("name")} autoFocus />
      <TextField label="Owner" aside="optional" value={owner} onChange={setOwner} maxLength={255} error={form.at("owner")} />
      <ExpiryField
        value={expiry}
        onChange={(value) => {
          setExpiry(value);
          setExpiryTouched(true);
        }}
        defaultDays={undefined}
        error={form.at("expires_at")}
      />
      <AboutFields about={about} onChange={setAbout} form={form} />
      <FormFault form={form} known={FIELDS} />
    </Dialog>
  );
}
