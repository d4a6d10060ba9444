import { useState } from "react";
import { api, take } from "../../api/client";
import { inKeyspace, useEnvironments } from "../../lib/keyspaces";
import type { Environments } from "../../lib/types";
import { Badge } from "../../ui/badge";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Switch } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Card } from "../../ui/page";
import { useToasts } from "../../ui/toast";
import "./production.css";

const NAMES: Record<string, string> = {
  policy: "Routes say what needs which permission",
  gate: "A gate enforces them",
  second_admin_key: "There is a second admin key",
};

/** The switch for live keys, and what has to be there before it is turned on. */
export function Production({ keyspaceId, mayWrite }: { keyspaceId: string; mayWrite: boolean }) {
  const environments = useEnvironments(keyspaceId);
  const toasts = useToasts();
  const [asking, setAsking] = useState<"on" | "off">();
  const live = environments.data?.live;
  const ready = live?.requirements.every(({ met }) => met) ?? false;

  const turn = async (enabled: boolean) => {
    environments.set(await take(api.PUT("/v1/keyspaces/{keyspace_id}/environments/live", { ...inKeyspace(keyspaceId), body: { enabled } })));
    toasts.say(enabled ? "Live is on: live keys can be made now." : "Live is off.");
  };
  return (
    <Card
      title="Production"
      intro="Live keys work, and can be made, once this is on. Test keys never pass a live route."
      actions={
        live && (
          <span className="row small">
            <Badge tone={live.enabled ? "good" : "plain"} dot>
              {live.enabled ? "live is on" : "live is off"}
            </Badge>
            <Switch label={live.enabled ? "Turn live off" : "Turn live on"} checked={live.enabled} disabled={!mayWrite || (!live.enabled && !ready)} onChange={(on) => setAsking(on ? "on" : "off")} />
          </span>
        )
      }
    >
      {environments.error !== undefined && <LoadFault error={environments.error} retry={() => void environments.reload()} />}
      {live && <Checklist requirements={live.requirements} />}
      {asking === "on" && (
        <Confirm title="Turn live on?" action="Turn live on" onClose={() => setAsking(undefined)} onConfirm={() => turn(true)}>
          <p>From then on live keys can be made, and gates let them pass. It can be turned off again at any time.</p>
        </Confirm>
      )}
      {asking === "off" && (
        <Confirm title="Turn live off?" action="Turn live off" danger onClose={() => setAsking(undefined)} onConfirm={() => turn(false)}>
          <Callout tone="danger">Every live key of this keyspace is refused within seconds, and whatever uses one stops working. The keys are kept.</Callout>
        </Confirm>
      )}
    </Card>
  );
}

function Checklist({ requirements }: { requirements: Environments["live"]["requirements"] }) {
  return (
    <ul className="checklist">
      {requirements.map(({ name, met, how }) => (
        <li key={name} className={met ? "checklist-met" : ""}>
          <Icon name={met ? "check" : "close"} />
          <div>
            {NAMES[name] ?? name}
            <span className="unseen">{met ? ": done" : ": missing"}</span>
            {!met && <p className="soft small">{how}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}
