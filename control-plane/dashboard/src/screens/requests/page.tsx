import { useState } from "react";
import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { meaningOf } from "../../lib/codes";
import { useKeyspace } from "../../lib/keyspaces";
import { barLabel, barsOf, byCode, HOUR_MS, RANGES, type Range } from "../../lib/usage";
import { Badge } from "../../ui/badge";
import { LoadFault } from "../../ui/callout";
import { RequestChart } from "../../ui/chart";
import { Card, Page } from "../../ui/page";
import { RangeSelect } from "../../ui/range";
import { type Column, Table } from "../../ui/table";
import { RequestLog } from "./log";
import "./page.css";

const REFRESH_MS = 5_000;

/** What the gates of a keyspace decided: how much, how it ended, and each request. */
export function Requests({ keyspaceId }: { keyspaceId: string }) {
  const keyspace = useKeyspace(keyspaceId);
  const [range, setRange] = useState(RANGES[0] as Range);
  const usage = useResource(
    `usage of keyspace ${keyspaceId} ${range.hours}`,
    () => {
      const from = new Date(Date.now() - (range.hours - 1) * HOUR_MS).toISOString();
      return take(api.GET("/v1/keyspaces/{keyspace_id}/usage", { params: { path: { keyspace_id: keyspaceId }, query: { from } } }));
    },
    REFRESH_MS,
  );
  const hours = usage.data?.hours ?? [];
  const codes = byCode(hours);
  return (
    <Page title="Requests" intro={keyspace.data && <>What the gates of {keyspace.data.name} decided, as they have reported it, a second or so behind.</>}>
      <Card title="Usage" actions={<RangeSelect value={range} onChange={setRange} />}>
        {usage.error !== undefined && <LoadFault error={usage.error} retry={() => void usage.reload()} />}
        <RequestChart title={`Requests of the last ${range.label}`} bars={barsOf(hours, range, new Date())} labelOf={barLabel(range)} />
        {codes.length > 0 && <ByCode codes={codes} />}
      </Card>
      <RequestLog keyspaceId={keyspaceId} codes={codes.map(([code]) => code).filter((code) => code !== "UNKNOWN")} />
    </Page>
  );
}

/** How requests ended, the most frequent first. A table that also has bars: nobody needs to see them. */
function ByCode({ codes }: { codes: [string, number][] }) {
  const most = Math.max(...codes.map(([, count]) => count));
  const all = codes.reduce((sum, [, count]) => sum + count, 0);
  const columns: Column<[string, number]>[] = [
    {
      title: "Decision",
      cell: ([code]) => (
        <span className="row">
          <Badge tone={code === "VALID" ? "good" : "danger"}>{code}</Badge>
          <span className="soft small">{meaningOf(code)}</span>
        </span>
      ),
    },
    { title: "Share", cell: ([code, count]) => <Share code={code} part={count / most} words={`${((100 * count) / all).toFixed(1)} %`} /> },
    { title: "Requests", end: true, cell: ([, count]) => count.toLocaleString("en") },
  ];
  return <Table caption="Requests by decision" columns={columns} rows={codes} rowId={([code]) => code} />;
}

function Share({ code, part, words }: { code: string; part: number; words: string }) {
  return (
    <span className="share">
      <svg width="100%" height="8" aria-hidden="true">
        <rect className={code === "VALID" ? "chart-good" : "chart-bad"} width={`${Math.max(1, part * 100)}%`} height="8" rx="2" />
      </svg>
      <span className="small nowrap">{words}</span>
    </span>
  );
}
