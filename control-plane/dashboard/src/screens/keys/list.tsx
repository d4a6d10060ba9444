import { useEffect, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { useDebounced } from "../../lib/debounced";
import { pageOf, useKeyspace } from "../../lib/keyspaces";
import { Ago, At, Day } from "../../lib/time";
import type { Environment, Key } from "../../lib/types";
import { Badges } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { Page } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { CreateKey } from "./create";
import { Filters, filterNames, hasFilters } from "./filters";
import { KeyTools } from "./tools";
import { useQuota } from "./quota";
import { EnvironmentBadge, Expiry, StatusBadge } from "./status";
import "./list.css";

const ROWS = 20;

/** When any of a key's tokens was last let through. */
export function lastUsed(key: Key): string | undefined {
  return key.secrets
    .map(({ last_used_at: at }) => at)
    .filter((at) => at != null)
    .sort()
    .at(-1);
}

function columnsOf(keyspaceId: string): Column<Key>[] {
  return [
    {
      title: "Key",
      cell: (key) => (
        <span className="key-name">
          <Link href={`/keyspaces/${keyspaceId}/keys/${key.id}`} className="row-link">
            {key.name}
          </Link>
          <code className="soft">{key.secrets.at(-1)?.start}…</code>
        </span>
      ),
    },
    { title: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
    { title: "Environment", cell: ({ environment }) => <EnvironmentBadge environment={environment} /> },
    { title: "Owner", cell: ({ owner, tags }) => (owner || tags.length > 0 ? <span className="row">{owner} <Badges values={tags} /></span> : <span className="soft">–</span>) },
    { title: "Last used", cell: (key) => <LastUsed at={lastUsed(key)} /> },
    { title: "Expires", cell: (key) => <Expiry of={key} /> },
    { title: "Created", cell: ({ created_at: at }) => <Day at={at} /> },
  ];
}

function LastUsed({ at }: { at: string | undefined }) {
  return at ? <Ago at={at} /> : <span className="soft">never</span>;
}

export function Keys({ keyspaceId }: { keyspaceId: string }) {
  const [params] = useSearchParams();
  const keyspace = useKeyspace(keyspaceId);
  const { may } = useSession();
  const [creating, setCreating] = useState(params.has("create"));
  const wanted = useDebounced(params.toString());
  const keys = usePages(`keys ${keyspaceId} ${wanted}`, (cursor) => fetchKeys(keyspaceId, new URLSearchParams(wanted), cursor));
  const quota = useQuota(keyspace.data, keys.data);
  const empty = keys.rows?.length === 0;
  const unfiltered = empty && !hasFilters(new URLSearchParams(wanted)) && keys.number === 1;
  const everHadOne = useResource(unfiltered ? `any key of ${keyspaceId}` : undefined, () => fetchKeys(keyspaceId, new URLSearchParams("status=all"), undefined));
  const untouched = unfiltered && everHadOne.data?.data.length === 0;
  useEffect(() => setCreating(false), [keyspaceId]);

  const tools = keyspace.data && <KeyTools keyspace={keyspace.data} onChanged={() => void keys.reload()} />;
  const create = may("keys:write") && (
    <Button look="primary" icon="plus" disabled={quota.reached} aria-describedby={quota.reached ? "quota" : undefined} onClick={() => setCreating(true)}>
      Create key
    </Button>
  );
  return (
    <Page title="Keys" intro={keyspace.data && <>Who may call {keyspace.data.name}, and what each may do.</>} actions={<>{tools}{!untouched && create}</>}>
      {keyspace.data?.killed && (
        <Callout tone="danger">
          <span>
            Every key is shut out since <At at={keyspace.data.killed.at} />: {keyspace.data.killed.reason}. The <Link href={`/keyspaces/${keyspaceId}/settings`}>settings</Link> let keys in again.
          </span>
        </Callout>
      )}
      {quota.reached && (
        <Callout tone="warn">
          <span id="quota">
            This keyspace has {quota.limit} keys that are not revoked, which is its quota. Revoke one, or raise the quota in the <Link href={`/keyspaces/${keyspaceId}/settings`}>settings</Link>.
          </span>
        </Callout>
      )}
      {keys.error !== undefined && <LoadFault error={keys.error} retry={() => void keys.reload()} />}
      {untouched ? (
        <EmptyState icon="key" title="Create the first key" action={create}>
          A key names a caller of the API: a service, a customer, a colleague. Its secret is shown once; gates know it a moment later.
        </EmptyState>
      ) : (
        <>
          <Filters />
          {empty ? (
            <EmptyState icon="search" title={unfiltered ? "Every key here is revoked" : "No key matches"}>
              {!unfiltered && "Try fewer filters. "}
              Revoked keys show when the status is set to Revoked or All.
            </EmptyState>
          ) : (
            <Table caption="Keys" columns={columnsOf(keyspaceId)} rows={keys.rows} rowId={({ id }) => id} expected={8} />
          )}
          <Pager number={keys.number} previous={keys.previous} next={keys.next} />
        </>
      )}
      {creating && keyspace.data && <CreateKey keyspace={keyspace.data} onClose={() => setCreating(false)} onCreated={() => void keys.reload()} />}
    </Page>
  );
}

function fetchKeys(keyspaceId: string, filters: URLSearchParams, cursor: string | undefined) {
  const chosen = Object.fromEntries(filterNames.flatMap((name) => (filters.get(name) ? [[name, filters.get(name)]] : [])));
  const query = { ...pageOf(cursor, ROWS), ...(chosen as { status?: "all"; environment?: Environment; owner?: string; tag?: string; search?: string }) };
  return take(api.GET("/v1/keyspaces/{keyspace_id}/keys", { params: { path: { keyspace_id: keyspaceId }, query } }));
}
