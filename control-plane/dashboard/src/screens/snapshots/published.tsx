import { size, useSnapshot } from "../../lib/snapshots";
import { Ago } from "../../lib/time";
import type { Snapshot } from "../../lib/types";
import { ButtonAnchor } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Card, Facts } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { Download } from "./download";

const REFRESH_MS = 5_000;

type Part = { name: string; bytes: number; upTo: string; hash: string };

const COLUMNS: Column<Part>[] = [
  { title: "Part", cell: ({ name }) => name },
  { title: "Reaches to", cell: ({ upTo }) => upTo },
  { title: "SHA-256", cell: ({ hash }) => (hash ? <code title={hash}>{hash.slice(0, 16)}…</code> : <span className="soft">by shard</span>) },
  { title: "Size", end: true, cell: ({ bytes }) => <span title={`${bytes.toLocaleString("en")} bytes`}>{size(bytes)}</span> },
];

/** What was last signed for the gates, and the way to take it along. */
export function Published({ keyspaceId }: { keyspaceId: string }) {
  const snapshot = useSnapshot(keyspaceId, REFRESH_MS);
  const { data } = snapshot;
  const isThere = data !== undefined && data.seq > 0;
  return (
    <Card
      title="What gates have now"
      intro="Signed anew with every change, and now and then without one, so that a gate that is cut off knows."
      actions={
        isThere && (
          <>
            <Download keyspaceId={keyspaceId} />
            <ButtonAnchor icon="search" href={`${import.meta.env.BASE_URL}preview/#${keyspaceId}`}>
              Open in the key preview
            </ButtonAnchor>
          </>
        )
      }
    >
      {snapshot.error !== undefined && <LoadFault error={snapshot.error} retry={() => void snapshot.reload()} />}
      {data && !isThere ? <p className="soft small">Nothing was published yet.</p> : <Parts snapshot={data} />}
    </Card>
  );
}

/** Also before it is there: as tall as what comes. */
function Parts({ snapshot }: { snapshot: Snapshot | undefined }) {
  const waiting = <span className="skeleton" />;
  return (
    <>
      <Facts
        facts={[
          ["Snapshot", snapshot ? `${snapshot.seq.toLocaleString("en")}, epoch ${snapshot.epoch}` : waiting],
          ["Last change in it", snapshot ? snapshot.change_seq.toLocaleString("en") : waiting],
          ["Signed", snapshot?.issued_at ? <Ago key="issued" at={snapshot.issued_at} /> : waiting],
          ["Gates may use it until", snapshot?.valid_until ? <Ago key="valid" at={snapshot.valid_until} /> : waiting],
          ["Keys in the base", snapshot ? snapshot.key_count.toLocaleString("en") : waiting],
          ["Signed part", snapshot ? size(snapshot.head_bytes) : waiting],
        ]}
      />
      <Table caption="Parts of the snapshot, newest first" columns={COLUMNS} rows={snapshot && partsOf(snapshot)} rowId={({ name, hash }) => name + hash} expected={1} />
    </>
  );
}

/** The base and what was appended to it since: the newest changes are in the last segment. */
function partsOf({ base, segments }: Snapshot): Part[] {
  const appended = segments.map(({ bytes, hash, last_seq: seq }, at) => ({ name: `Segment ${at + 1}`, bytes, hash, upTo: `change ${seq.toLocaleString("en")}` }));
  if (base) appended.unshift({ name: "Base", bytes: base.bytes, hash: "", upTo: `change ${base.seq.toLocaleString("en")}` });
  return appended.reverse();
}
