import { type RefObject, useState } from "react";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Callout } from "../ui/callout";
import { Field } from "../ui/field";
import { Card, Facts } from "../ui/page";
import type { readToken } from "./token";

const DIGEST_SHOWN = 16;

interface KeyCardProps {
  box: RefObject<HTMLInputElement | null>;
  reading: ReturnType<typeof readToken> | undefined;
  onInput: () => void;
  onClear: () => void;
}

export function KeyCard({ box, reading, onInput, onClear }: KeyCardProps) {
  const [isShown, setShown] = useState(false);
  return (
    <Card title="The key">
      <Field label="Key" hint="Also one that was imported from elsewhere.">
        {(wiring) => (
          <div className="preview-key">
            {/* Without a value of React's: that would be written into the page as an attribute too. */}
            <input ref={box} className="control control-mono" type={isShown ? "text" : "password"} autoComplete="off" autoCorrect="off" spellCheck={false} data-1p-ignore onInput={onInput} {...wiring} />
            <Button onClick={() => setShown(!isShown)} aria-pressed={isShown}>
              {isShown ? "Hide" : "Show"}
            </Button>
            <Button onClick={onClear} disabled={!reading}>
              Clear
            </Button>
          </div>
        )}
      </Field>
      <div aria-live="polite">{reading && <Reading reading={reading} />}</div>
    </Card>
  );
}

function Reading({ reading: { report, fault } }: { reading: ReturnType<typeof readToken> }) {
  if (report.error) return <Callout tone="danger">{fault}</Callout>;
  const digest = <code>{report.digest?.slice(0, DIGEST_SHOWN)}…</code>;
  if (report.kind === "foreign") {
    return (
      <div className="stack">
        <Callout tone="warn">
          <span>
            This is no key of Latchkey's own form. {fault} If it was made elsewhere and imported, a keyspace that takes such keys knows it by its digest.
          </span>
        </Callout>
        <Facts facts={[["Starts with", <code key="start">{report.start}</code>], ["SHA-256 begins with", digest]]} />
      </div>
    );
  }
  return (
    <Facts
      facts={[
        ["Checksum", <Badge key="checksum" tone="good" dot>matches</Badge>],
        ["Prefix", <code key="prefix">{report.prefix}</code>],
        ["Environment", <Badge key="environment" tone={report.environment === "live" ? "accent" : "plain"}>{report.environment}</Badge>],
        ["Starts with", <code key="start">{report.start}</code>],
        ["SHA-256 begins with", digest],
      ]}
    />
  );
}
