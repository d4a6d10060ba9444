import { Ago } from "../../lib/time";
import type { Propagation } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";

type Sink = Propagation["sinks"][number];

const COLUMNS: Column<Sink>[] = [
  { title: "Sink", cell: ({ name, type }) => <code>{`${name} (${type})`}</code> },
  { title: "State", cell: (sink) => <SinkState sink={sink} /> },
  { title: "Snapshot", cell: ({ applied_seq: seq }) => seq ?? <span className="soft">none</span> },
  { title: "Written", cell: ({ written_at: at }) => (at ? <Ago at={at} /> : <span className="soft">never</span>) },
];

/** Places besides the gates that snapshots are written to. They are set by the API and the command line. */
export function Sinks({ sinks }: { sinks: Sink[] }) {
  if (sinks.length === 0) return null;
  return (
    <Card title="Sinks" intro="Where snapshots are written to besides, for gates that read them from there.">
      <Table caption="Sinks" columns={COLUMNS} rows={sinks} rowId={({ name }) => name} />
    </Card>
  );
}

function SinkState({ sink: { last_error: error, lag_ms: lag } }: { sink: Sink }) {
  if (error && lag > 0) {
    return (
      <span>
        <Badge tone="danger" dot>
          behind
        </Badge>
        <br />
        <span className="soft small">{error.message}</span>
      </span>
    );
  }
  return (
    <Badge tone={lag === 0 ? "good" : "info"} dot>
      {lag === 0 ? "up to date" : "on its way"}
    </Badge>
  );
}
