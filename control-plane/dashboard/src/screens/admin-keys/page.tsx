import { useState } from "react";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { useSession } from "../../api/session";
import { pageOf, useKeyspaces } from "../../lib/keyspaces";
import { Ago, Day } from "../../lib/time";
import type { AdminKey } from "../../lib/types";
import { Badge, Badges } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Page } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";
import { CreateAdminKey } from "./create";

const ROWS = 20;

/** Who may use this API and this dashboard. */
export function AdminKeys() {
  const { may, session, signOut } = useSession();
  const toasts = useToasts();
  const keys = usePages("admin keys", (cursor) => take(api.GET("/v1/admin-keys", { params: { query: pageOf(cursor, ROWS) } })));
  const keyspaces = useKeyspaces();
  const [asked, setAsked] = useState<"new" | AdminKey>();
  const mayWrite = may("admin-keys:write");
  const nameOf = (id: string) => keyspaces.data?.find((keyspace) => keyspace.id === id)?.name ?? id;

  const columns: Column<AdminKey>[] = [
    {
      title: "Admin key",
      cell: ({ id, name, start }) => (
        <span className="stack-tight">
          <span>
            <strong>{name}</strong> {id === session.admin_key_id && <Badge tone="info">you</Badge>}
          </span>
          <code className="soft">{start}…</code>
        </span>
      ),
    },
    { title: "Status", cell: (key) => <State of={key} /> },
    { title: "May", cell: ({ scopes }) => (scopes.includes("*") ? "everything" : <Badges values={scopes} />) },
    { title: "In", cell: ({ keyspaces: limited }) => (limited ? limited.map(nameOf).join(", ") : <span className="soft">all keyspaces</span>) },
    { title: "Expires", cell: ({ expires_at: at }) => (at ? <Ago at={at} /> : <span className="soft">never</span>) },
    { title: "Created", cell: ({ created_at: at }) => <Day at={at} /> },
    {
      title: "Actions",
      untitled: true,
      end: true,
      cell: (key) =>
        mayWrite && (
          <Button small onClick={() => setAsked(key)}>
            Revoke…
          </Button>
        ),
    },
  ];
  const revoke = async (key: AdminKey) => {
    await take(api.DELETE("/v1/admin-keys/{admin_key_id}", { params: { path: { admin_key_id: key.id } } }));
    if (key.id === session.admin_key_id) return signOut(false).catch(() => {});
    toasts.say(`${key.name} is revoked. Its sessions have ended.`);
    void keys.reload();
  };
  return (
    <Page
      title="Admin keys"
      intro="They open the control plane's API, the command line and this dashboard. Give each person and each script one of its own, with no more rights than it needs."
      actions={
        mayWrite && (
          <Button look="primary" icon="plus" onClick={() => setAsked("new")}>
            Create admin key
          </Button>
        )
      }
    >
      {keys.error !== undefined && <LoadFault error={keys.error} retry={() => void keys.reload()} />}
      <Table caption="Admin keys" columns={columns} rows={keys.rows} rowId={({ id }) => id} expected={2} />
      <Pager number={keys.number} previous={keys.previous} next={keys.next} />
      {asked === "new" && <CreateAdminKey keyspaces={keyspaces.data ?? []} onClose={() => setAsked(undefined)} onCreated={() => void keys.reload()} />}
      {typeof asked === "object" && (
        <Confirm title={`Revoke ${asked.name}?`} action="Revoke admin key" danger onClose={() => setAsked(undefined)} onConfirm={() => revoke(asked)}>
          <p>Whoever uses it is refused at once, and its browser sessions end. It cannot be restored.</p>
          {asked.id === session.admin_key_id && <Callout tone="danger">This is the admin key that you are signed in with: you will be signed out.</Callout>}
        </Confirm>
      )}
    </Page>
  );
}

/** The list holds none that are revoked. */
function State({ of: { expires_at: expires } }: { of: AdminKey }) {
  if (expires && new Date(expires) < new Date()) return <Badge tone="warn" dot>Expired</Badge>;
  return <Badge tone="good" dot>Active</Badge>;
}
