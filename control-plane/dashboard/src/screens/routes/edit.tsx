import { useState } from "react";
import { api, take } from "../../api/client";
import { everyPage } from "../../api/list";
import { useResource } from "../../api/resource";
import { pageOf } from "../../lib/keyspaces";
import { rowsOf } from "../../lib/rows";
import { counted } from "../../lib/time";
import type { Environment, Route } from "../../lib/types";
import { Button, IconButton } from "../../ui/button";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { Check, SelectField, TextField } from "../../ui/field";
import { More } from "../../ui/more";
import "../../ui/rows.css";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

interface SourceRow {
  name: string;
  in: "path" | "header" | "query";
  from: string;
}

interface CostRow {
  unit: string;
  amount: number;
}

interface Props {
  route: Route | undefined;
  keyspaceId: string;
  onClose: () => void;
  onDone: (route: Route) => void;
}

/** One route, into the draft of the policy. The API checks it when the draft is saved. */
export function EditRoute({ route, keyspaceId, onClose, onDone }: Props) {
  const [method, setMethod] = useState(route?.method ?? "GET");
  const [path, setPath] = useState(route?.path ?? "");
  const [permission, setPermission] = useState(route?.permission ?? "");
  const [environment, setEnvironment] = useState(route?.environment ?? "");
  const [sources, setSources] = useState<SourceRow[]>(() => Object.entries(route?.constraints ?? {}).map(([name, source]) => ({ name, in: source.in, from: source.name ?? "" })));
  const [cost, setCost] = useState<CostRow[]>(route?.cost ?? []);
  const [rateCost, setRateCost] = useState(String(route?.rate_cost ?? 1));
  const [signed, setSigned] = useState(route?.signature != null);
  const [credential, setCredential] = useState(route?.upstream_credential ?? "");
  const [fault, setFault] = useState<string>();
  const credentials = useResource(`names of upstream credentials ${keyspaceId}`, () =>
    everyPage((cursor) => take(api.GET("/v1/keyspaces/{keyspace_id}/upstream-credentials", { params: { path: { keyspace_id: keyspaceId }, query: pageOf(cursor) } }))),
  );

  const done = () => {
    if (!path.trim().startsWith("/")) return setFault("A path begins with /, such as /v1/orders/{id}.");
    onDone({
      method,
      path: path.trim(),
      permission: permission.trim() || null,
      environment: (environment as Environment) || null,
      constraints: Object.fromEntries(sources.filter(({ name }) => name.trim()).map(({ name, in: place, from }) => [name.trim(), { in: place, name: from.trim() || null }])),
      cost: cost.filter(({ unit }) => unit.trim()),
      rate_cost: Number(rateCost),
      signature: signed ? (route?.signature ?? {}) : null,
      upstream_credential: credential.trim() || null,
    });
    onClose();
  };
  const ofSources = rowsOf(sources, setSources);
  const ofCost = rowsOf(cost, setCost);
  return (
    <Dialog
      wide
      title={route ? "Change route" : "Add route"}
      intro="Takes effect once the routes are saved."
      onClose={onClose}
      onSubmit={done}
      footer={<DialogButtons action={route ? "Change route" : "Add route"} onClose={onClose} />}
    >
      <div className="columns">
        <SelectField label="Method" value={method} onChange={setMethod}>
          <option value="*">Any</option>
          {METHODS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </SelectField>
        <TextField label="Path" mono spellCheck={false} autoFocus value={path} onChange={setPath} placeholder="/v1/orders/{id}" hint="{name} stands for one part, * at the end for any rest." error={fault} />
      </div>
      <div className="columns">
        <TextField label="Permission" aside="optional" mono spellCheck={false} value={permission} onChange={setPermission} placeholder="orders:read" hint="Left empty, any good key passes." />
        <SelectField label="Environment" value={environment} onChange={setEnvironment} hint="A test key never passes a live route.">
          <option value="">Any</option>
          <option value="test">Test keys only</option>
          <option value="live">Live keys only</option>
        </SelectField>
      </div>
      <div className="stack-tight">
        <More title="Networks and other constraints" summary={sources.length > 0 ? counted(sources.length, "constraint") : "none"} open={sources.length > 0}>
          <div className="rows">
            <p className="soft small">Where a request names the value that its key must be allowed.</p>
            {sources.map((source, at) => (
              <div className="rows-item" key={at}>
                <input className="control control-mono" aria-label={`Constraint ${at + 1}`} placeholder="network" value={source.name} onChange={(event) => ofSources.change(at, { name: event.target.value })} />
                <span className="rows-word">from the</span>
                <select className="control" aria-label={`Constraint ${at + 1}: place`} value={source.in} onChange={(event) => ofSources.change(at, { in: event.target.value as SourceRow["in"] })}>
                  <option value="path">path</option>
                  <option value="header">header</option>
                  <option value="query">query</option>
                </select>
                <input className="control control-mono" aria-label={`Constraint ${at + 1}: name there`} placeholder={source.name || "same name"} value={source.from} onChange={(event) => ofSources.change(at, { from: event.target.value })} />
                <IconButton icon="trash" label={`Remove constraint ${at + 1}`} small onClick={() => ofSources.remove(at)} />
              </div>
            ))}
            <Button small icon="plus" onClick={() => ofSources.add({ name: "", in: "path", from: "" })}>
              Add constraint
            </Button>
          </div>
        </More>
        <More title="Cost" summary={cost.length > 0 || rateCost !== "1" ? "set" : "1 in rate limits, no credits"} open={cost.length > 0}>
          <div className="rows">
            {cost.map((row, at) => (
              <div className="rows-item" key={at}>
                <input className="control" type="number" min={1} aria-label={`Cost ${at + 1}: amount`} value={row.amount} onChange={(event) => ofCost.change(at, { amount: Number(event.target.value) })} />
                <span className="rows-word">of</span>
                <input className="control control-mono" aria-label={`Cost ${at + 1}: unit`} placeholder="requests" value={row.unit} onChange={(event) => ofCost.change(at, { unit: event.target.value })} />
                <IconButton icon="trash" label={`Remove cost ${at + 1}`} small onClick={() => ofCost.remove(at)} />
              </div>
            ))}
            <Button small icon="plus" onClick={() => ofCost.add({ unit: cost.length === 0 ? "requests" : "", amount: 1 })}>
              Add cost in credits
            </Button>
          </div>
          <TextField label="Counts in rate limits as" type="number" min={0} value={rateCost} onChange={setRateCost} />
        </More>
        <More title="Signature and upstream" summary={signed || credential ? "set" : "none"} open={signed || credential !== ""}>
          <Check label="Requests must be signed" hint="By a signing key of the caller (RFC 9421)." checked={signed} onChange={setSigned} />
          <TextField
            label="Upstream credential"
            aside="optional"
            mono
            list="upstream-credentials"
            value={credential}
            onChange={setCredential}
            hint="Its value is put into the request for the upstream; {network} stands for that constraint's value."
          />
          <datalist id="upstream-credentials">
            {credentials.data?.map(({ id, name }) => (
              <option key={id} value={name} />
            ))}
          </datalist>
        </More>
      </div>
    </Dialog>
  );
}
