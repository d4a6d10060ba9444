import type { Environment, Key, Status } from "../../lib/types";
import { ago } from "../../lib/time";
import { Badge, type Tone } from "../../ui/badge";

const STATUSES: Record<Status, { tone: Tone; word: string }> = {
  active: { tone: "good", word: "Active" },
  disabled: { tone: "warn", word: "Off" },
  expired: { tone: "warn", word: "Expired" },
  revoked: { tone: "danger", word: "Revoked" },
};

export function StatusBadge({ status }: { status: Status }) {
  const { tone, word } = STATUSES[status];
  return (
    <Badge tone={tone} dot>
      {word}
    </Badge>
  );
}

export function EnvironmentBadge({ environment }: { environment: Environment }) {
  return <Badge tone={environment === "live" ? "accent" : "plain"}>{environment}</Badge>;
}

const SOON_MS = 7 * 86_400_000;

/** When a key ends, with the weeks before it standing out. */
export function Expiry({ of: { expires_at: at } }: { of: Pick<Key, "expires_at"> }) {
  if (!at) return <>Never</>;
  const date = new Date(at);
  const isSoon = date.getTime() - Date.now() < SOON_MS;
  return (
    <time dateTime={at} title={date.toLocaleString("en")} className="nowrap">
      {isSoon ? <Badge tone="warn">{ago(date, new Date())}</Badge> : ago(date, new Date())}
    </time>
  );
}
