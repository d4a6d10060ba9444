import { type DragEvent, useEffect, useRef, useState } from "react";
import { counted } from "../lib/time";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Callout } from "../ui/callout";
import { SelectField, TextArea } from "../ui/field";
import { Card, Facts } from "../ui/page";
import { hasControlPlane, type Keyspace, keyspaces, snapshotOf } from "./control-plane";
import { type Head, now, verify, type Verified } from "./snapshot";
import { Moment } from "./moment";

interface SnapshotCardProps {
  snapshot: Verified | undefined;
  onChange: (snapshot: Verified | undefined) => void;
}

/** Where a snapshot comes from, and whether it is what somebody trusted signed. */
export function SnapshotCard({ snapshot, onChange }: SnapshotCardProps) {
  const [trusted, setTrusted] = useState("");
  const [file, setFile] = useState<{ name: string; bundles: Uint8Array[] }>();
  const [fault, setFault] = useState<string>();
  // Not the one that is shown: whoever waited for a load still sees that of before, and would free it a second time.
  const held = useRef<Verified>(undefined);
  const begin = useNewest();

  const use = (bundles: Uint8Array[], keys: string[]) => {
    held.current?.validator.free();
    held.current = undefined;
    try {
      held.current = verify(bundles, keys);
      setFault(undefined);
    } catch (error) {
      setFault((error as Error).message);
    }
    onChange(held.current);
  };
  const take = async (taken: File[]) => {
    const isNewest = begin();
    const bundles = await Promise.all(taken.map(async (one) => new Uint8Array(await one.arrayBuffer())));
    if (!isNewest()) return;
    const [{ name } = { name: "" }, ...others] = taken;
    setFile({ name: others.length === 0 ? name : `${name} and ${counted(others.length, "other")}`, bundles });
    use(bundles, linesOf(trusted));
  };
  return (
    <Card title="The snapshot" intro="What gates know of a keyspace. It is verified here, against the keys that you trust to sign it.">
      {hasControlPlane && <FromControlPlane begin={begin} onTake={(bundles, keys) => (setFile(undefined), setTrusted(keys.join("\n")), use(bundles, keys))} onFault={setFault} />}
      <DropZone name={file?.name} onFiles={(taken) => void take(taken)} />
      <TextArea
        label="Trusted keys"
        hint="One a line, as latchkey snapshot get shows them. Take them from somewhere else than the file."
        mono
        rows={3}
        spellCheck={false}
        placeholder="ed25519:…"
        value={trusted}
        onChange={(text) => {
          setTrusted(text);
          if (file) use(file.bundles, linesOf(text));
        }}
      />
      <div aria-live="polite">
        {fault && <Callout tone="danger">{fault}</Callout>}
        {snapshot && <Verdict head={snapshot.head} />}
        {snapshot !== undefined && snapshot.missing > 0 && (
          <Callout tone="warn">
            {counted(snapshot.missing, "part")} of this snapshot {snapshot.missing === 1 ? "is" : "are"} not here, so keys in {snapshot.missing === 1 ? "it" : "them"} cannot be looked up. Choose all files of the
            export together, or load it anew.
          </Callout>
        )}
      </div>
    </Card>
  );
}

function Verdict({ head }: { head: Head }) {
  const isFresh = now() < head.freshUntil;
  return (
    <Facts
      facts={[
        ["Signature", <Badge key="signature" tone="good" dot>verified</Badge>],
        ["For", <code key="audience">{head.audience}</code>],
        ["Number", head.seq.toLocaleString("en")],
        ["Keys in its base", head.keys.toLocaleString("en")],
        ["Issued", <Moment key="issued" at={head.issuedAt} />],
        ["Fresh", isFresh ? <span key="fresh">until <Moment at={head.freshUntil} /></span> : <Badge key="stale" tone="warn" dot>no longer: a gate would have a newer one</Badge>],
        ["Valid until", <Moment key="valid" at={head.validUntil} />],
      ]}
    />
  );
}

function DropZone({ name, onFiles }: { name: string | undefined; onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const files = [...event.dataTransfer.files];
    if (files.length > 0) onFiles(files);
  };
  return (
    <div
      className={`drop ${isOver ? "drop-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <span>{name ? <code>{name}</code> : "Drop a snapshot bundle here, or"}</span>
      <Button small onClick={() => input.current?.click()}>
        {name ? "Choose another file" : "Choose a file"}
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Snapshot bundle"
        onChange={({ target }) => {
          const files = [...(target.files ?? [])];
          if (files.length > 0) onFiles(files);
          target.value = "";
        }}
      />
    </div>
  );
}

interface FromControlPlaneProps {
  begin: () => () => boolean;
  onTake: (bundles: Uint8Array[], trustedKeys: string[]) => void;
  onFault: (fault: string) => void;
}

/** For whoever is signed in: the newest snapshot, without a file. */
function FromControlPlane({ begin, onTake, onFault }: FromControlPlaneProps) {
  const [offered, setOffered] = useState<Keyspace[]>();
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [parts, setParts] = useState(0);
  const load = async (id: string) => {
    const isNewest = begin();
    setBusy(true);
    setParts(0);
    try {
      const { bundles, trustedKeys } = await snapshotOf(id, setParts);
      if (isNewest()) onTake(bundles, trustedKeys);
    } catch (error) {
      if (isNewest()) onFault((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    // The dashboard's way here names a keyspace, whose snapshot is what its reader came for.
    const wanted = location.hash.slice(1);
    const offer = (found: Keyspace[] | undefined) => {
      setOffered(found);
      if (!found?.some(({ id }) => id === wanted)) return;
      setChosen(wanted);
      void load(wanted);
    };
    keyspaces().then(offer, () => setOffered(undefined));
  }, []);
  if (!offered || offered.length === 0) return null;
  return (
    <div className="preview-load">
      <SelectField label="Keyspace" value={chosen || (offered[0]?.id ?? "")} onChange={setChosen}>
        {offered.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </SelectField>
      <Button busy={busy} onClick={() => void load(chosen || (offered[0]?.id ?? ""))}>
        {busy && parts > 1 ? `Loading, ${parts} parts so far` : "Load its newest snapshot"}
      </Button>
    </div>
  );
}

/** Tells a load that has come to its end whether another was begun since: what somebody asked for last is shown, whichever comes last. */
function useNewest(): () => () => boolean {
  const begun = useRef(0);
  return () => {
    const mine = ++begun.current;
    return () => begun.current === mine;
  };
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
