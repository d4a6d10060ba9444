import type { ReactNode } from "react";
import { Badge } from "./badge";
import { Callout } from "./callout";
import { Icon } from "./icon";
import "./checks.css";

export interface Check {
  name: string;
  passed: boolean;
  input: string;
  detail: string;
}

interface ChecksProps {
  /** "open": it passes if what only a gate can look at is in order too. */
  outcome: "passes" | "open" | "refused";
  /** Why it is refused. */
  code?: string | null | undefined;
  /** What only a gate can look at. */
  conditions: readonly string[];
  checks: readonly Check[];
  /** What is said after the verdict. */
  children?: ReactNode;
}

/** A decision about a request, and the checks that led to it, in their order. */
export function Checks({ outcome, code, conditions, checks, children }: ChecksProps) {
  return (
    <div className="stack">
      <Callout tone={outcome === "passes" ? "good" : outcome === "open" ? "info" : "danger"}>
        <span>
          {outcome === "passes" && "It passes."}
          {outcome === "open" && `It passes if a gate finds these in order: ${conditions.map(inWords).join(", ")}.`}
          {outcome === "refused" && (
            <>
              It is refused: <code>{code}</code>.
            </>
          )}{" "}
          {children}
        </span>
      </Callout>
      <ol className="checks">
        {checks.map(({ name, passed, input, detail }, at) => (
          <li key={at} className={passed ? "check-passed" : "check-failed"}>
            <Icon name={passed ? "check" : "close"} />
            <div>
              <span className="row">
                <strong>{inWords(name)}</strong>
                <Badge tone={passed ? "good" : "danger"}>{passed ? "passed" : "failed"}</Badge>
              </span>
              <p className="soft small">
                {input && <code>{input}</code>} {detail}
              </p>
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}

function inWords(name: string): string {
  return name.replaceAll("_", " ");
}
