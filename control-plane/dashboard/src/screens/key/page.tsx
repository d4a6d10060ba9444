import { useMemo, useState } from "react";
import { Redirect, Route, Switch as Routes } from "wouter";
import type { Versioned } from "../../api/client";
import { ApiError } from "../../api/problem";
import { useSession } from "../../api/session";
import { type Change, KeyContext, type KeyPage, patchKey, useKey, useKeyPage } from "../../lib/key";
import type { Key } from "../../lib/types";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Switch } from "../../ui/field";
import { Menu } from "../../ui/menu";
import { Card, Facts, Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { useToasts } from "../../ui/toast";
import { NotFound } from "../not-found";
import { EnvironmentBadge, StatusBadge } from "../keys/status";
import { AccessTab } from "./access";
import { EditKey } from "./edit";
import { LimitsTab } from "./limits";
import { Overview } from "./overview";
import { Propagation } from "./propagation";
import { RestoreKey, RevokeKey } from "./revoke";
import { RotateKey } from "./rotate";
import { TurnOff } from "./turn-off";
import { UsageTab } from "./usage";

/** Everything about one key. */
export function KeyScreen({ keyspaceId, keyId }: { keyspaceId: string; keyId: string }) {
  const resource = useKey(keyId);
  const { may } = useSession();
  const [change, setChange] = useState<Change>();
  const { data, set, reload } = resource;

  const page = useMemo<KeyPage | undefined>(() => {
    if (!data) return undefined;
    const changed = (answer: Versioned<Key>, effect: string, sentAt: number) => {
      set(answer);
      setChange({ changeSeq: answer.value.change_seq, sentAt, effect });
    };
    return {
      keyspaceId,
      key: data.value,
      version: data.version,
      mayWrite: may("keys:write") && data.value.status !== "revoked",
      reload,
      changed,
      patch: async (body, effect = "enforced") => {
        const sentAt = Date.now();
        const answer = await patchKey(data.value, data.version, body).catch(explainConflict);
        changed(answer, effect, sentAt);
        return answer.value;
      },
    };
  }, [data, keyspaceId, may, reload, set]);

  if (resource.error instanceof ApiError && resource.error.status === 404) return <NotFound />;
  if (resource.error !== undefined && !page) return <LoadFault error={resource.error} retry={() => void reload()} />;
  if (!page) return <Waiting keyspaceId={keyspaceId} />;

  const { key } = page;
  // An address can be put together by hand; what the page shows belongs to one keyspace.
  if (key.keyspace_id !== keyspaceId) return <Redirect to={`/keyspaces/${key.keyspace_id}/keys/${keyId}`} replace />;
  const base = `/keyspaces/${keyspaceId}/keys/${keyId}`;
  return (
    <KeyContext value={page}>
      <Page
        title={key.name}
        back={{ href: `/keyspaces/${keyspaceId}/keys`, label: "Keys" }}
        badges={
          <>
            <StatusBadge status={key.status} />
            <EnvironmentBadge environment={key.environment} />
          </>
        }
        intro={key.description}
        actions={<Actions />}
      >
        {change && <Propagation keyspaceId={keyspaceId} keyId={keyId} change={change} />}
        <Tabs
          label="Parts of the key"
          tabs={[
            { href: base, label: "Overview" },
            { href: `${base}/access`, label: "Access" },
            { href: `${base}/limits`, label: "Limits and credits" },
            ...(may("usage:read") ? [{ href: `${base}/usage`, label: "Usage" }] : []),
          ]}
        />
        <Routes>
          <Route path={base} component={Overview} />
          <Route path={`${base}/access`} component={AccessTab} />
          <Route path={`${base}/limits`} component={LimitsTab} />
          <Route path={`${base}/usage`} component={UsageTab} />
          <Route component={NotFound} />
        </Routes>
      </Page>
    </KeyContext>
  );
}

/** As tall as what comes, so that nothing jumps. */
function Waiting({ keyspaceId }: { keyspaceId: string }) {
  return (
    <Page title="Key" back={{ href: `/keyspaces/${keyspaceId}/keys`, label: "Keys" }}>
      <Card title="About this key">
        <Facts facts={["Id", "Last used", "Expires", "Owner", "Tags", "Created", "Changed"].map((name) => [name, <span key={name} className="skeleton" />])} />
      </Card>
    </Page>
  );
}

/** Somebody else was quicker. What they saved is not overwritten; a person has to look at it. */
function explainConflict(error: unknown): never {
  if (error instanceof ApiError && error.status === 412) throw new Error("Somebody changed this key meanwhile. Close this, reload the page, and look at what is there now.");
  throw error;
}

type Asked = "edit" | "rotate" | "revoke" | "restore" | "off";

function Actions() {
  const { key, mayWrite, patch } = useKeyPage();
  const { may } = useSession();
  const toasts = useToasts();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);

  if (key.status === "revoked") {
    if (!may("keys:write")) return null;
    return (
      <>
        <Button look="primary" disabled={key.revoked_reason === "leaked"} title={key.revoked_reason === "leaked" ? "It leaked: it cannot come back" : undefined} onClick={() => setAsked("restore")}>
          Restore
        </Button>
        {asked === "restore" && <RestoreKey onClose={close} />}
      </>
    );
  }
  if (!mayWrite) return null;
  const turnOn = () => patch({ enabled: true }, "accepted").catch(toasts.fault);
  return (
    <>
      <label className="row small">
        <Switch label={key.enabled ? "Turn off" : "Turn on"} checked={key.enabled} onChange={(on) => (on ? void turnOn() : setAsked("off"))} />
        {key.enabled ? "On" : "Off"}
      </label>
      <Button icon="edit" onClick={() => setAsked("edit")}>
        Edit
      </Button>
      <Button icon="refresh" onClick={() => setAsked("rotate")}>
        Rotate
      </Button>
      <Menu label="More actions" buttonClass="button button-secondary button-icon" items={[{ label: "Revoke…", icon: "trash", danger: true, onSelect: () => setAsked("revoke") }]} />
      {asked === "edit" && <EditKey onClose={close} />}
      {asked === "rotate" && <RotateKey onClose={close} />}
      {asked === "revoke" && <RevokeKey onClose={close} />}
      {asked === "off" && <TurnOff onClose={close} />}
    </>
  );
}
