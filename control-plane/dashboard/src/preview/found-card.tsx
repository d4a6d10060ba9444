import { type ReactNode, useMemo } from "react";
import { duration } from "../lib/time";
import { Badge, Badges, type Tone } from "../ui/badge";
import { Callout } from "../ui/callout";
import { Card, Facts } from "../ui/page";
import { Moment } from "./moment";
import { type KeyReport, now, type Verified } from "./snapshot";
import { bytesOf } from "./token";

type Key = NonNullable<KeyReport["key"]>;

const TONES: Record<string, Tone> = { active: "good", disabled: "warn", expired: "warn", revoked: "danger", unknown: "danger" };
const WORDS: Partial<Record<KeyReport["status"], string>> = {
  unknown: "This snapshot knows no such key: it belongs to another keyspace, was never made, or was deleted long ago.",
  "no-token": "The keyspace takes only keys of Latchkey's own form.",
  "pepper-needed":
    "It cannot be looked up here: the gates of this keyspace mix a secret of their own, a pepper, into what they look keys up by. It belongs to them alone, so this page neither has it nor asks for it. What the key is, and who signed what for whom, stands above; whether it passes, only a gate or the control plane can say.",
  "object-needed": "The part of the snapshot in which this key would be is not here.",
};
const REASONS: Record<string, string> = {
  admin: "An admin revoked it.",
  leaked: "It was found in public.",
  holder: "Whoever holds it revoked it.",
  rotated: "It was replaced by a newer one.",
};

/** What the snapshot says of the key, whatever it is used for. */
export function FoundCard({ snapshot, token }: { snapshot: Verified; token: () => string }) {
  const report = useMemo(() => snapshot.validator.lookUp(bytesOf(token()), now()) as KeyReport, [snapshot, token]);
  const tone = TONES[report.status];
  return (
    <Card title="What gates know of it" actions={tone && <Badge tone={tone} dot>{report.status}</Badge>}>
      {WORDS[report.status] && <Callout tone={report.status === "unknown" ? "danger" : "warn"}>{WORDS[report.status]}</Callout>}
      {report.status === "revoked" && <Callout tone="danger">It is revoked. {report.reason && REASONS[report.reason]}</Callout>}
      {report.key && <Facts facts={factsOf(report.key)} />}
      {report.key && <Rights found={report.key} />}
      {report.key?.hasUnknownRestriction && <Callout tone="warn">It is restricted in a way that this page does not know; a gate of the same age refuses it.</Callout>}
    </Card>
  );
}

function factsOf(found: Key): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [
    ["Id", <code key="id">{found.id}</code>],
    ["Environment", <Badge key="environment" tone={found.environment === "live" ? "accent" : "plain"}>{found.environment}</Badge>],
    ["Expires", found.expiresAt === undefined ? "never" : <Moment key="expires" at={found.expiresAt} />],
    ["Owner", found.owner ?? <span key="owner" className="soft">nobody named</span>],
  ];
  if (found.metadata !== undefined) facts.push(["Metadata", <code key="metadata">{found.metadata}</code>]);
  return facts;
}

/** What it may do, and what narrows it. */
function Rights({ found }: { found: Key }) {
  const parts: [string, ReactNode][] = [
    ["Roles", found.roles.length === 0 ? none("no role") : found.roles.map(({ number, grants }) => <Line key={number} name={`Role ${number}`} values={grants} none="grants nothing" />)],
    ["Permissions of its own", found.grants.length === 0 ? none("none") : <Badges values={found.grants} />],
    ["Addresses", found.addresses === undefined ? none("any") : found.addresses.length === 0 ? none("no address at all") : <Badges values={found.addresses.map(rangeOf)} />],
    ["Networks and other constraints", found.constraints.length === 0 ? none("none") : found.constraints.map(({ name, values }) => <Line key={name} name={name} values={values} none="no value at all" />)],
    ["Rate limits", found.rateLimits.length === 0 ? none("none of its own") : <Badges values={found.rateLimits.map(({ name, limit, windowSeconds }) => `${name}: ${limit.toLocaleString("en")} in ${duration(windowSeconds)}`)} />],
    ["Credits granted so far", found.credits === undefined ? none("not limited by use") : <Badges values={found.credits.map(({ unit, granted }) => `${granted.toLocaleString("en")} ${unit}`)} />],
    ["Signed requests", found.signingKeys === 0 ? none("not needed") : `${found.signingKeys === 1 ? "1 public key" : `${found.signingKeys} public keys`}${found.mustSign ? "; every request must be signed" : ""}`],
  ];
  return (
    <dl className="rights">
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Line({ name, values, none: empty }: { name: string; values: string[]; none: string }) {
  return (
    <span className="row">
      <span className="small">{name}</span>
      {values.length === 0 ? none(empty) : <Badges values={values} />}
    </span>
  );
}

function none(words: string) {
  return <span className="soft">{words}</span>;
}

function rangeOf({ first, last }: { first: string; last: string }): string {
  return first === last ? first : `${first} – ${last}`;
}
