import type { ReactNode } from "react";
import "./badge.css";

export type Tone = "plain" | "good" | "warn" | "danger" | "info" | "accent";

/** A state in one word. The word carries it; the colour only helps. */
export function Badge({ tone = "plain", dot = false, children }: { tone?: Tone; dot?: boolean; children: ReactNode }) {
  return <span className={`badge badge-${tone} ${dot ? "badge-dot" : ""}`}>{children}</span>;
}

export function Badges({ values, tone = "plain" }: { values: readonly string[]; tone?: Tone }) {
  if (values.length === 0) return null;
  return (
    <span className="tag-list">
      {values.map((value) => (
        <Badge key={value} tone={tone}>
          {value}
        </Badge>
      ))}
    </span>
  );
}
