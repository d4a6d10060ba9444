import { useState } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client";
import type { components } from "../../api/schema";
import { useForm } from "../../lib/form";
import { Badge, type Tone } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextArea, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Table } from "../../ui/table";
import { useKeyspaces } from "../../lib/keyspaces";

type Leak = components["schemas"]["LeakView"];

const OUTCOMES: Record<Leak["outcome"], { tone: Tone; word: string }> = {
  revoked: { tone: "danger", word: "revoked" },
  disabled: { tone: "warn", word: "turned off" },
  notified: { tone: "info", word: "reported only" },
  already_revoked: { tone: "plain", word: "was revoked before" },
  unknown: { tone: "plain", word: "no key of ours" },
};

/** Tokens that were found where they should not be: each keyspace's policy says what becomes of their keys. */
export function ReportLeaks({ onClose, onReported }: { onClose: () => void; onReported: () => void }) {
  const [text, setText] = useState("");
  const [source, setSource] = useState("");
  const [results, setResults] = useState<Leak[]>();
  const keyspaces = useKeyspaces();
  const form = useForm();
  const found = text.split(/\s+/).filter(Boolean);
  const report = () =>
    form.send(async () => {
      const tokens = found.map((token) => ({ token, ...(source.trim() && { source: source.trim() }) }));
      const answer = await take(api.POST("/v1/keys:revoke-leaked", { body: { tokens } }));
      // They have done their work here.
      setText("");
      setResults(answer.results);
      onReported();
    });
  if (results) return <Results results={results} keyspaceId={keyspaces.data?.[0]?.id} onClose={onClose} />;
  return (
    <Dialog
      title="Report leaked tokens"
      intro="Of any keyspace of this workspace."
      onClose={onClose}
      onSubmit={() => void report()}
      footer={<DialogButtons action="Report" look="danger" busy={form.busy} disabled={found.length === 0} onClose={onClose} />}
    >
      <Callout tone="warn">Their keys are revoked, turned off or only reported, as each keyspace's settings say. A key that leaked never comes back.</Callout>
      <TextArea label="Tokens" mono rows={5} spellCheck={false} value={text} onChange={setText} hint="One a line." error={form.at("tokens")} />
      <TextField label="Where they were found" aside="optional" placeholder="a public repository" value={source} onChange={setSource} maxLength={100} />
      <FormFault form={form} known={["tokens"]} />
    </Dialog>
  );
}

function Results({ results, keyspaceId, onClose }: { results: Leak[]; keyspaceId: string | undefined; onClose: () => void }) {
  return (
    <Dialog title="What became of them" onClose={onClose} footer={<Button look="primary" onClick={onClose}>Done</Button>}>
      <Table
        caption="Reported tokens"
        rows={results}
        rowId={({ index }) => String(index)}
        columns={[
          { title: "Token", cell: ({ index }) => `no. ${index + 1}` },
          { title: "Key", cell: ({ key_id: id }) => (id && keyspaceId ? <Link href={`/keyspaces/${keyspaceId}/keys/${id}`} onClick={onClose}><code>{id}</code></Link> : <span className="soft">–</span>) },
          { title: "Outcome", cell: ({ outcome }) => <Badge tone={OUTCOMES[outcome].tone}>{OUTCOMES[outcome].word}</Badge> },
        ]}
      />
    </Dialog>
  );
}
