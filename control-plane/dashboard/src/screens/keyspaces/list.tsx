import { useState } from "react";
import { Link } from "wouter";
import { useSession } from "../../api/session";
import { type Keyspace, useKeyspaces } from "../../lib/keyspaces";
import { counted, Day } from "../../lib/time";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { Page } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { CreateKeyspace } from "./create";

const COLUMNS: Column<Keyspace>[] = [
  {
    title: "Name",
    cell: (keyspace) => (
      <Link href={`/keyspaces/${keyspace.id}/keys`} className="row-link">
        {keyspace.name}
      </Link>
    ),
  },
  { title: "Tokens begin with", cell: ({ prefix }) => <code>{prefix}_</code> },
  { title: "Serves", cell: ({ environment }) => <Badge tone={environment === "live" ? "accent" : "plain"}>{SERVES[environment]}</Badge> },
  { title: "Gates", cell: ({ gates }) => (gates.length === 0 ? <span className="soft">none yet</span> : counted(gates.length, "gate")) },
  { title: "Created", cell: ({ created_at }) => <Day at={created_at} /> },
];

const SERVES = { any: "test and live", test: "test only", live: "live only" } as const;

export function Keyspaces() {
  const keyspaces = useKeyspaces();
  const { may } = useSession();
  const [creating, setCreating] = useState(false);
  const create = may("keyspaces:write") && (
    <Button look="primary" icon="plus" onClick={() => setCreating(true)}>
      Create keyspace
    </Button>
  );
  const empty = keyspaces.data?.length === 0;
  return (
    <Page title="Keyspaces" intro="A keyspace is the set of keys that one API's gates enforce together." actions={!empty && create}>
      {keyspaces.error !== undefined && <LoadFault error={keyspaces.error} retry={() => void keyspaces.reload()} />}
      {empty ? (
        <EmptyState icon="keys" title="Create your first keyspace" action={create}>
          It holds the keys of one API, says which routes ask for which permission, and is what a gate at the edge enforces.
        </EmptyState>
      ) : (
        <Table caption="Keyspaces" columns={COLUMNS} rows={keyspaces.data} rowId={({ id }) => id} />
      )}
      {creating && <CreateKeyspace onClose={() => setCreating(false)} />}
    </Page>
  );
}
