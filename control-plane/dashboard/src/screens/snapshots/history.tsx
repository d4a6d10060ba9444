import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { pageOf } from "../../lib/keyspaces";
import { size } from "../../lib/snapshots";
import { Ago, counted } from "../../lib/time";
import type { PublishedHead } from "../../lib/types";
import { Badge, type Tone } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Card } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";

const ROWS = 25;

const KINDS: Record<PublishedHead["kind"], { tone: Tone; words: string }> = {
  base: { tone: "accent", words: "New base" },
  segment: { tone: "info", words: "Keys" },
  settings: { tone: "plain", words: "Settings" },
  signature: { tone: "plain", words: "Signature" },
};

const COLUMNS: Column<PublishedHead>[] = [
  {
    title: "What it brought",
    cell: ({ kind, overridden }) => (
      <span className="row">
        <Badge tone={KINDS[kind].tone}>{KINDS[kind].words}</Badge>
        {overridden && <Badge tone="warn">held until somebody consented</Badge>}
      </span>
    ),
  },
  { title: "Snapshot", cell: (head) => <Numbers head={head} /> },
  { title: "Last change", cell: ({ change_seq: seq }) => seq.toLocaleString("en") },
  { title: "Keys in the base", cell: ({ rows }) => rows.toLocaleString("en") },
  { title: "Size", cell: ({ bytes, segments }) => <span title={`The base and ${counted(segments, "segment")}`}>{size(bytes)}</span> },
  {
    title: "Signed by",
    cell: ({ signers }) => (
      <span className="tag-list">
        {signers.map((signer) => (
          <code key={signer} title={signer}>
            {signer.slice(0, 8)}
          </code>
        ))}
      </span>
    ),
  },
  { title: "When", end: true, cell: ({ created_at: at }) => <Ago at={at} /> },
];

/** What was published, newest first. Snapshots that only said the same anew are not rows of their own. */
export function History({ keyspaceId }: { keyspaceId: string }) {
  const heads = usePages(`snapshots of ${keyspaceId}`, (cursor) =>
    take(api.GET("/v1/keyspaces/{keyspace_id}/snapshots", { params: { path: { keyspace_id: keyspaceId }, query: pageOf(cursor, ROWS) } })),
  );
  return (
    <Card
      title="History"
      intro="Every snapshot that brought something, the newest 2,000 of them."
      actions={
        <Button small icon="refresh" busy={heads.loading && heads.rows !== undefined} onClick={() => void heads.reload()}>
          Refresh
        </Button>
      }
    >
      {heads.error !== undefined && <LoadFault error={heads.error} retry={() => void heads.reload()} />}
      {heads.rows?.length === 0 ? (
        <p className="soft small">None was noted yet.</p>
      ) : (
        <Table caption="Published snapshots" columns={COLUMNS} rows={heads.rows} rowId={({ epoch, seq }) => `${epoch} ${seq}`} expected={4} />
      )}
      <Pager number={heads.number} previous={heads.previous} next={heads.next} />
    </Card>
  );
}

function Numbers({ head: { epoch, seq, last_seq: last, last_signed_at: at } }: { head: PublishedHead }) {
  const isAlone = last === seq;
  return (
    <span className="nowrap" title={`Epoch ${epoch}${isAlone ? "" : `, signed anew until ${new Date(at).toLocaleString("en")}`}`}>
      {seq.toLocaleString("en")}
      {!isAlone && <span className="soft"> – {last.toLocaleString("en")}</span>}
    </span>
  );
}
