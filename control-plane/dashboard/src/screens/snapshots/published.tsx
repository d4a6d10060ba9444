import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { inKeyspace } from "../../lib/keyspaces";
import { Ago, counted } from "../../lib/time";
import type { Snapshot } from "../../lib/types";
import { LoadFault } from "../../ui/callout";
import { CopyLine } from "../../ui/copy";
import { Card, Facts } from "../../ui/page";
import { type Column, Table } from "../../ui/table";

const REFRESH_MS = 5_000;

type Part = { name: string; bytes: number; upTo: string; hash: string };

const COLUMNS: Column<Part>[] = [
  { title: "Part", cell: ({ name }) => name },
  { title: "Reaches to", cell: ({ upTo }) => upTo },
  { title: "Size", end: true, cell: ({ bytes }) => `${bytes.toLocaleString("en")} bytes` },
  { title: "SHA-256", cell: ({ hash }) => (hash ? <code title={hash}>{hash.slice(0, 16)}…</code> : <span className="soft">by shard</span>) },
];

/** What gates have to trust, and what was last signed for them. */
export function Published({ keyspaceId }: { keyspaceId: string }) {
  const snapshot = useResource(`snapshot ${keyspaceId}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/snapshot", inKeyspace(keyspaceId))), REFRESH_MS);
  if (snapshot.error !== undefined) return <LoadFault error={snapshot.error} retry={() => void snapshot.reload()} />;
  const { data } = snapshot;
  return (
    <>
      <Card title="Published snapshot" intro="Signed anew with every change, and now and then without one, so that a gate that is cut off knows.">
        {data && data.seq > 0 ? (
          <>
            <Facts
              facts={[
                ["Snapshot", `${data.seq}, epoch ${data.epoch}`],
                ["Last change in it", data.change_seq],
                ["Signed", data.issued_at ? <Ago key="issued" at={data.issued_at} /> : "–"],
                ["Gates may use it until", data.valid_until ? <Ago key="valid" at={data.valid_until} /> : "–"],
                ["Keys in the base", data.key_count.toLocaleString("en")],
                ["Signed part", counted(data.head_bytes, "byte")],
              ]}
            />
            <Table caption="Parts of the snapshot, newest first" columns={COLUMNS} rows={partsOf(data)} rowId={({ name, hash }) => name + hash} />
          </>
        ) : (
          <p className="soft small">Nothing was published yet.</p>
        )}
      </Card>
      {data && (
        <Card title="What a gate is configured with" intro="Settings of the Worker. None of them is a secret.">
          <Setting name="LATCHKEY_KEYSPACE" value={data.audience.split("/")[0] ?? ""} />
          <Setting name="LATCHKEY_ENVIRONMENT" value={data.audience.split("/")[1] ?? ""} />
          <Setting name="LATCHKEY_TRUSTED_KEYS" value={data.trusted_keys.join(",")} />
        </Card>
      )}
    </>
  );
}

function Setting({ name, value }: { name: string; value: string }) {
  return (
    <div className="stack-tight">
      <span className="soft small mono">{name}</span>
      <CopyLine text={value} />
    </div>
  );
}

/** The base and what was appended to it since: the newest changes are in the last segment. */
function partsOf({ base, segments }: Snapshot): Part[] {
  const appended = segments.map(({ bytes, hash, last_seq: seq }, at) => ({ name: `Segment ${at + 1}`, bytes, hash, upTo: `change ${seq}` }));
  if (base) appended.unshift({ name: "Base", bytes: base.bytes, hash: "", upTo: `change ${base.seq}` });
  return appended.reverse();
}
