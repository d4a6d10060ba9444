import type { ReactNode } from "react";
import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { At } from "../../lib/time";
import type { DeliveryRecord } from "../../lib/webhooks";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Dialog } from "../../ui/dialog";
import { Facts } from "../../ui/page";
import { Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";
import { DeliveryBadge } from "./deliveries";

const REFRESH_MS = 3_000;
type Attempt = DeliveryRecord["attempts_made"][number];

interface DeliveryDialogProps {
  webhookId: string;
  deliveryId: string;
  mayWrite: boolean;
  onClose: () => void;
}

/** One delivery: what was sent, each attempt, and what came back. */
export function DeliveryDialog({ webhookId, deliveryId, mayWrite, onClose }: DeliveryDialogProps) {
  const path = { webhook_id: webhookId, delivery_id: deliveryId };
  const toasts = useToasts();
  const delivery = useResource(`delivery ${deliveryId}`, () => take(api.GET("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", { params: { path } })), REFRESH_MS);
  const shown = delivery.data;
  const resend = () =>
    take(api.POST("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:resend", { params: { path } })).then(() => {
      toasts.say("It is on its way again.");
      void delivery.reload();
    }, toasts.fault);
  const footer = (
    <>
      <Button onClick={onClose}>Close</Button>
      {mayWrite && shown && shown.status !== "pending" && (
        <Button look="primary" onClick={() => void resend()}>
          Resend
        </Button>
      )}
    </>
  );
  return (
    <Dialog wide title={shown?.type ?? "Delivery"} onClose={onClose} footer={footer}>
      {delivery.error !== undefined && <LoadFault error={delivery.error} retry={() => void delivery.reload()} />}
      {shown && <Facts facts={factsOf(shown)} />}
      {shown && (
        <>
          <h3>Attempts</h3>
          {shown.attempts_made.length === 0 ? <p className="soft small">None yet.</p> : <Attempts attempts={shown.attempts_made} />}
          <h3>What is sent</h3>
          <pre className="payload" tabIndex={0}>
            {JSON.stringify(shown.payload, undefined, 2)}
          </pre>
        </>
      )}
    </Dialog>
  );
}

function factsOf(delivery: DeliveryRecord): [string, ReactNode][] {
  return [
    ["Status", <DeliveryBadge key="status" status={delivery.status} />],
    ["Event", <code key="event">{delivery.event_id}</code>],
    ["Since", <At key="at" at={delivery.created_at} />],
    ["Next attempt", delivery.next_attempt_at ? <At key="next" at={delivery.next_attempt_at} /> : <span className="soft">none</span>],
  ];
}

function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <Table
      caption="Attempts"
      rows={attempts}
      rowId={({ number, at }) => `${number} ${at}`}
      columns={[
        { title: "When", cell: ({ at }) => <At at={at} /> },
        { title: "Answer", cell: ({ response_status: status, error }) => <Badge tone={status != null && status < 300 ? "good" : "danger"}>{status ?? error ?? "none"}</Badge> },
        { title: "Took", end: true, cell: ({ duration_ms: took }) => `${took.toLocaleString("en")} ms` },
        { title: "It said", cell: ({ response_body: body }) => (body ? <code>{body}</code> : <span className="soft">nothing</span>) },
      ]}
    />
  );
}
