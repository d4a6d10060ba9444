import type { RouteAccess } from "../../../lib/types";
import { Badge } from "../../../ui/badge";
import { type Column, Table } from "../../../ui/table";

const COLUMNS: Column<RouteAccess>[] = [
  {
    title: "Route",
    cell: ({ method, path }) => (
      <code>
        {method === "*" ? "ANY" : method} {path}
      </code>
    ),
  },
  { title: "Asks for", cell: ({ permission }) => (permission ? <code>{permission}</code> : <span className="soft">any good key</span>) },
  { title: "Granted by", cell: ({ granted_by: by }) => (by.length > 0 ? <code>{by.join(", ")}</code> : "") },
  { title: "Result", end: true, cell: ({ allowed }) => <Badge tone={allowed ? "good" : "plain"}>{allowed ? "may pass" : "refused"}</Badge> },
];

/** Every route of the policy, and whether permissions open it. */
export function RouteAccessTable({ caption, routes }: { caption: string; routes: RouteAccess[] | undefined }) {
  if (routes?.length === 0) return <p className="soft small">The keyspace has no routes yet, so there is nothing that a permission could open.</p>;
  return <Table caption={caption} columns={COLUMNS} rows={routes} rowId={({ method, path }) => `${method} ${path}`} expected={2} />;
}
