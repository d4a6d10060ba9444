import { useState } from "react";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { pageOf } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
import { type Delivery, ofWebhook, type Webhook } from "../../lib/webhooks";
import { Badge, type Tone } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { EmptyState } from "../../ui/empty";
import { Card } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";
import { DeliveryDialog } from "./delivery";

const ROWS = 20;
const DAY_MS = 86_400_000;
const TONES: Record<Delivery["status"], Tone> = { delivered: "good", failed: "danger", pending: "info" };

/** What was sent, what came back, and the way to send it again. */
export function Deliveries({ webhook, mayWrite }: { webhook: Webhook; mayWrite: boolean }) {
  const [status, setStatus] = useState<Delivery["status"] | "">("");
  const [shown, setShown] = useState<string>();
  const [resending, setResending] = useState(false);
  const toasts = useToasts();
  const deliveries = usePages(`deliveries ${webhook.id} ${status}`, (cursor) =>
    take(api.GET("/v1/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: webhook.id }, query: { ...pageOf(cursor, ROWS), ...(status && { status }) } } })),
  );
  const resendFailed = async () => {
    const since = new Date(Date.now() - DAY_MS).toISOString();
    await take(api.POST("/v1/webhooks/{webhook_id}:resend-failed", { ...ofWebhook(webhook.id), body: { since } }));
    toasts.say("The failed deliveries of the last day are on their way again.");
    void deliveries.reload();
  };
  return (
    <Card
      title="Deliveries"
      actions={
        <>
          <select className="control" aria-label="Status" value={status} onChange={({ target }) => setStatus(target.value as Delivery["status"] | "")}>
            <option value="">All</option>
            <option value="delivered">Delivered</option>
            <option value="pending">Pending</option>
            <option value="failed">Failed</option>
          </select>
          {mayWrite && <Button onClick={() => setResending(true)}>Resend failed…</Button>}
          <Button icon="refresh" busy={deliveries.loading && deliveries.rows !== undefined} onClick={() => void deliveries.reload()}>
            Refresh
          </Button>
        </>
      }
    >
      {deliveries.error !== undefined && <LoadFault error={deliveries.error} retry={() => void deliveries.reload()} />}
      {deliveries.rows?.length === 0 ? (
        <EmptyState icon="hook" title={status ? "No such delivery" : "Nothing was sent yet"}>
          {status ? "Look at all of them." : "Send a test event to see what a receiver gets."}
        </EmptyState>
      ) : (
        <Table caption="Deliveries" columns={columnsOf(setShown)} rows={deliveries.rows} rowId={({ id }) => id} />
      )}
      <Pager number={deliveries.number} previous={deliveries.previous} next={deliveries.next} />
      {shown && <DeliveryDialog webhookId={webhook.id} deliveryId={shown} mayWrite={mayWrite} onClose={() => (setShown(undefined), void deliveries.reload())} />}
      {resending && (
        <Confirm title="Send failed deliveries again?" action="Resend" onClose={() => setResending(false)} onConfirm={resendFailed}>
          <p>All that failed within the last 24 hours. Receivers know an event that they had before by its id.</p>
        </Confirm>
      )}
    </Card>
  );
}

export function DeliveryBadge({ status }: { status: Delivery["status"] }) {
  return <Badge tone={TONES[status]} dot>{status}</Badge>;
}

function columnsOf(show: (id: string) => void): Column<Delivery>[] {
  return [
    {
      title: "Event",
      cell: ({ id, type }) => (
        <button type="button" className="link-button" onClick={() => show(id)}>
          <code>{type}</code>
        </button>
      ),
    },
    { title: "Status", cell: ({ status }) => <DeliveryBadge status={status} /> },
    { title: "Answer", cell: ({ last_response_status: status, last_error: error }) => status ?? (error ? <code>{error}</code> : <span className="soft">–</span>) },
    { title: "Attempts", end: true, cell: ({ attempts }) => attempts },
    { title: "When", end: true, cell: ({ created_at: at }) => <Ago at={at} /> },
  ];
}
