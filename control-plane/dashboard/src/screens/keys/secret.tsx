import { useState } from "react";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { CopyLine } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { Check } from "../../ui/field";

interface Props {
  title: string;
  secret: string;
  /** What the secret is for, in a sentence. */
  intro: string;
  example?: string;
  /** What Latchkey keeps of it. */
  kept?: string;
  onClose: () => void;
}

/** A secret, the one time it is shown. Closes only for somebody who says that they have it. */
export function SecretDialog({ title, secret, intro, example, kept = "Latchkey keeps only a fingerprint of it and cannot show it again.", onClose }: Props) {
  const [stored, setStored] = useState(false);
  const footer = (
    <Button look="primary" disabled={!stored} onClick={onClose}>
      Done
    </Button>
  );
  return (
    <Dialog title={title} intro={intro} mustDecide onClose={onClose} footer={footer}>
      <CopyLine text={secret} label="Copy" />
      <Callout tone="warn">Copy it now: it is shown this once. {kept}</Callout>
      {example && (
        <div className="stack-tight">
          <p className="soft small">A request with it:</p>
          <pre className="example">{example}</pre>
        </div>
      )}
      <Check label="I have stored it" checked={stored} onChange={setStored} />
    </Dialog>
  );
}
