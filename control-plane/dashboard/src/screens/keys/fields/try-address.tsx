import { type KeyboardEvent, useState } from "react";
import type { components } from "../../../api/schema";
import { useForm } from "../../../lib/form";
import type { IpRule } from "../../../lib/types";
import { Button } from "../../../ui/button";
import { Callout } from "../../../ui/callout";
import { TextField } from "../../../ui/field";
import { FormFault } from "../../../ui/form-fault";

interface Props {
  rules: IpRule[];
  ask: (body: { address: string; rules: IpRule[] }) => Promise<components["schemas"]["IpPreviewView"]>;
}

/** What these rules would say of an address, before they are saved. */
export function TryAddress({ rules, ask }: Props) {
  const [address, setAddress] = useState("");
  const [answer, setAnswer] = useState<{ about: string; allowed: boolean; by: string }>();
  const form = useForm();
  const about = JSON.stringify([address, rules]);

  const run = () =>
    form.send(async () => {
      const { allowed, matched } = await ask({ address: address.trim(), rules });
      const by = matched ? `by rule ${matched.index + 1}, ${matched.action} ${matched.cidr}` : "because no rule matches";
      setAnswer({ about, allowed, by });
    });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    // Not the dialog's own button.
    event.preventDefault();
    void run();
  };
  // Another address or other rules: the answer is no longer about them.
  const current = answer?.about === about ? answer : undefined;
  return (
    <div className="stack-tight">
      <TextField label="Try an address" mono placeholder="203.0.113.7" value={address} onChange={setAddress} onKeyDown={onKeyDown} error={form.at("address")} />
      <div className="row">
        <Button small busy={form.busy} disabled={!address.trim()} onClick={() => void run()}>
          Try
        </Button>
      </div>
      {current && <Callout tone={current.allowed ? "good" : "warn"}>{`${address} ${current.allowed ? "may use the key" : "is refused"}, ${current.by}.`}</Callout>}
      <FormFault form={form} known={["address"]} />
    </div>
  );
}
