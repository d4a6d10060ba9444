import { useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import { usePages } from "../../api/list";
import { useSession } from "../../api/session";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { pageOf, useKeyspace } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
import type { UpstreamCredential } from "../../lib/types";
import { Button, ButtonLink } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Menu } from "../../ui/menu";
import { Page } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";

const ROWS = 20;
type Asked = { kind: "new" } | { kind: "edit" | "delete"; credential: UpstreamCredential };

/** Keys of providers behind the gate: callers never see them. */
export function UpstreamCredentials({ keyspaceId }: { keyspaceId: string }) {
  const keyspace = useKeyspace(keyspaceId);
  const { may } = useSession();
  const [asked, setAsked] = useState<Asked>();
  const credentials = usePages(`upstream ${keyspaceId}`, (cursor) =>
    take(api.GET("/v1/keyspaces/{keyspace_id}/upstream-credentials", { params: { path: { keyspace_id: keyspaceId }, query: pageOf(cursor, ROWS) } })),
  );
  const close = () => setAsked(undefined);
  const saved = () => void credentials.reload();
  const mayWrite = may("policy:write");
  const add = mayWrite && (
    <Button look="primary" icon="plus" onClick={() => setAsked({ kind: "new" })}>
      Add credential
    </Button>
  );
  const columns: Column<UpstreamCredential>[] = [
    { title: "Name", cell: ({ name }) => <strong className="mono">{name}</strong> },
    {
      title: "Goes into",
      cell: ({ header, prefix }) => (
        <code>
          {header}: {prefix}••••
        </code>
      ),
    },
    { title: "Changed", cell: ({ updated_at: at }) => <Ago at={at} /> },
    {
      title: "Actions",
      untitled: true,
      end: true,
      cell: (credential) =>
        mayWrite && (
          <Menu
            label={`Actions for ${credential.name}`}
            items={[
              { label: "Replace value", icon: "edit", onSelect: () => setAsked({ kind: "edit", credential }) },
              { label: "Delete…", icon: "trash", danger: true, onSelect: () => setAsked({ kind: "delete", credential }) },
            ]}
          />
        ),
    },
  ];
  const empty = credentials.rows?.length === 0;
  return (
    <Page title="Upstream credentials" intro="Keys of the services behind the gate. They are sealed for the gate, put into requests there, and never shown again." actions={!empty && add}>
      {keyspace.data && !keyspace.data.gate_encryption_key && (
        <Callout tone="info">
          <span>Gates open credentials with a key of their own. Tell this keyspace its public half first.</span>
          <ButtonLink small href={`/keyspaces/${keyspaceId}/settings`}>
            To the settings
          </ButtonLink>
        </Callout>
      )}
      {credentials.error !== undefined && <LoadFault error={credentials.error} retry={saved} />}
      {empty ? (
        <EmptyState icon="vault" title="No upstream credential" action={add}>
          Add the API key of a provider, such as one for each network, and name it in a route: callers then use your keys, and never see the provider's.
        </EmptyState>
      ) : (
        <Table caption="Upstream credentials" columns={columns} rows={credentials.rows} rowId={({ id }) => id} />
      )}
      <Pager number={credentials.number} previous={credentials.previous} next={credentials.next} />
      {asked?.kind === "new" && <AddCredential keyspaceId={keyspaceId} onClose={close} onSaved={saved} />}
      {asked?.kind === "edit" && <ReplaceValue keyspaceId={keyspaceId} credential={asked.credential} onClose={close} onSaved={saved} />}
      {asked?.kind === "delete" && <DeleteCredential keyspaceId={keyspaceId} credential={asked.credential} onClose={close} onSaved={saved} />}
    </Page>
  );
}

interface DialogProps {
  keyspaceId: string;
  onClose: () => void;
  onSaved: () => void;
}

function AddCredential({ keyspaceId, onClose, onSaved }: DialogProps) {
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [header, setHeader] = useState("authorization");
  const [prefix, setPrefix] = useState("Bearer ");
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const toasts = useToasts();
  const add = () =>
    form.send(async () => {
      const body = { name: name.trim(), value, header: header.trim().toLowerCase(), prefix };
      const params = { path: { keyspace_id: keyspaceId }, header: { "idempotency-key": idempotencyKey(body) } };
      await take(api.POST("/v1/keyspaces/{keyspace_id}/upstream-credentials", { params, body }));
      onSaved();
      onClose();
      toasts.say(`${body.name} is sealed. Name it in a route to use it.`);
    });
  return (
    <Dialog title="Add upstream credential" onClose={onClose} onSubmit={() => void add()} footer={<DialogButtons action="Add credential" busy={form.busy} onClose={onClose} />}>
      <TextField label="Name" mono spellCheck={false} value={name} onChange={setName} placeholder="blockfrost-mainnet" hint="Routes refer to it by this name, which stays." error={form.at("name")} autoFocus />
      <TextField label="Value" type="password" mono autoComplete="off" value={value} onChange={setValue} hint="Sealed at once. Nobody can read it here again." error={form.at("value")} />
      <div className="columns">
        <TextField
          label="Header"
          mono
          spellCheck={false}
          value={header}
          onChange={(changed) => {
            setHeader(changed);
            if (changed !== "authorization" && prefix === "Bearer ") setPrefix("");
          }}
          error={form.at("header")}
        />
        <TextField label="Before the value" aside="optional" mono spellCheck={false} value={prefix} onChange={setPrefix} error={form.at("prefix")} />
      </div>
      <FormFault form={form} known={["name", "value", "header", "prefix"]} />
    </Dialog>
  );
}

function ReplaceValue({ keyspaceId, credential, onClose, onSaved }: DialogProps & { credential: UpstreamCredential }) {
  const [value, setValue] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const replace = () =>
    form.send(async () => {
      const path = { keyspace_id: keyspaceId, upstream_credential_id: credential.id };
      await take(api.PATCH("/v1/keyspaces/{keyspace_id}/upstream-credentials/{upstream_credential_id}", { params: { path }, body: { value }, headers: MERGE_PATCH }));
      onSaved();
      onClose();
      toasts.say(`${credential.name} has its new value.`);
    });
  return (
    <Dialog
      title={`Replace the value of ${credential.name}`}
      intro="Gates use the new one within seconds."
      onClose={onClose}
      onSubmit={() => void replace()}
      footer={<DialogButtons action="Replace value" busy={form.busy} onClose={onClose} />}
    >
      <TextField label="New value" type="password" mono autoComplete="off" value={value} onChange={setValue} error={form.at("value")} autoFocus />
      <FormFault form={form} known={["value"]} />
    </Dialog>
  );
}

function DeleteCredential({ keyspaceId, credential, onClose, onSaved }: DialogProps & { credential: UpstreamCredential }) {
  const remove = async () => {
    const path = { keyspace_id: keyspaceId, upstream_credential_id: credential.id };
    await take(api.DELETE("/v1/keyspaces/{keyspace_id}/upstream-credentials/{upstream_credential_id}", { params: { path } }));
    onSaved();
  };
  return (
    <Confirm title={`Delete ${credential.name}?`} action="Delete credential" danger onClose={onClose} onConfirm={remove}>
      <p>Routes that name it can no longer reach the upstream: their requests are refused.</p>
    </Confirm>
  );
}
