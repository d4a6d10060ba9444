import { type FormEvent, type ReactNode, useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import type { components } from "../../api/schema";
import { useForm } from "../../lib/form";
import { inKeyspace, type Keyspace } from "../../lib/keyspaces";
import { Button } from "../../ui/button";
import { Check, SelectField, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { useToasts } from "../../ui/toast";

type Patch = components["schemas"]["KeyspaceInput"];

interface Props {
  keyspace: Keyspace;
  onSaved: (keyspace: Keyspace) => void;
  mayWrite: boolean;
}

interface SectionProps extends Props {
  title: string;
  intro: string;
  fields: string[];
  patch: () => Patch;
  children: (at: (field: string) => string | undefined) => ReactNode;
}

/** A card of settings with a Save of its own, which is there once something differs. */
function Section({ keyspace, onSaved, mayWrite, title, intro, fields, patch, children }: SectionProps) {
  const form = useForm();
  const toasts = useToasts();
  const [saved, setSaved] = useState(() => JSON.stringify(patch()));
  const current = JSON.stringify(patch());
  const save = (event: FormEvent) => {
    event.preventDefault();
    void form.send(async () => {
      onSaved(await take(api.PATCH("/v1/keyspaces/{keyspace_id}", { ...inKeyspace(keyspace.id), body: patch(), headers: MERGE_PATCH })));
      setSaved(current);
      toasts.say(`${title}: saved.`);
    });
  };
  return (
    <Card title={title} intro={intro}>
      <form className="stack" onSubmit={save} noValidate>
        <fieldset className="stack" disabled={!mayWrite}>
          {children(form.at)}
        </fieldset>
        <FormFault form={form} known={fields} />
        {mayWrite && (
          <div>
            <Button type="submit" look={current === saved ? "secondary" : "primary"} disabled={current === saved} busy={form.busy}>
              Save
            </Button>
          </div>
        )}
      </form>
    </Card>
  );
}

const numberOr = (text: string) => (text.trim() ? Number(text) : null);
const shown = (value: number | null | undefined) => (value == null ? "" : String(value));

export function General(props: Props) {
  const { keyspace } = props;
  const [name, setName] = useState(keyspace.name);
  const [prefix, setPrefix] = useState<string>(keyspace.prefix);
  const [environment, setEnvironment] = useState(keyspace.environment);
  return (
    <Section {...props} title="General" intro="What the keyspace is called, and what its tokens look like." fields={["name", "prefix", "environment"]} patch={() => ({ name: name.trim(), prefix: prefix.trim(), environment })}>
      {(at) => (
        <div className="columns">
          <TextField label="Name" value={name} onChange={setName} maxLength={100} error={at("name")} />
          <TextField label="Token prefix" mono spellCheck={false} value={prefix} onChange={setPrefix} error={at("prefix")} hint="New tokens begin with it." />
          <SelectField label="Gates serve" value={environment} onChange={(value) => setEnvironment(value as typeof environment)} error={at("environment")} hint="Which keys these gates know at all.">
            <option value="any">Test and live keys</option>
            <option value="test">Test keys only</option>
            <option value="live">Live keys only</option>
          </SelectField>
        </div>
      )}
    </Section>
  );
}

export function KeyDefaults(props: Props) {
  const { keyspace } = props;
  const [days, setDays] = useState(shown(keyspace.default_expiry_days));
  const [keys, setKeys] = useState(shown(keyspace.quotas.keys));
  const [perOwner, setPerOwner] = useState(shown(keyspace.quotas.keys_per_owner));
  const [retention, setRetention] = useState(String(keyspace.retention_days));
  const patch = () => ({
    default_expiry_days: numberOr(days),
    quotas: { keys: numberOr(keys), keys_per_owner: numberOr(perOwner) },
    retention_days: Number(retention),
  });
  return (
    <Section {...props} title="Keys" intro="How long keys live, and how many there may be." fields={["default_expiry_days", "quotas", "retention_days"]} patch={patch}>
      {(at) => (
        <div className="columns">
          <TextField label="Keys expire after" aside="days" type="number" min={1} max={3650} placeholder="never" value={days} onChange={setDays} error={at("default_expiry_days")} hint="Unless their creator says otherwise." />
          <TextField label="At most so many keys" type="number" min={1} placeholder="no limit" value={keys} onChange={setKeys} error={at("quotas/keys")} hint="Revoked ones do not count." />
          <TextField label="At most so many of one owner" type="number" min={1} placeholder="no limit" value={perOwner} onChange={setPerOwner} error={at("quotas/keys_per_owner")} />
          <TextField label="Keep revoked keys" aside="days" type="number" min={1} max={3650} value={retention} onChange={setRetention} error={at("retention_days")} hint="So long they can be restored." />
        </div>
      )}
    </Section>
  );
}

export function Freshness(props: Props) {
  const { freshness } = props.keyspace;
  const [fresh, setFresh] = useState(String(freshness.fresh_seconds));
  const [valid, setValid] = useState(String(freshness.valid_seconds));
  const [onExpired, setOnExpired] = useState(freshness.on_expired);
  const patch = () => ({ freshness: { fresh_seconds: Number(fresh), valid_seconds: Number(valid), on_expired: onExpired } });
  return (
    <Section {...props} title="When a gate is cut off" intro="A gate that hears nothing goes on with what it has, for so long." fields={["freshness"]} patch={patch}>
      {(at) => (
        <div className="columns">
          <TextField label="Counts as fresh for" aside="seconds" type="number" min={5} value={fresh} onChange={setFresh} error={at("freshness/fresh_seconds")} hint="After that the gate says that it may be behind." />
          <TextField label="May be used for" aside="seconds" type="number" min={5} value={valid} onChange={setValid} error={at("freshness/valid_seconds")} hint="86400 is a day." />
          <SelectField
            label="After that"
            value={onExpired}
            onChange={(value) => setOnExpired(value as typeof onExpired)}
            error={at("freshness/on_expired")}
            hint={onExpired === "allow" ? "Keys that were revoked meanwhile go on working." : undefined}
          >
            <option value="deny">it refuses every request</option>
            <option value="allow">it goes on with what it has</option>
          </SelectField>
        </div>
      )}
    </Section>
  );
}

export function Security(props: Props) {
  const { keyspace } = props;
  const [leaks, setLeaks] = useState(keyspace.leak_policy);
  const [logDays, setLogDays] = useState(String(keyspace.request_log_days));
  const [gateKey, setGateKey] = useState<string>(keyspace.gate_encryption_key ?? "");
  const [foreign, setForeign] = useState(keyspace.foreign_tokens);
  const patch = () => ({ leak_policy: leaks, request_log_days: Number(logDays), gate_encryption_key: gateKey.trim() || null, foreign_tokens: foreign });
  return (
    <Section {...props} title="Leaks, log and credentials" intro="What happens with tokens found in public, and what gates may open." fields={["leak_policy", "request_log_days", "gate_encryption_key", "foreign_tokens"]} patch={patch}>
      {(at) => (
        <>
          <div className="columns">
            <SelectField label="A key that leaked is" value={leaks} onChange={(value) => setLeaks(value as typeof leaks)} error={at("leak_policy")} hint="When its token is reported, such as by a secret scanner.">
              <option value="revoke">revoked at once</option>
              <option value="disable">turned off</option>
              <option value="notify">only reported</option>
            </SelectField>
            <TextField label="The request log is kept for" aside="days" type="number" min={0} max={90} value={logDays} onChange={setLogDays} error={at("request_log_days")} />
          </div>
          <TextField
            label="Gates' encryption key"
            aside="optional"
            mono
            spellCheck={false}
            value={gateKey}
            onChange={setGateKey}
            placeholder="32 bytes in base64url"
            hint={
              <>
                The public half of what <code>latchkey gate-key generate</code> makes. Upstream credentials are sealed for it, so that only gates can open them.
              </>
            }
            error={at("gate_encryption_key")}
          />
          <Check label="Accept tokens that Latchkey did not make" hint="Imported ones, and such as a caller chose: they have no checksum, so every mistyped one has to be looked up." checked={foreign} onChange={setForeign} />
        </>
      )}
    </Section>
  );
}
