import { useState } from "react";
import { useSearchParams } from "wouter";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { useDebounced } from "../../lib/debounced";
import { pageOf } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
import type { RequestRow } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { SelectField, TextField } from "../../ui/field";
import { Card } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { RequestDetails } from "./details";

const ROWS = 25;
const FILTERS = ["code", "status", "key", "since", "until"] as const;
type Filter = (typeof FILTERS)[number];

/** Each request that a gate decided, newest first. The filters stand in the address. */
export function RequestLog({ keyspaceId, codes }: { keyspaceId: string; codes: string[] }) {
  const [params, setParams] = useSearchParams();
  const [shown, setShown] = useState<RequestRow>();
  const wanted = useDebounced(params.toString());
  const requests = usePages(`requests ${keyspaceId} ${wanted}`, (cursor) => fetchRequests(keyspaceId, new URLSearchParams(wanted), cursor));
  const isFiltered = FILTERS.some((name) => params.get(name));
  const isEmpty = requests.rows?.length === 0;
  const value = (name: Filter) => params.get(name) ?? "";
  const set = (name: Filter) => (text: string) => {
    const changed = new URLSearchParams(params);
    if (text) changed.set(name, text);
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  const offered = [...new Set([...codes, ...(value("code") ? [value("code")] : [])])].sort();
  return (
    <Card
      title="Request log"
      intro="Kept for as long as the keyspace's settings say."
      actions={
        <>
          {isFiltered && (
            <Button small look="quiet" icon="close" onClick={() => setParams(new URLSearchParams(), { replace: true })}>
              Clear filters
            </Button>
          )}
          <Button small icon="refresh" busy={requests.loading && requests.rows !== undefined} onClick={() => void requests.reload()}>
            Refresh
          </Button>
        </>
      }
    >
      <search className="log-filters">
        <SelectField label="Decision" value={value("code")} onChange={set("code")}>
          <option value="">Any</option>
          {offered.map((code) => (
            <option key={code}>{code}</option>
          ))}
        </SelectField>
        <TextField label="Answer" inputMode="numeric" placeholder="200" maxLength={3} value={value("status")} onChange={set("status")} />
        <TextField label="Key" mono placeholder="key_…" value={value("key")} onChange={set("key")} />
        <TextField label="From" type="datetime-local" value={localOf(value("since"))} onChange={(text) => set("since")(instantOf(text))} />
        <TextField label="Until" type="datetime-local" value={localOf(value("until"))} onChange={(text) => set("until")(instantOf(text))} />
      </search>
      {requests.error !== undefined && <LoadFault error={requests.error} retry={() => void requests.reload()} />}
      {isEmpty ? (
        <EmptyState icon={isFiltered ? "search" : "list"} title={isFiltered ? "No request matches" : "No request yet"}>
          {isFiltered ? "Try fewer filters." : "Gates report each request that they decide, let through or refused, as soon as their usage key is set."}
        </EmptyState>
      ) : (
        <Table caption="Requests" columns={columnsOf(setShown)} rows={requests.rows} rowId={({ at, gate, request_id, path, secret_id }) => `${at} ${gate} ${request_id} ${path} ${secret_id}`} expected={8} />
      )}
      <Pager number={requests.number} previous={requests.previous} next={requests.next} />
      {shown && <RequestDetails keyspaceId={keyspaceId} request={shown} onClose={() => setShown(undefined)} />}
    </Card>
  );
}

function columnsOf(show: (request: RequestRow) => void): Column<RequestRow>[] {
  return [
    {
      title: "Request",
      cell: (request) => (
        <button type="button" className="link-button" onClick={() => show(request)}>
          <code>{`${request.method} ${request.path}`}</code>
        </button>
      ),
    },
    { title: "Decision", cell: ({ code }) => <Badge tone={code === "VALID" ? "good" : "danger"}>{code}</Badge> },
    { title: "Answer", cell: ({ status }) => status ?? <span className="soft">–</span> },
    { title: "From", cell: ({ address }) => (address ? <code>{address}</code> : <span className="soft">–</span>) },
    { title: "When", end: true, cell: ({ at }) => <Ago at={at} /> },
  ];
}

function fetchRequests(keyspaceId: string, filters: URLSearchParams, cursor: string | undefined) {
  const chosen = Object.fromEntries(FILTERS.flatMap((name) => (filters.get(name) ? [[name, filters.get(name)?.trim()]] : [])));
  return take(api.GET("/v1/keyspaces/{keyspace_id}/requests", { params: { path: { keyspace_id: keyspaceId }, query: { ...pageOf(cursor, ROWS), ...chosen } } }));
}

/** The API's times have a zone, those of the browser's own control are where the person is. */
function instantOf(local: string): string {
  return local ? new Date(local).toISOString() : "";
}

function localOf(instant: string): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
