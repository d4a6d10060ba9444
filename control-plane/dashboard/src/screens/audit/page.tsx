import { useState } from "react";
import { useSearchParams } from "wouter";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import type { components } from "../../api/schema";
import { useSession } from "../../api/session";
import { useDebounced } from "../../lib/debounced";
import { pageOf, useKeyspaces } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
import { Badge } from "../../ui/badge";
import { LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { SelectField, TextField } from "../../ui/field";
import { Page } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { AuditDetails } from "./details";
import { Verification } from "./verification";
import "../requests/page.css";

export type AuditRow = components["schemas"]["AuditEntryView"];

const ROWS = 25;
const FILTERS = ["keyspace_id", "object", "actor"] as const;
type Filter = (typeof FILTERS)[number];

/** Who did what to which object, newest first. */
export function Audit() {
  const [params, setParams] = useSearchParams();
  const { session, may } = useSession();
  const keyspaces = useKeyspaces();
  const [shown, setShown] = useState<AuditRow>();
  const wanted = useDebounced(params.toString());
  const rows = usePages(`audit ${wanted}`, (cursor) => fetchRows(new URLSearchParams(wanted), cursor));
  const value = (name: Filter) => params.get(name) ?? "";
  const set = (name: Filter) => (text: string) => {
    const changed = new URLSearchParams(params);
    if (text) changed.set(name, text.trim());
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  // The check and the export are about the whole workspace, and so refused to whoever is limited to keyspaces.
  const seesAll = session.keyspaces == null;
  return (
    <Page title="Audit log" intro="Every change, who made it and from where. Each row holds the hash of the one before, so that what is changed or taken out shows.">
      {seesAll && <Verification />}
      <search className="log-filters">
        {may("keyspaces:read") && (
          <SelectField label="Keyspace" value={value("keyspace_id")} onChange={set("keyspace_id")}>
            <option value="">All</option>
            {keyspaces.data?.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </SelectField>
        )}
        <TextField label="Object" mono placeholder="key_…, role_…, ks_…" value={value("object")} onChange={set("object")} />
        <TextField label="By" mono placeholder="adm_… or system" value={value("actor")} onChange={set("actor")} />
      </search>
      {rows.error !== undefined && <LoadFault error={rows.error} retry={() => void rows.reload()} />}
      {rows.rows?.length === 0 ? (
        <EmptyState icon="search" title="No row matches">
          Try fewer filters.
        </EmptyState>
      ) : (
        <Table caption="Audit log" columns={columnsOf(setShown)} rows={rows.rows} rowId={({ seq }) => String(seq)} expected={8} />
      )}
      <Pager number={rows.number} previous={rows.previous} next={rows.next} />
      {shown && <AuditDetails row={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}

function columnsOf(show: (row: AuditRow) => void): Column<AuditRow>[] {
  return [
    {
      title: "What",
      cell: (row) => (
        <button type="button" className="link-button" onClick={() => show(row)}>
          <strong>{row.action}</strong>
        </button>
      ),
    },
    { title: "Object", cell: ({ object }) => <code>{object}</code> },
    {
      title: "By",
      cell: ({ actor, session_id }) => (
        <span className="row">
          <code>{actor}</code>
          {session_id && <Badge>browser</Badge>}
        </span>
      ),
    },
    { title: "From", cell: ({ source }) => (source ? <code>{source}</code> : <span className="soft">–</span>) },
    { title: "When", end: true, cell: ({ at }) => <Ago at={at} /> },
  ];
}

function fetchRows(filters: URLSearchParams, cursor: string | undefined) {
  const chosen = Object.fromEntries(FILTERS.flatMap((name) => (filters.get(name) ? [[name, filters.get(name) ?? ""]] : [])));
  return take(api.GET("/v1/audit", { params: { query: { ...pageOf(cursor, ROWS), ...chosen } } }));
}
