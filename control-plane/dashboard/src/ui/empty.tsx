import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon";
import "./empty.css";

/** Where there is nothing yet: what would be here, what for, and how it comes about. */
export function EmptyState({ icon, title, children, action }: { icon: IconName; title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name={icon} />
      </span>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}
