import { useState } from "react";
import type { Keyspace } from "../../lib/keyspaces";
import { Ago, ago } from "../../lib/time";
import type { Propagation, Sink } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/confirm";
import { Menu } from "../../ui/menu";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { EditSink, patchSinks } from "./edit-sink";
import { placeOf } from "./sink-fields";
import "./sinks.css";

type Progress = Propagation["sinks"][number];
type Asked = { what: "add" } | { what: "edit" | "remove"; sink: Sink };
interface Row {
  sink: Sink;
  /** Undefined for a moment after it was added. */
  progress: Progress | undefined;
}

interface SinksProps {
  keyspace: Keyspace;
  progress: Progress[];
  mayWrite: boolean;
  onChanged: (keyspace: Keyspace) => void;
}

/** Places besides the gates that snapshots are written to. */
export function Sinks({ keyspace, progress, mayWrite, onChanged }: SinksProps) {
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const rows = keyspace.sinks.map((sink) => ({ sink, progress: progress.find(({ name }) => name === sink.name) }));
  if (rows.length === 0 && !mayWrite) return null;
  return (
    <Card
      title="Sinks"
      intro="Where else snapshots are written to, for gates that read them there."
      actions={
        mayWrite && (
          <Button small icon="plus" onClick={() => setAsked({ what: "add" })}>
            Add sink
          </Button>
        )
      }
    >
      {rows.length === 0 ? (
        <p className="soft small">None. A gate that is pushed to needs none; Workers KV, a bucket or a folder helps one whose relay cannot be reached.</p>
      ) : (
        <Table caption="Sinks" columns={columnsOf(mayWrite ? setAsked : undefined)} rows={rows} rowId={({ sink }) => sink.name} />
      )}
      {asked?.what === "add" && <EditSink keyspace={keyspace} onClose={close} onSaved={onChanged} />}
      {asked?.what === "edit" && <EditSink keyspace={keyspace} sink={asked.sink} onClose={close} onSaved={onChanged} />}
      {asked?.what === "remove" && <RemoveSink keyspace={keyspace} sink={asked.sink} onClose={close} onSaved={onChanged} />}
    </Card>
  );
}

function columnsOf(ask: ((asked: Asked) => void) | undefined): Column<Row>[] {
  return [
    {
      title: "Sink",
      cell: ({ sink }) => (
        <span className="stack-tight sink">
          <strong>{sink.name}</strong>
          <code className="soft small">{placeOf(sink)}</code>
        </span>
      ),
    },
    { title: "State", cell: ({ progress }) => progress && <SinkState progress={progress} /> },
    { title: "Snapshot", cell: ({ progress }) => progress?.applied_seq?.toLocaleString("en") ?? <span className="soft">none</span> },
    { title: "Written", cell: ({ progress }) => (progress?.written_at ? <Ago at={progress.written_at} /> : <span className="soft">never</span>) },
    {
      title: "Actions",
      untitled: true,
      end: true,
      cell: ({ sink }) =>
        ask && (
          <Menu
            label={`Actions for ${sink.name}`}
            items={[
              { label: "Edit…", icon: "edit", onSelect: () => ask({ what: "edit", sink }) },
              { label: "Remove…", icon: "trash", danger: true, onSelect: () => ask({ what: "remove", sink }) },
            ]}
          />
        ),
    },
  ];
}

function SinkState({ progress: { applied_seq: applied, last_error: error, lag_ms: lag } }: { progress: Progress }) {
  if (lag === 0 && applied != null) {
    return (
      <Badge tone="good" dot>
        up to date
      </Badge>
    );
  }
  const now = new Date();
  const since = ago(new Date(now.getTime() - lag), now);
  return (
    <span className="stack-tight">
      <Badge tone={error ? "danger" : "info"} dot>
        {error ? "behind" : "on its way"}
      </Badge>
      {error && (
        <span className="soft small">
          {applied == null ? "Nothing is there yet" : `Lacks a change made ${since}`}. <code>{error.code}</code>: {error.message}
        </span>
      )}
    </span>
  );
}

function RemoveSink({ keyspace, sink, onClose, onSaved }: { keyspace: Keyspace; sink: Sink; onClose: () => void; onSaved: (keyspace: Keyspace) => void }) {
  const remove = async () => onSaved(await patchSinks(keyspace, keyspace.sinks.filter(({ name }) => name !== sink.name)));
  return (
    <Confirm title={`Remove ${sink.name}?`} action="Remove sink" danger onClose={onClose} onConfirm={remove}>
      <p>It is written to no longer. What it holds stays there, and gates that read it go on until that is too old.</p>
    </Confirm>
  );
}
