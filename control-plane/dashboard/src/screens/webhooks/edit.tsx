import { type ReactNode, useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { useKeyspaces } from "../../lib/keyspaces";
import { EVENTS, type EventName, ofWebhook, type Webhook } from "../../lib/webhooks";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, FieldError, Fieldset, TextField } from "../../ui/field";
import { type Form } from "../../lib/form";
import { FormFault } from "../../ui/form-fault";
import { SecretDialog } from "../keys/secret";

const FIELDS = ["url", "description", "events", "keyspaces"];
/** What is said of a webhook's secret wherever one is shown. */
export const SECRET_INTRO = "Your receiver verifies by it that a delivery is from here and unchanged.";
export const SECRET_KEPT = "Latchkey keeps it sealed, to sign by, and does not show it again.";

interface Draft {
  url: string;
  description: string;
  all: boolean;
  events: EventName[];
  /** Only events of these; undefined: of all that the admin key reaches. */
  keyspaces: string[] | undefined;
}

const NEW: Draft = { url: "", description: "", all: false, events: ["key.revoked", "key.leaked"], keyspaces: undefined };

function bodyOf({ url, description, all, events, keyspaces }: Draft) {
  return { url: url.trim(), description: description.trim(), events: all ? (["*"] as EventName[]) : events, keyspaces: keyspaces ?? null };
}

export function CreateWebhook({ onClose, onDone }: { onClose: () => void; onDone: (webhook: Webhook) => void }) {
  const [draft, setDraft] = useState(NEW);
  const [made, setMade] = useState<{ webhook: Webhook; secret: string }>();
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const create = () =>
    form.send(async () => {
      const body = bodyOf(draft);
      const { secret, ...webhook } = await take(api.POST("/v1/webhooks", { params: { header: { "idempotency-key": idempotencyKey(body) } }, body }));
      if (secret) setMade({ webhook, secret });
      else onDone(webhook);
    });
  if (made) return <SecretDialog title="The webhook is ready" intro={SECRET_INTRO} kept={SECRET_KEPT} secret={made.secret} onClose={() => onDone(made.webhook)} />;
  return <WebhookDialog title="Add webhook" action="Add webhook" draft={draft} onChange={setDraft} form={form} onSubmit={() => void create()} onClose={onClose} />;
}

export function EditWebhook({ webhook, onClose, onDone }: { webhook: Webhook; onClose: () => void; onDone: (webhook: Webhook) => void }) {
  const [draft, setDraft] = useState<Draft>({
    url: webhook.url,
    description: webhook.description,
    all: webhook.events.includes("*"),
    events: webhook.events.filter((name) => name !== "*"),
    keyspaces: webhook.keyspaces ?? undefined,
  });
  const form = useForm();
  const save = () =>
    form.send(async () => {
      onDone(await take(api.PATCH("/v1/webhooks/{webhook_id}", { ...ofWebhook(webhook.id), headers: MERGE_PATCH, body: bodyOf(draft) })));
    });
  return <WebhookDialog title="Edit webhook" action="Save" draft={draft} onChange={setDraft} form={form} onSubmit={() => void save()} onClose={onClose} />;
}

interface WebhookDialogProps {
  title: string;
  action: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
  form: Form;
  onSubmit: () => void;
  onClose: () => void;
}

function WebhookDialog({ title, action, draft, onChange, form, onSubmit, onClose }: WebhookDialogProps) {
  const set = <K extends keyof Draft>(name: K) => (value: Draft[K]) => onChange({ ...draft, [name]: value });
  const toggle = (name: EventName, on: boolean) => set("events")(on ? [...draft.events, name] : draft.events.filter((other) => other !== name));
  return (
    <Dialog wide title={title} onClose={onClose} onSubmit={onSubmit} footer={<DialogButtons action={action} busy={form.busy} disabled={draft.keyspaces?.length === 0} onClose={onClose} />}>
      <TextField label="Address" mono type="url" inputMode="url" spellCheck={false} placeholder="https://hooks.example.com/latchkey" hint="An https address that leads to a public server." value={draft.url} onChange={set("url")} error={form.at("url")} autoFocus />
      <TextField label="Description" aside="optional" value={draft.description} onChange={set("description")} error={form.at("description")} />
      <Fieldset legend="What it hears of">
        <div className="stack">
          <Check label="Everything" hint="Also events that are yet to be invented." checked={draft.all} onChange={set("all")} />
          {!draft.all &&
            EVENTS.map(([about, names]) => (
              <div className="stack-tight" key={about}>
                <span className="small soft">{about}</span>
                <div className="event-names">
                  {names.map((name) => (
                    <Check key={name} label={<code>{name}</code>} checked={draft.events.includes(name)} onChange={(on) => toggle(name, on)} />
                  ))}
                </div>
              </div>
            ))}
          <FieldError error={form.at("events")} />
        </div>
      </Fieldset>
      <Where chosen={draft.keyspaces} onChange={set("keyspaces")} error={form.at("keyspaces")} />
      <FormFault form={form} known={FIELDS} />
    </Dialog>
  );
}

/** Of which keyspaces it hears. */
function Where({ chosen, onChange, error }: { chosen: string[] | undefined; onChange: (chosen: string[] | undefined) => void; error: string | undefined }) {
  const keyspaces = useKeyspaces();
  const known = keyspaces.data ?? [];
  // One that was deleted meanwhile has to be seen, to be taken out.
  const gone = keyspaces.data ? (chosen ?? []).filter((id) => !known.some((keyspace) => keyspace.id === id)) : [];
  const offered = [...known.map(({ id, name }) => ({ id, label: name as ReactNode })), ...gone.map((id) => ({ id, label: <code>{id}</code> }))];
  const toggle = (id: string, on: boolean) => onChange(on ? [...(chosen ?? []), id] : chosen?.filter((other) => other !== id));
  return (
    <Fieldset legend="Where">
      <div className="stack">
        <Check label="All keyspaces that you reach" hint="Also those that are yet to be made." checked={chosen === undefined} onChange={(all) => onChange(all ? undefined : [])} />
        {chosen && (
          <div className="event-names">
            {offered.map(({ id, label }) => (
              <Check key={id} label={label} checked={chosen.includes(id)} onChange={(on) => toggle(id, on)} />
            ))}
          </div>
        )}
        {chosen?.length === 0 && <p className="field-hint">Choose at least one.</p>}
        <FieldError error={error} />
      </div>
    </Fieldset>
  );
}
