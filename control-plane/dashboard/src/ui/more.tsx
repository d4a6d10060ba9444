import type { ReactNode } from "react";
import { Icon } from "./icon";
import "./rows.css";

/** A part of a form that most leave as it is. Its summary says what is set in it. */
export function More({ title, summary, children, open }: { title: string; summary: string; children: ReactNode; open?: boolean }) {
  return (
    <details className="more" open={open}>
      <summary>
        <Icon name="chevron" />
        <span>{title}</span>
        <span>{summary}</span>
      </summary>
      <div className="more-body">{children}</div>
    </details>
  );
}
