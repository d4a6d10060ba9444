import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, take } from "../../api/client";
import { usePages } from "../../api/list";
import { useSession } from "../../api/session";
import { pageOf } from "../../lib/keyspaces";
import { Day } from "../../lib/time";
import { stateOf, type Webhook } from "../../lib/webhooks";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { Page } from "../../ui/page";
import { type Column, Pager, Table } from "../../ui/table";
import { CreateWebhook } from "./edit";
import "./webhooks.css";

const ROWS = 20;

const COLUMNS: Column<Webhook>[] = [
  {
    title: "Webhook",
    cell: ({ id, url, description }) => (
      <span className="stack-tight">
        <Link href={`/webhooks/${id}`} className="row-link webhook-url">
          {url}
        </Link>
        {description && <span className="soft small">{description}</span>}
      </span>
    ),
  },
  {
    title: "State",
    cell: (webhook) => {
      const { tone, words } = stateOf(webhook);
      return <Badge tone={tone} dot>{words}</Badge>;
    },
  },
  { title: "Events", cell: ({ events }) => (events.includes("*") ? "all" : events.length === 1 ? events[0] : `${events.length} types`) },
  { title: "Created", end: true, cell: ({ created_at: at }) => <Day at={at} /> },
];

/** Which addresses are told of what happens. */
export function Webhooks() {
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [creating, setCreating] = useState(false);
  const webhooks = usePages("webhooks", (cursor) => take(api.GET("/v1/webhooks", { params: { query: pageOf(cursor, ROWS) } })));
  const isEmpty = webhooks.rows?.length === 0;
  const add = may("webhooks:write") && (
    <Button look="primary" icon="plus" onClick={() => setCreating(true)}>
      Add webhook
    </Button>
  );
  return (
    <Page title="Webhooks" intro="Addresses that are told of events, signed as the Standard Webhooks have it." actions={!isEmpty && add}>
      {webhooks.error !== undefined && <LoadFault error={webhooks.error} retry={() => void webhooks.reload()} />}
      {isEmpty ? (
        <EmptyState icon="hook" title="Nobody is told of anything yet" action={add}>
          A webhook is an https address of yours. It hears when a key is made, leaks or expires, when credits run low, when a gate falls behind.
        </EmptyState>
      ) : (
        <Table caption="Webhooks" columns={COLUMNS} rows={webhooks.rows} rowId={({ id }) => id} expected={3} />
      )}
      <Pager number={webhooks.number} previous={webhooks.previous} next={webhooks.next} />
      {creating && <CreateWebhook onClose={() => setCreating(false)} onDone={({ id }) => navigate(`/webhooks/${id}`)} />}
    </Page>
  );
}
