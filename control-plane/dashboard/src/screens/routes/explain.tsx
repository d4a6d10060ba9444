import { useState } from "react";
import { api, take } from "../../api/client";
import { useForm } from "../../lib/form";
import { pageOf } from "../../lib/keyspaces";
import { useResource } from "../../api/resource";
import type { Explanation } from "../../lib/types";
import { Button } from "../../ui/button";
import { Checks } from "../../ui/checks";
import { SelectField, TextArea, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { More } from "../../ui/more";
import { Card } from "../../ui/page";
import "./explain.css";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const OFFERED_KEYS = 100;

/** A request that is not sent: what a gate would decide, and by which of its checks. */
export function Explain({ keyspaceId, keyId, path: firstPath = "/" }: { keyspaceId: string; keyId?: string; path?: string }) {
  const keys = useResource(keyId ? undefined : `keys to try ${keyspaceId}`, () =>
    take(api.GET("/v1/keyspaces/{keyspace_id}/keys", { params: { path: { keyspace_id: keyspaceId }, query: pageOf(undefined, OFFERED_KEYS) } })),
  );
  const [chosen, setChosen] = useState<string>();
  const [method, setMethod] = useState("GET");
  const [path, setPath] = useState(firstPath);
  const [address, setAddress] = useState("");
  const [headers, setHeaders] = useState("");
  const [answer, setAnswer] = useState<Explanation>();
  const form = useForm();
  const key = keyId ?? chosen ?? keys.data?.data[0]?.id;

  const ask = () =>
    form.send(async () => {
      const named = headersOf(headers);
      const body = { method, path: path.trim(), ...(address.trim() && { address: address.trim() }), ...(Object.keys(named).length > 0 && { headers: named }) };
      setAnswer(await take(api.POST("/v1/keys/{key_id}:explain", { params: { path: { key_id: key ?? "" } }, body })));
    });

  return (
    <Card title="Try a request" intro="Decided by the gates' own code from what was last published. Nothing is sent, counted or spent.">
      {!keyId && keys.data?.data.length === 0 ? (
        <p className="soft small">There is no key to try it with yet.</p>
      ) : (
        <form
          className="stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <div className="explain-request">
            {!keyId && (
              <SelectField label="Key" value={key ?? ""} onChange={setChosen}>
                {keys.data?.data.map(({ id, name, environment }) => (
                  <option key={id} value={id}>
                    {name} ({environment})
                  </option>
                ))}
              </SelectField>
            )}
            <SelectField label="Method" value={method} onChange={setMethod}>
              {METHODS.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </SelectField>
            <TextField label="Path" mono spellCheck={false} value={path} onChange={setPath} error={form.at("path")} />
            <TextField label="Client address" aside="optional" mono placeholder="203.0.113.7" value={address} onChange={setAddress} error={form.at("address")} />
          </div>
          <More title="Headers" summary={headers.trim() ? "set" : "none"}>
            <TextArea label="Headers" hint="One a line, such as network: mainnet" mono rows={2} spellCheck={false} value={headers} onChange={setHeaders} error={form.at("headers")} />
          </More>
          <div>
            <Button type="submit" busy={form.busy} disabled={!key}>
              Explain
            </Button>
          </div>
          <FormFault form={form} known={["path", "address", "headers"]} />
        </form>
      )}
      {answer && <Answer answer={answer} />}
    </Card>
  );
}

function Answer({ answer: { allowed, code, conditions, checks, seq } }: { answer: Explanation }) {
  const isOpen = conditions.length > 0 && checks.every(({ passed }) => passed);
  return (
    <div aria-live="polite">
      <Checks outcome={allowed ? "passes" : isOpen ? "open" : "refused"} code={code} conditions={conditions} checks={checks}>
        {seq == null ? "Nothing was published yet." : `Decided from snapshot ${seq}.`}
      </Checks>
    </div>
  );
}

function headersOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
