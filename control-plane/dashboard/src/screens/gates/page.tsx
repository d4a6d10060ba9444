import { useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { inKeyspace, type Keyspace, useKeyspace } from "../../lib/keyspaces";
import { usePropagation } from "../../lib/snapshots";
import { Ago, counted } from "../../lib/time";
import type { Propagation } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button, IconButton } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Page } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { Configuration } from "./configuration";
import { SigningKeys } from "./signing-keys";
import { Sinks } from "./sinks";
import { Standstill } from "./standstill";

const REFRESH_MS = 2_000;
/** The fault of a gate that did not answer at all. */
const UNREACHABLE = "UNREACHABLE";
type Gate = Propagation["gates"][number];

/** Where the keyspace is enforced, how far each gate has come, and what was published to them. */
export function Gates({ keyspaceId }: { keyspaceId: string }) {
  const keyspace = useKeyspace(keyspaceId);
  const { may } = useSession();
  const progress = usePropagation(keyspaceId, REFRESH_MS);
  const [asked, setAsked] = useState<"add" | Gate>();
  const mayWrite = may("keyspaces:write");
  const changed = (answer: Keyspace) => {
    keyspace.set(answer);
    void progress.reload();
  };
  const add = mayWrite && keyspace.data && (
    <Button look="primary" icon="plus" onClick={() => setAsked("add")}>
      Add gate
    </Button>
  );
  const empty = progress.data?.gates.length === 0;
  return (
    <Page title="Gates" intro="The Workers that decide about requests. Each change is pushed to them, and they say when they have it." actions={!empty && add}>
      {progress.data && <Standstill keyspaceId={keyspaceId} progress={progress.data} onDone={progress.reload} />}
      {progress.error !== undefined && <LoadFault error={progress.error} retry={() => void progress.reload()} />}
      {empty ? (
        <EmptyState icon="gate" title="No gate yet" action={add}>
          Deploy the Worker in front of your API with the settings below, then add its address here. Until then nothing enforces this keyspace.
        </EmptyState>
      ) : (
        <Table caption="Gates" columns={columnsOf(progress.data, mayWrite ? setAsked : undefined)} rows={progress.data?.gates} rowId={({ url }) => url} expected={1} />
      )}
      {progress.data && keyspace.data && <Sinks keyspace={keyspace.data} progress={progress.data.sinks} mayWrite={mayWrite} onChanged={changed} />}
      <SigningKeys keyspaceId={keyspaceId} mayWrite={mayWrite} />
      {may("snapshots:read") && <Configuration keyspaceId={keyspaceId} />}
      {asked === "add" && keyspace.data && <AddGate keyspace={keyspace.data} onClose={() => setAsked(undefined)} onAdded={changed} />}
      {typeof asked === "object" && keyspace.data && <RemoveGate keyspace={keyspace.data} gate={asked} onClose={() => setAsked(undefined)} onRemoved={changed} />}
    </Page>
  );
}

function columnsOf(progress: Propagation | undefined, remove: ((gate: Gate) => void) | undefined): Column<Gate>[] {
  return [
    { title: "Gate", cell: ({ url }) => <code>{url}</code> },
    { title: "State", cell: (gate) => <GateState gate={gate} progress={progress} /> },
    { title: "Snapshot", cell: ({ applied_seq: seq }) => (seq == null ? <span className="soft">none</span> : <span>{`${seq} of ${progress?.seq}`}</span>) },
    { title: "Last change it has", cell: ({ applied_change_seq: seq }) => (seq == null ? <span className="soft">none</span> : seq) },
    { title: "Confirmed", cell: ({ acked_at: at }) => (at ? <Ago at={at} /> : <span className="soft">never</span>) },
    { title: "Isolates", cell: ({ isolates }) => <Isolates isolates={isolates} /> },
    { title: "Actions", untitled: true, end: true, cell: (gate) => remove && <IconButton icon="trash" label={`Remove ${gate.url}`} small onClick={() => remove(gate)} /> },
  ];
}

function GateState({ gate, progress }: { gate: Gate; progress: Propagation | undefined }) {
  if (gate.refusal) return <Trouble word="refuses it" fault={gate.refusal} />;
  if ((gate.applied_change_seq ?? -1) >= (progress?.change_seq ?? 0)) {
    return (
      <Badge tone="good" dot>
        up to date
      </Badge>
    );
  }
  if (gate.last_error) return <Trouble word={gate.last_error.code === UNREACHABLE ? "unreachable" : "behind"} fault={gate.last_error} />;
  return (
    <Badge tone="info" dot>
      on its way
    </Badge>
  );
}

function Trouble({ word, fault: { code, message } }: { word: string; fault: { code: string; message: string } }) {
  return (
    <span className="stack-tight">
      <Badge tone="danger" dot>
        {word}
      </Badge>
      <span className="soft small">
        {code !== UNREACHABLE && (
          <>
            <code>{code}</code>:{" "}
          </>
        )}
        {message}
      </span>
    </span>
  );
}

/** The places that the gate runs in, as it has told. */
function Isolates({ isolates }: { isolates: Gate["isolates"] }) {
  if (isolates.length === 0) return <span className="soft">–</span>;
  const colos = [...new Set(isolates.map(({ colo }) => colo).filter(Boolean))].join(", ");
  const oldest = Math.min(...isolates.map(({ seq }) => seq));
  const refusing = isolates.filter(({ refused }) => refused).length;
  return (
    <span title={`The one furthest behind has snapshot ${oldest}`}>
      {isolates.length}
      {colos && ` in ${colos}`}
      {refusing > 0 && <span className="soft small"> ({refusing} refuse it)</span>}
    </span>
  );
}

function patchGates(keyspace: Keyspace, gates: { url: string }[]): Promise<Keyspace> {
  return take(api.PATCH("/v1/keyspaces/{keyspace_id}", { ...inKeyspace(keyspace.id), body: { gates }, headers: MERGE_PATCH }));
}

function AddGate({ keyspace, onClose, onAdded }: { keyspace: Keyspace; onClose: () => void; onAdded: (keyspace: Keyspace) => void }) {
  const [url, setUrl] = useState("");
  const form = useForm();
  const add = () =>
    form.send(async () => {
      onAdded(await patchGates(keyspace, [...keyspace.gates, { url: url.trim() }]));
      onClose();
    });
  return (
    <Dialog title="Add gate" onClose={onClose} onSubmit={() => void add()} footer={<DialogButtons action="Add gate" busy={form.busy} onClose={onClose} />}>
      <TextField label="Address" type="url" value={url} onChange={setUrl} placeholder="https://api.example.com" hint="Where the Worker is reachable. Snapshots are pushed to it; the signature on them is what it trusts." error={form.at("gates")} autoFocus />
      <FormFault form={form} known={["gates"]} />
    </Dialog>
  );
}

function RemoveGate({ keyspace, gate, onClose, onRemoved }: { keyspace: Keyspace; gate: Gate; onClose: () => void; onRemoved: (keyspace: Keyspace) => void }) {
  const remove = async () => onRemoved(await patchGates(keyspace, keyspace.gates.filter(({ url }) => url !== gate.url)));
  return (
    <Confirm title="Remove this gate?" action="Remove gate" danger onClose={onClose} onConfirm={remove}>
      <p>
        <code>{gate.url}</code> gets no more changes: it goes on with the last snapshot that it has, and refuses everything {counted(Math.round(keyspace.freshness.valid_seconds / 3_600), "hour")} after that unless it is set to allow.
      </p>
    </Confirm>
  );
}
