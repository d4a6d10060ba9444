import type { ReactNode } from "react";
import { inWords } from "../api/problem";
import { Button } from "./button";
import { Icon } from "./icon";
import "./callout.css";

export type CalloutTone = "info" | "warn" | "danger" | "good";

/** Something to know before going on. Faults are announced, the rest is read in its place. */
export function Callout({ tone, children }: { tone: CalloutTone; children: ReactNode }) {
  return (
    <div className={`callout callout-${tone}`} role={tone === "danger" ? "alert" : undefined}>
      <Icon name={tone === "good" ? "check" : tone === "info" ? "info" : "alert"} />
      <div className="callout-body">{children}</div>
    </div>
  );
}

/** What could not be fetched, and the way to try again. */
export function LoadFault({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <Callout tone="danger">
      <span>{inWords(error)}</span>
      <Button small icon="refresh" onClick={retry}>
        Try again
      </Button>
    </Callout>
  );
}
