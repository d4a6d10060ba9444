import { useState } from "react";
import { api, take } from "../../api/client";
import { inWords } from "../../api/problem";
import type { components } from "../../api/schema";
import { Button, ButtonAnchor } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { CopyLine } from "../../ui/copy";
import { Card } from "../../ui/page";

type Verdict = components["schemas"]["AuditVerdictView"];

/** Whether the log is as it was written, asked for when somebody wants to know: a long log takes a while. */
export function Verification() {
  const [verdict, setVerdict] = useState<Verdict>();
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    setFault(undefined);
    try {
      setVerdict(await take(api.GET("/v1/audit:verify")));
    } catch (error) {
      setFault(inWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card
      title="Integrity"
      intro="Checks every row: its content, its place, and that none is missing."
      actions={
        <>
          <Button busy={busy} icon="check" onClick={() => void verify()}>
            Verify the log
          </Button>
          <ButtonAnchor icon="down" href="/v1/audit:export" download="audit.ndjson">
            Export
          </ButtonAnchor>
        </>
      }
    >
      <div aria-live="polite" className="stack">
        {fault && <Callout tone="danger">{fault}</Callout>}
        {!verdict && !fault && <p className="soft small">Not verified since this page was opened.</p>}
        {verdict && <Outcome verdict={verdict} />}
      </div>
    </Card>
  );
}

function Outcome({ verdict: { ok, rows, head, fault } }: { verdict: Verdict }) {
  if (!ok) {
    return (
      <Callout tone="danger">
        <span>
          <strong>The log was tampered with or is damaged.</strong> {fault}. The {rows.toLocaleString("en")} rows before are sound. Compare with an export or a backup.
        </span>
      </Callout>
    );
  }
  return (
    <>
      <Callout tone="good">All {rows.toLocaleString("en")} rows are as they were written.</Callout>
      <div className="stack-tight">
        <p className="soft small">The hash of the last row. Noted elsewhere, it holds the log even against whoever can rewrite all of it.</p>
        <CopyLine text={head} label="Copy hash" />
      </div>
    </>
  );
}
