import { useState } from "react";
import { api, take } from "../../api/client";
import type { components } from "../../api/schema";
import { useForm } from "../../lib/form";
import { inKeyspace, type Keyspace } from "../../lib/keyspaces";
import { counted } from "../../lib/time";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog } from "../../ui/dialog";
import { TextArea } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Facts } from "../../ui/page";
import { Table } from "../../ui/table";

type Line = components["schemas"]["ImportedLineView"];
type Done = components["schemas"]["ImportDoneView"];

interface Report {
  done: Done | undefined;
  wrong: Line[];
}

const SHOWN_FAULTS = 20;
const EXAMPLE = '{"digest": "<SHA-256 of the token, hex or base64>", "external_id": "42", "name": "Partner", "owner": "acme"}';

interface Props {
  keyspace: Keyspace;
  onClose: () => void;
  onImported: () => void;
}

/** Keys of another system, by the hashes of their tokens: nobody has to know or replace them. */
export function ImportKeys({ keyspace, onClose, onImported }: Props) {
  const [text, setText] = useState("");
  const [report, setReport] = useState<Report>();
  const form = useForm();

  const send = () =>
    form.send(async () => {
      const answer = await take(
        api.POST("/v1/keyspaces/{keyspace_id}/keys:import", {
          ...inKeyspace(keyspace.id),
          // The document describes one line; what is sent is a stream of them.
          body: text as never,
          bodySerializer: (lines: unknown) => String(lines),
          headers: { "content-type": "application/x-ndjson" },
          parseAs: "text",
        }),
      );
      setReport(readReport(answer));
      onImported();
    });
  const footer = (
    <>
      <Button onClick={onClose}>{report ? "Done" : "Cancel"}</Button>
      <Button type="submit" look="primary" busy={form.busy} disabled={!text.trim()}>
        {report ? "Import again" : "Import"}
      </Button>
    </>
  );
  return (
    <Dialog wide title={`Import keys into ${keyspace.name}`} intro="By the hashes of their tokens. Sent again, the same lines change nothing." onClose={onClose} onSubmit={() => void send()} footer={footer}>
      {!keyspace.foreign_tokens && <Callout tone="warn">This keyspace does not accept tokens that Latchkey did not make: its settings turn that on.</Callout>}
      <TextArea label="Lines" mono rows={8} spellCheck={false} value={text} onChange={setText} placeholder={EXAMPLE} hint={
          <>
            One JSON object a line. Many thousands are better sent by the command line: <code>latchkey keys import</code>.
          </>
        } />
      <label className="row small">
        Or a file:
        <input type="file" accept=".ndjson,.jsonl,.json,.txt" onChange={(event) => void event.target.files?.[0]?.text().then(setText)} />
      </label>
      {report && <Outcome report={report} />}
      <FormFault form={form} known={[]} />
    </Dialog>
  );
}

function readReport(answer: string): Report {
  const lines = answer.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Line | Done);
  const results = lines.filter((line): line is Line => "outcome" in line);
  return { done: lines.find((line): line is Done => "done" in line), wrong: results.filter(({ outcome }) => outcome === "error") };
}

function Outcome({ report: { done, wrong } }: { report: Report }) {
  return (
    <div className="stack" aria-live="polite">
      {done ? (
        <Facts facts={[["Created", done.created], ["Updated", done.updated], ["Unchanged", done.unchanged], ["Wrong", done.errors]]} />
      ) : (
        <Callout tone="danger">The import was cut off. Send it again: what was taken is not taken twice.</Callout>
      )}
      {wrong.length > 0 && (
        <Table
          caption={`The first of ${counted(wrong.length, "wrong line")}`}
          rows={wrong.slice(0, SHOWN_FAULTS)}
          rowId={({ line }) => String(line)}
          columns={[
            { title: "Line", cell: ({ line }) => line },
            { title: "What is wrong", cell: ({ code, errors }) => errors?.map(({ field, message }) => `${field} ${message}`).join("; ") ?? code ?? "" },
          ]}
        />
      )}
    </div>
  );
}
