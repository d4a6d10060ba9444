import { type ReactNode, useRef, useState } from "react";
import { useLocation } from "wouter";
import { api, MERGE_PATCH, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useKeyspaces } from "../../lib/keyspaces";
import { Ago, At } from "../../lib/time";
import { ofWebhook, stateOf, type Webhook, useWebhook } from "../../lib/webhooks";
import { Badge, Badges } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Menu } from "../../ui/menu";
import { Card, Facts, Page } from "../../ui/page";
import { useToasts } from "../../ui/toast";
import { SecretDialog } from "../keys/secret";
import { Deliveries } from "./deliveries";
import { EditWebhook, SECRET_INTRO, SECRET_KEPT } from "./edit";

const REFRESH_MS = 5_000;
const DAY_SECONDS = 86_400;

type Asked = "edit" | "rotate" | "delete";

/** One webhook: how it stands, and each delivery to it. */
export function WebhookScreen({ webhookId }: { webhookId: string }) {
  const webhook = useWebhook(webhookId, REFRESH_MS);
  const { may } = useSession();
  const [asked, setAsked] = useState<Asked>();
  const toasts = useToasts();
  const mayWrite = may("webhooks:write");
  const shown = webhook.data;
  const test = () =>
    take(api.POST("/v1/webhooks/{webhook_id}:test", ofWebhook(webhookId))).then(() => toasts.say("A test event is on its way."), toasts.fault);
  const turn = (enabled: boolean) =>
    take(api.PATCH("/v1/webhooks/{webhook_id}", { ...ofWebhook(webhookId), headers: MERGE_PATCH, body: { enabled } })).then(webhook.set, toasts.fault);
  const actions = mayWrite && shown && (
    <>
      <Button onClick={() => void test()}>Send test event</Button>
      <Button onClick={() => void turn(!shown.enabled)}>{shown.enabled ? "Turn off" : "Turn on"}</Button>
      <Menu
        label="More actions"
        items={[
          { label: "Edit…", icon: "edit", onSelect: () => setAsked("edit") },
          { label: "Rotate secret…", icon: "refresh", onSelect: () => setAsked("rotate") },
          { label: "Delete…", icon: "trash", danger: true, onSelect: () => setAsked("delete") },
        ]}
      />
    </>
  );
  return (
    <Page title={shown?.url ?? "Webhook"} intro={shown?.description} back={{ href: "/webhooks", label: "Webhooks" }} badges={shown && <State webhook={shown} />} actions={actions}>
      {webhook.error !== undefined && <LoadFault error={webhook.error} retry={() => void webhook.reload()} />}
      {shown && <About webhook={shown} />}
      {shown && <Deliveries webhook={shown} mayWrite={mayWrite} />}
      {asked === "edit" && shown && (
        <EditWebhook
          webhook={shown}
          onClose={() => setAsked(undefined)}
          onDone={(changed) => {
            webhook.set(changed);
            setAsked(undefined);
          }}
        />
      )}
      {asked === "rotate" && shown && <RotateSecret webhook={shown} onClose={() => (setAsked(undefined), void webhook.reload())} />}
      {asked === "delete" && shown && <DeleteWebhook webhook={shown} onClose={() => setAsked(undefined)} />}
    </Page>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  const { tone, words } = stateOf(webhook);
  return <Badge tone={tone} dot>{words}</Badge>;
}

function About({ webhook }: { webhook: Webhook }) {
  const keyspaces = useKeyspaces();
  const nameOf = (id: string) => keyspaces.data?.find((keyspace) => keyspace.id === id)?.name ?? id;
  const facts: [string, ReactNode][] = [
    ["Hears of", webhook.events.includes("*") ? "everything" : <Badges key="events" values={webhook.events} />],
    ["In", webhook.keyspaces ? webhook.keyspaces.map(nameOf).join(", ") : "all keyspaces"],
    ["Signed by", <code key="signature">{webhook.signature}</code>],
    ["Created", <At key="created" at={webhook.created_at} />],
  ];
  if (webhook.public_key) facts.push(["Public key", <code key="public">{webhook.public_key}</code>]);
  if (webhook.old_secret_until) facts.push(["The old secret signs too", <>until <At key="until" at={webhook.old_secret_until} /></>]);
  return (
    <Card title="About">
      {webhook.disabled_reason && (
        <Callout tone="danger">
          {webhook.disabled_reason === "gone"
            ? "It was turned off because its receiver answered 410: the address is gone. Change the address, then turn it on again."
            : "It was turned off because nothing but failures came back for days. Mend the receiver, then turn it on again."}
        </Callout>
      )}
      {webhook.enabled && webhook.failing_since && (
        <Callout tone="warn">
          <span>
            Nothing but failures since <Ago at={webhook.failing_since} />. Deliveries are tried again, in longer and longer pauses; after days of failure it is turned off.
          </span>
        </Callout>
      )}
      <Facts facts={facts} />
    </Card>
  );
}

function RotateSecret({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const [secret, setSecret] = useState<string>();
  // What asked closes itself once it is done; the secret must not go with it.
  const isDone = useRef(false);
  if (secret !== undefined) return <SecretDialog title="The new secret" intro={SECRET_INTRO} kept={SECRET_KEPT} secret={secret} onClose={onClose} />;
  const rotate = async () => {
    const made = await take(api.POST("/v1/webhooks/{webhook_id}:rotate-secret", { ...ofWebhook(webhook.id), body: { overlap_seconds: DAY_SECONDS } }));
    isDone.current = true;
    if (made.secret) setSecret(made.secret);
    else onClose();
  };
  return (
    <Confirm title="Rotate the secret?" action="Rotate secret" onClose={() => isDone.current || onClose()} onConfirm={rotate}>
      <p>For a day deliveries carry signatures by both secrets, so that the receiver can change over without losing one.</p>
    </Confirm>
  );
}

function DeleteWebhook({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const [, navigate] = useLocation();
  const remove = async () => {
    await take(api.DELETE("/v1/webhooks/{webhook_id}", ofWebhook(webhook.id)));
    navigate("/webhooks");
  };
  return (
    <Confirm title="Delete this webhook?" action="Delete webhook" danger onClose={onClose} onConfirm={remove}>
      <p>Its address hears of nothing any more, also not of what is still on its way. The record of its deliveries goes with it.</p>
    </Confirm>
  );
}
