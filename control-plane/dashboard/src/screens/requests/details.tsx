import type { ReactNode } from "react";
import { Link } from "wouter";
import { meaningOf } from "../../lib/codes";
import { At } from "../../lib/time";
import type { RequestRow } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Facts } from "../../ui/page";

/** All that a gate reported of a request. */
export function RequestDetails({ keyspaceId, request, onClose }: { keyspaceId: string; request: RequestRow; onClose: () => void }) {
  const absent = <span className="soft">–</span>;
  const code = (text: string | null | undefined) => (text ? <code>{text}</code> : absent);
  const facts: [string, ReactNode][] = [
    ["Request", <code key="request">{`${request.method} ${request.path}`}</code>],
    ["Decision", <span key="decision" className="row"><Badge tone={request.code === "VALID" ? "good" : "danger"}>{request.code}</Badge> <span className="soft small">{meaningOf(request.code)}</span></span>],
    ["Answered with", request.status ?? absent],
    ["When", <At key="at" at={request.at} />],
    ["Key", request.key_id ? <Link key="key" href={`/keyspaces/${keyspaceId}/keys/${request.key_id}`}><code>{request.key_id}</code></Link> : "none that the gate knew"],
    ["Token", code(request.secret_id)],
    ["Route", code(request.route)],
    ["Client address", code(request.address)],
    ["Location of the gate", request.colo ?? absent],
    ["Gate", code(request.gate)],
    ["Decided from snapshot", request.seq.toLocaleString("en")],
    ["Request id", code(request.request_id)],
  ];
  return (
    <Dialog title="Request" wide onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>
      <Facts facts={facts} />
    </Dialog>
  );
}
