import { useState } from "react";
import { Button } from "../ui/button";
import { type Check, Checks } from "../ui/checks";
import { SelectField, TextArea, TextField } from "../ui/field";
import { Card } from "../ui/page";
import { now, type Verified } from "./snapshot";
import { bytesOf } from "./token";
import "../screens/routes/explain.css";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

interface Decision {
  code: string;
  conditions?: string[];
  seq?: number;
  checks: Check[];
}

/** A request that is made nowhere: what a gate would decide, and by which of its checks. */
export function RequestCard({ snapshot, token }: { snapshot: Verified; token: () => string }) {
  const [method, setMethod] = useState("GET");
  const [path, setPath] = useState("/");
  const [address, setAddress] = useState("");
  const [headers, setHeaders] = useState("");
  const [decision, setDecision] = useState<Decision>();

  const decide = () => {
    const request = { headers: headersOf(headers), ...(address.trim() && { address: address.trim() }) };
    setDecision(snapshot.validator.explain(bytesOf(token()), method, bytesOf(path.trim()), now(), request) as Decision);
  };
  return (
    <Card title="Try a request" intro="Decided in this page. Nothing is sent, counted or spent.">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          decide();
        }}
      >
        <div className="explain-request">
          <SelectField label="Method" value={method} onChange={setMethod}>
            {METHODS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </SelectField>
          <TextField label="Path" mono spellCheck={false} value={path} onChange={setPath} />
          <TextField label="Client address" aside="optional" mono placeholder="203.0.113.7" value={address} onChange={setAddress} />
        </div>
        <TextArea label="Headers" aside="optional" hint="One a line, such as network: mainnet" mono rows={2} spellCheck={false} value={headers} onChange={setHeaders} />
        <div>
          <Button type="submit">Decide</Button>
        </div>
      </form>
      <div aria-live="polite">{decision && <Outcome decision={decision} />}</div>
    </Card>
  );
}

function Outcome({ decision: { code, conditions = [], checks } }: { decision: Decision }) {
  return <Checks outcome={code === "VALID" ? "passes" : code === "CONDITIONAL" ? "open" : "refused"} code={code} conditions={conditions} checks={checks} />;
}

function headersOf(text: string): [string, string][] {
  const lines = text.split("\n").filter((line) => line.includes(":"));
  return lines.map((line) => [line.slice(0, line.indexOf(":")).trim().toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]);
}
