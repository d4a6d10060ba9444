import { useState } from "react";
import { useLocation } from "wouter";
import { api, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { inKeyspace, type Keyspace, useEnvironments, usePolicy, useRoles } from "../../lib/keyspaces";
import { counted } from "../../lib/time";
import type { Environment } from "../../lib/types";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, SelectField, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { More } from "../../ui/more";
import { type Draft, inputOf, newDraft } from "./draft";
import { AboutFields, metadataOf } from "./fields/about";
import { AccessFields } from "./fields/access";
import { ConstraintFields } from "./fields/constraints";
import { CreditFields, RefillFields } from "./fields/credits";
import { ExpiryField } from "./fields/expiry";
import { IpRuleFields, ipRulesOf } from "./fields/ip-rules";
import { RateLimitFields } from "./fields/rate-limits";
import { TryAddress } from "./fields/try-address";
import { SecretDialog } from "./secret";

const FIELDS = ["name", "environment", "expires_at", "owner", "roles", "permissions", "constraints", "ip_rules", "rate_limits", "credits", "refills", "description", "tags", "metadata", "token"];

interface Props {
  keyspace: Keyspace;
  onClose: () => void;
  onCreated: () => void;
}

/** Makes a key: what most need is in sight, the rest one click away. Then shows its secret, once. */
export function CreateKey({ keyspace, onClose, onCreated }: Props) {
  const { may } = useSession();
  const [draft, setDraft] = useState(() => newDraft(keyspace));
  const [made, setMade] = useState<{ id: string; name: string; secret: string }>();
  const idempotencyKey = useIdempotencyKey();
  const [, navigate] = useLocation();
  const roles = useRoles(keyspace.id, may("roles:read"));
  const policy = usePolicy(keyspace.id, may("policy:read"));
  const environments = useEnvironments(keyspace.id, may("keyspaces:read"));
  const form = useForm();
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));

  const create = () =>
    form.send(async () => {
      if (!metadataOf(draft.metadata)) throw new Error("The metadata is not a JSON object.");
      const body = inputOf(draft);
      const params = { path: { keyspace_id: keyspace.id }, header: { "idempotency-key": idempotencyKey(body) } };
      const key = await take(api.POST("/v1/keyspaces/{keyspace_id}/keys", { params, body }));
      onCreated();
      // A token of one's own is not repeated.
      setMade({ id: key.id, name: key.name, secret: key.secret ?? draft.token.trim() });
    });

  if (made) {
    const example = `curl -H "Authorization: Bearer ${made.secret}" \\\n  ${keyspace.gates[0]?.url ?? "https://your-gate.example"}/`;
    const close = () => {
      onClose();
      navigate(`/keyspaces/${keyspace.id}/keys/${made.id}`);
    };
    return <SecretDialog title={`${made.name} is ready`} intro="This is its secret." secret={made.secret} example={example} onClose={close} />;
  }

  const liveOff = environments.data?.live.enabled === false;
  // Not offered before it is known to be on: a choice that is taken away again would be worse.
  const liveOffered = !may("keyspaces:read") || environments.data?.live.enabled === true;
  return (
    <Dialog
      wide
      title="Create key"
      intro={`In ${keyspace.name}. Its secret is shown once, after this.`}
      onClose={onClose}
      onSubmit={() => void create()}
      footer={<DialogButtons action="Create key" busy={form.busy} onClose={onClose} />}
    >
      <TextField label="Name" value={draft.name} onChange={(name) => set({ name })} maxLength={100} error={form.at("name") ?? taken(form.error)} autoFocus onFocus={(event) => event.target.select()} />
      <div className="columns">
        <SelectField
          label="Environment"
          value={draft.environment}
          onChange={(environment) => set({ environment: environment as Environment })}
          hint={liveOff ? "Live is off for this keyspace: its settings say what it needs." : "Test keys never pass a live route."}
          error={form.at("environment")}
        >
          <option value="test">Test</option>
          <option value="live" disabled={!liveOffered}>
            Live
          </option>
        </SelectField>
        <TextField label="Owner" aside="optional" placeholder="team or customer" maxLength={255} value={draft.owner} onChange={(owner) => set({ owner })} error={form.at("owner")} />
      </div>
      <ExpiryField value={draft.expiry} onChange={(expiry) => set({ expiry })} defaultDays={keyspace.default_expiry_days ?? null} error={form.at("expires_at")} />
      <AccessFields
        keyspaceId={keyspace.id}
        roles={roles.data}
        chosen={draft.roles}
        onRoles={(roles) => set({ roles })}
        permissions={draft.permissions}
        onPermissions={(permissions) => set({ permissions })}
        rolesError={form.at("roles")}
        permissionsError={form.at("permissions")}
      />
      <div className="stack-tight">
        <More title="Networks and other constraints" summary={draft.constraints.length > 0 ? counted(draft.constraints.length, "constraint") : "any"}>
          <ConstraintFields rows={draft.constraints} onChange={(constraints) => set({ constraints })} policy={policy.data} error={form.at("constraints")} />
        </More>
        <More title="Addresses" summary={draft.ipRules.length > 0 ? counted(draft.ipRules.length, "rule") : "from anywhere"}>
          <IpRuleFields rules={draft.ipRules} onChange={(ipRules) => set({ ipRules })} error={form.at("ip_rules")} />
          {draft.ipRules.length > 0 && (
            <TryAddress rules={ipRulesOf(draft.ipRules)} ask={(body) => take(api.POST("/v1/keyspaces/{keyspace_id}/ip-rules:preview", { ...inKeyspace(keyspace.id), body }))} />
          )}
        </More>
        <More title="Rate limits" summary={draft.rateLimits.length > 0 ? counted(draft.rateLimits.length, "limit") : "none"}>
          <RateLimitFields limits={draft.rateLimits} onChange={(rateLimits) => set({ rateLimits })} error={form.at("rate_limits")} />
        </More>
        <More title="Credits" summary={draft.credits ? "usage-limited" : "spends freely"}>
          <CreditFields credits={draft.credits} onChange={(credits) => set({ credits })} error={form.at("credits")} />
          {draft.credits && <RefillFields refills={draft.refills} onChange={(refills) => set({ refills })} error={form.at("refills")} />}
        </More>
        <More title="Description, metadata and more" summary="optional">
          <AboutFields about={draft} onChange={set} form={form} />
          <Check
            label="Requests must be signed"
            hint="Each request is signed with a key pair that is added on the key's page; the token alone is not enough."
            checked={draft.signatureRequired}
            onChange={(signatureRequired) => set({ signatureRequired })}
          />
          <TextField
            label="A token of your own"
            aside="optional"
            type="password"
            mono
            autoComplete="off"
            value={draft.token}
            onChange={(token) => set({ token })}
            hint="At least 128 bits of chance. Left empty, Latchkey draws one, which is better."
            error={form.at("token")}
          />
        </More>
      </div>
      <FormFault form={form} known={FIELDS} />
    </Dialog>
  );
}

function taken(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && error.code === "NAME_TAKEN" ? error.message : undefined;
}
