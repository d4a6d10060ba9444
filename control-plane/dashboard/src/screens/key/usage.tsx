import { useState } from "react";
import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { useKeyPage } from "../../lib/key";
import { pageOf } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
import type { RequestRow } from "../../lib/types";
import { barLabel, barsOf, byCode, HOUR_MS, RANGES, type Range } from "../../lib/usage";
import { Badge } from "../../ui/badge";
import { LoadFault } from "../../ui/callout";
import { RequestChart } from "../../ui/chart";
import { Card } from "../../ui/page";
import { RangeSelect } from "../../ui/range";
import { type Column, Table } from "../../ui/table";

const REFRESH_MS = 5_000;
const SHOWN_REQUESTS = 20;

export function UsageTab() {
  return (
    <>
      <UsageCard />
      <Requests />
    </>
  );
}

/** How much the key was used, and how that ended. */
export function UsageCard() {
  const { key } = useKeyPage();
  const [range, setRange] = useState(RANGES[0] as Range);
  const usage = useResource(
    `usage ${key.id} ${range.hours}`,
    () => {
      const from = new Date(Date.now() - (range.hours - 1) * HOUR_MS).toISOString();
      return take(api.GET("/v1/keys/{key_id}/usage", { params: { path: { key_id: key.id }, query: { from } } }));
    },
    REFRESH_MS,
  );
  const hours = usage.data?.hours ?? [];
  const codes = byCode(hours);
  return (
    <Card title="Usage" intro="As gates have reported it, a second or so behind." actions={<RangeSelect value={range} onChange={setRange} />}>
      {usage.error !== undefined && <LoadFault error={usage.error} retry={() => void usage.reload()} />}
      <RequestChart title={`Requests of the last ${range.label}`} bars={barsOf(hours, range, new Date())} labelOf={barLabel(range)} />
      {codes.length > 0 && (
        <p className="row">
          {codes.map(([code, count]) => (
            <Badge key={code} tone={code === "VALID" ? "good" : "danger"}>
              {code} {count.toLocaleString("en")}
            </Badge>
          ))}
        </p>
      )}
    </Card>
  );
}

const COLUMNS: Column<RequestRow>[] = [
  { title: "Request", cell: ({ method, path }) => <code>{`${method} ${path}`}</code> },
  { title: "Decision", cell: ({ code }) => <Badge tone={code === "VALID" ? "good" : "danger"}>{code}</Badge> },
  { title: "Answer", cell: ({ status }) => status ?? <span className="soft">–</span> },
  { title: "From", cell: ({ address }) => (address ? <code>{address}</code> : <span className="soft">–</span>) },
  { title: "When", end: true, cell: ({ at }) => <Ago at={at} /> },
];

function Requests() {
  const { key, keyspaceId } = useKeyPage();
  const params = { path: { keyspace_id: keyspaceId }, query: { ...pageOf(undefined, SHOWN_REQUESTS), key: key.id } };
  const requests = useResource(`requests of ${key.id}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/requests", { params })), REFRESH_MS);
  return (
    <Card title="Newest requests">
      {requests.error !== undefined && <LoadFault error={requests.error} retry={() => void requests.reload()} />}
      {requests.data?.data.length === 0 ? (
        <p className="soft small">No gate has reported a request of this key yet.</p>
      ) : (
        <Table caption="Newest requests" columns={COLUMNS} rows={requests.data?.data} rowId={({ gate, seq, at }) => `${gate} ${seq} ${at}`} />
      )}
    </Card>
  );
}
