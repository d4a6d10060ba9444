import { useEffect, useState } from "react";
import { api, take } from "../../api/client";
import { inWords } from "../../api/problem";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { inKeyspace, usePolicy } from "../../lib/keyspaces";
import type { Policy, Route } from "../../lib/types";
import { Badge, Badges } from "../../ui/badge";
import { Button, IconButton } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { EmptyState } from "../../ui/empty";
import { Page } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";
import { EditRoute } from "./edit";
import { Explain } from "./explain";
import "./page.css";

const ANY = "*";

/** Which request needs what. Edited as a draft: a policy takes effect as a whole. */
export function Routes({ keyspaceId }: { keyspaceId: string }) {
  const policy = usePolicy(keyspaceId);
  const { may } = useSession();
  const toasts = useToasts();
  const form = useForm();
  const [draft, setDraft] = useState<Policy>();
  const [editing, setEditing] = useState<number | "new">();
  const mayWrite = may("policy:write");
  const shown = draft ?? policy.data;
  const routes = shown?.routes ?? [];
  useWarningOnLeave(draft !== undefined);

  const change = (changed: Policy) => {
    form.clear();
    setDraft(changed);
  };
  const save = () =>
    form.send(async () => {
      if (!draft) return;
      policy.set(await take(api.PUT("/v1/keyspaces/{keyspace_id}/policy", { ...inKeyspace(keyspaceId), body: draft })));
      setDraft(undefined);
      toasts.say("The routes are saved. Gates have them in a moment.");
    });
  const put = (route: Route) => {
    const at = editing === "new" ? routes.length : (editing ?? routes.length);
    change({ ...shown, routes: [...routes.slice(0, at), route, ...routes.slice(at + 1)] });
  };
  const add = mayWrite && (
    <Button look="primary" icon="plus" onClick={() => setEditing("new")}>
      Add route
    </Button>
  );
  const columns = columnsOf(mayWrite ? setEditing : undefined, (at) => change({ ...shown, routes: routes.filter((_, index) => index !== at) }));

  return (
    <Page title="Routes" intro="Which request needs which permission, environment and constraint, and what it costs." actions={routes.length > 0 && add}>
      {policy.error !== undefined && <LoadFault error={policy.error} retry={() => void policy.reload()} />}
      {shown && routes.length === 0 ? (
        <EmptyState icon="route" title="No route yet: every request is refused" action={add}>
          A route names a method and a path of your API, and the permission that a key must have. What no route matches is decided by the keyspace's default.
        </EmptyState>
      ) : (
        <Table caption="Routes" columns={columns} rows={shown && routes.map((route, at) => ({ route, at }))} rowId={({ at }) => String(at)} />
      )}
      {shown && <Default policy={shown} onChange={mayWrite ? change : undefined} />}
      {draft && (
        <div className="unsaved" role="region" aria-label="Unsaved changes">
          {form.error === undefined ? <span>These changes are not saved yet.</span> : <Callout tone="danger">{inWords(form.error)} {faultsOf(form.error)}</Callout>}
          <span className="row">
            <Button onClick={() => (form.clear(), setDraft(undefined))}>Discard</Button>
            <Button look="primary" busy={form.busy} onClick={() => void save()}>
              Save routes
            </Button>
          </span>
        </div>
      )}
      {shown && may("keys:read") && <Explain keyspaceId={keyspaceId} path={routes[0]?.path.replace(/\*$/, "") ?? "/"} />}
      {editing !== undefined && <EditRoute route={editing === "new" ? undefined : routes[editing]} keyspaceId={keyspaceId} onClose={() => setEditing(undefined)} onDone={put} />}
    </Page>
  );
}

function faultsOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("fields" in error) || !(error.fields instanceof Map)) return "";
  return [...(error.fields as Map<string, string>)].map(([pointer, message]) => `${pointer.replace(/^\/routes\/(\d+)/, (_, at) => `route ${Number(at) + 1}`)}: ${message}`).join("; ");
}

type Row = { route: Route; at: number };

function columnsOf(edit: ((at: number) => void) | undefined, remove: (at: number) => void): Column<Row>[] {
  return [
    {
      title: "Route",
      cell: ({ route: { method, path } }) => (
        <span className="route-name">
          <Badge>{!method || method === ANY ? "ANY" : method}</Badge> <code>{path}</code>
        </span>
      ),
    },
    { title: "Asks for", cell: ({ route: { permission } }) => (permission ? <code>{permission}</code> : <span className="soft">any good key</span>) },
    { title: "Environment", cell: ({ route: { environment } }) => (environment ? <Badge tone={environment === "live" ? "accent" : "plain"}>{environment}</Badge> : <span className="soft">any</span>) },
    { title: "Also", cell: ({ route }) => <Badges values={extrasOf(route)} /> },
    {
      title: "Actions",
      untitled: true,
      end: true,
      cell: ({ route, at }) =>
        edit && (
          <span className="nowrap">
            <IconButton icon="edit" label={`Edit ${route.path}`} small onClick={() => edit(at)} />
            <IconButton icon="trash" label={`Remove ${route.path}`} small onClick={() => remove(at)} />
          </span>
        ),
    },
  ];
}

function extrasOf({ constraints, cost, rate_cost: rateCost, signature, upstream_credential: credential }: Route): string[] {
  return [
    ...Object.entries(constraints ?? {}).map(([name, source]) => `${name} from ${source.in}`),
    ...(cost ?? []).map(({ unit, amount }) => `costs ${amount} ${unit}`),
    ...(rateCost != null && rateCost !== 1 ? [`counts ${rateCost}`] : []),
    ...(signature ? ["signed"] : []),
    ...(credential ? [`gets ${credential}`] : []),
  ];
}

function Default({ policy, onChange }: { policy: Policy; onChange: ((policy: Policy) => void) | undefined }) {
  const isOpen = policy.default === "allow";
  return (
    <div className="row small">
      <label className="row">
        Requests that no route matches
        <select className="control route-default" disabled={!onChange} value={policy.default ?? "deny"} onChange={(event) => onChange?.({ ...policy, default: event.target.value as "deny" | "allow" })}>
          <option value="deny">are refused</option>
          <option value="allow">pass with any good key</option>
        </select>
      </label>
      {isOpen && <span className="soft">A route that somebody forgets is then open to every key.</span>}
    </div>
  );
}

function useWarningOnLeave(unsaved: boolean) {
  useEffect(() => {
    if (!unsaved) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [unsaved]);
}
