import { useState } from "react";
import { api, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm, useIdempotencyKey } from "../../lib/form";
import type { Keyspace } from "../../lib/keyspaces";
import type { ScopeName } from "../../lib/types";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, FieldError, Fieldset, SelectField, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { ExpiryField, type ExpiryChoice, expiryOf } from "../keys/fields/expiry";
import { SecretDialog } from "../keys/secret";

/** What each right is about, in the order of the navigation. */
const RIGHTS: [string, ScopeName[]][] = [
  ["Keyspaces", ["keyspaces:read", "keyspaces:write"]],
  ["Keys", ["keys:read", "keys:write"]],
  ["Routes, upstream credentials", ["policy:read", "policy:write"]],
  ["Roles", ["roles:read", "roles:write"]],
  ["Snapshots, metrics", ["snapshots:read"]],
  ["Usage and request log", ["usage:read", "usage:write"]],
  ["Webhooks", ["webhooks:read", "webhooks:write"]],
  ["Audit log", ["audit:read"]],
  ["Admin keys", ["admin-keys:read", "admin-keys:write"]],
];

export function CreateAdminKey({ keyspaces, onClose, onCreated }: { keyspaces: Keyspace[]; onClose: () => void; onCreated: () => void }) {
  const { may } = useSession();
  const [name, setName] = useState("");
  const [everything, setEverything] = useState(false);
  const [scopes, setScopes] = useState<ScopeName[]>([]);
  const [keyspace, setKeyspace] = useState("");
  const [expiry, setExpiry] = useState<ExpiryChoice>({ choice: "365", date: "" });
  const [secret, setSecret] = useState<string>();
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();

  const create = () =>
    form.send(async () => {
      const expires_at = expiryOf(expiry);
      const body = {
        name: name.trim(),
        scopes: everything ? (["*"] as ScopeName[]) : scopes,
        ...(keyspace && { keyspaces: [keyspace] }),
        ...(expires_at != null && { expires_at }),
      };
      const made = await take(api.POST("/v1/admin-keys", { params: { header: { "idempotency-key": idempotencyKey(body) } }, body }));
      onCreated();
      setSecret(made.secret);
    });
  if (secret !== undefined) return <SecretDialog title={`${name.trim()} is ready`} intro="This admin key opens the API, the command line and this dashboard." secret={secret} onClose={onClose} />;

  const toggle = (scope: ScopeName, on: boolean) => setScopes(on ? [...scopes, scope] : scopes.filter((other) => other !== scope));
  return (
    <Dialog
      wide
      title="Create admin key"
      intro="It can have no right that you lack."
      onClose={onClose}
      onSubmit={() => void create()}
      footer={<DialogButtons action="Create admin key" busy={form.busy} onClose={onClose} />}
    >
      <TextField label="Name" value={name} onChange={setName} maxLength={100} placeholder="Deploy script" error={form.at("name")} autoFocus />
      <Fieldset legend="What it may do">
        <div className="stack">
          {may("*") && <Check label="Everything" checked={everything} onChange={setEverything} />}
          {!everything &&
            RIGHTS.map(([title, names]) => (
              <div className="right" key={title}>
                <span className="small">{title}</span>
                {names.filter(may).map((scope) => (
                  <Check key={scope} label={<code>{scope}</code>} checked={scopes.includes(scope)} onChange={(on) => toggle(scope, on)} />
                ))}
              </div>
            ))}
          <FieldError error={form.at("scopes")} />
        </div>
      </Fieldset>
      <SelectField label="Where" value={keyspace} onChange={setKeyspace} error={form.at("keyspaces")}>
        <option value="">All keyspaces that you reach</option>
        {keyspaces.map(({ id, name }) => (
          <option key={id} value={id}>
            Only {name}
          </option>
        ))}
      </SelectField>
      <ExpiryField value={expiry} onChange={setExpiry} defaultDays={undefined} error={form.at("expires_at")} />
      <FormFault form={form} known={["name", "scopes", "keyspaces", "expires_at"]} />
    </Dialog>
  );
}
