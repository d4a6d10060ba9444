import { useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import { type Form, useForm } from "../../lib/form";
import { inKeyspace, type Keyspace } from "../../lib/keyspaces";
import type { Sink, SinkInput } from "../../lib/types";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { SelectField, TextArea, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { type FieldName, type SinkType, TYPES } from "./sink-fields";

/** Puts these in the place of the keyspace's sinks. One that is sent as it is keeps its secret. */
export function patchSinks(keyspace: Keyspace, sinks: (Sink | SinkInput)[]): Promise<Keyspace> {
  const body = { sinks: sinks as SinkInput[] };
  return take(api.PATCH("/v1/keyspaces/{keyspace_id}", { ...inKeyspace(keyspace.id), body, headers: MERGE_PATCH }));
}

interface EditSinkProps {
  keyspace: Keyspace;
  /** Undefined: a new one. */
  sink?: Sink;
  onClose: () => void;
  onSaved: (keyspace: Keyspace) => void;
}

export function EditSink({ keyspace, sink, onClose, onSaved }: EditSinkProps) {
  const [type, setType] = useState<SinkType>(sink?.type ?? "kv");
  const [name, setName] = useState(sink?.name ?? "");
  const [values, setValues] = useState<Partial<Record<FieldName, string>>>(() => valuesOf(sink));
  const [secret, setSecret] = useState("");
  const form = useForm();
  const at = sink ? keyspace.sinks.findIndex((other) => other.name === sink.name) : keyspace.sinks.length;
  const fields = TYPES[type].fields;
  const fault = (field: string) => form.at(`sinks/${at}/${field}`);

  const save = () =>
    form.send(async () => {
      const given = fields.flatMap((field) => (values[field.name]?.trim() ? [[field.name, values[field.name]?.trim()]] : []));
      const draft = { type, name: name.trim(), ...Object.fromEntries(given), ...(secret.trim() && { secret: secret.trim() }) } as SinkInput;
      onSaved(await patchSinks(keyspace, keyspace.sinks.toSpliced(at, 1, draft as Sink)));
      onClose();
    });
  return (
    <Dialog
      wide
      title={sink ? `Edit ${sink.name}` : "Add sink"}
      intro="It belongs to this keyspace alone. Bodies are written first and the head last, so it never leads to what is not there."
      onClose={onClose}
      onSubmit={() => void save()}
      footer={<DialogButtons action={sink ? "Save" : "Add sink"} busy={form.busy} onClose={onClose} />}
    >
      <div className="columns">
        <SelectField label="Type" value={type} onChange={(chosen) => (setType(chosen as SinkType), form.clear())} disabled={sink !== undefined} error={fault("type")}>
          {Object.entries(TYPES).map(([value, { label }]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
        <TextField label="Name" mono spellCheck={false} value={name} onChange={setName} placeholder="backup" hint="Small letters, digits and hyphens." maxLength={32} readOnly={sink !== undefined} error={fault("name")} autoFocus={!sink} />
      </div>
      <div className="columns">
        {fields.map(({ name: field, label, optional, placeholder, hint }) => (
          <TextField key={field} label={label} aside={optional && "optional"} mono spellCheck={false} placeholder={placeholder} hint={hint} value={values[field] ?? ""} onChange={(value) => setValues({ ...values, [field]: value })} error={fault(field)} />
        ))}
      </div>
      <SecretField type={type} isNew={!sink} value={secret} onChange={setSecret} error={fault("secret")} />
      <FormFault form={form} known={[`sinks/${at}/type`, `sinks/${at}/name`, `sinks/${at}/secret`, ...fields.map((field) => `sinks/${at}/${field.name}`)]} />
    </Dialog>
  );
}

/** Goes one way: the control plane seals it and never shows it. */
function SecretField({ type, isNew, value, onChange, error }: { type: SinkType; isNew: boolean; value: string; onChange: (value: string) => void; error: ReturnType<Form["at"]> }) {
  const { secret } = TYPES[type];
  if (!secret) return null;
  const kept = isNew ? "" : " Left empty it stays as it is, which is refused once anything else changes: it must not be sent elsewhere.";
  const shared = { label: secret.label, mono: true, autoComplete: "off", spellCheck: false, hint: `${secret.hint} Sealed at once, never shown again.${kept}`, value, onChange, error };
  return type === "gcs" ? <TextArea rows={4} placeholder='{"type": "service_account", …}' {...shared} /> : <TextField type="password" {...shared} />;
}

function valuesOf(sink: Sink | undefined): Partial<Record<FieldName, string>> {
  if (!sink) return {};
  return Object.fromEntries(TYPES[sink.type].fields.flatMap(({ name }) => (sink[name] ? [[name, sink[name]]] : [])));
}
