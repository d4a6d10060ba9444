import { useSnapshot } from "../../lib/snapshots";
import { LoadFault } from "../../ui/callout";
import { CopyLine } from "../../ui/copy";
import { Card } from "../../ui/page";

/** What a gate has to be told before it can verify anything. */
export function Configuration({ keyspaceId }: { keyspaceId: string }) {
  const snapshot = useSnapshot(keyspaceId);
  const [keyspace = "", environment = ""] = snapshot.data?.audience.split("/") ?? [];
  return (
    <Card title="What a gate is configured with" intro="Settings of the Worker. None of them is a secret.">
      {snapshot.error !== undefined && <LoadFault error={snapshot.error} retry={() => void snapshot.reload()} />}
      <Setting name="LATCHKEY_KEYSPACE" value={keyspace} />
      <Setting name="LATCHKEY_ENVIRONMENT" value={environment} />
      <Setting name="LATCHKEY_TRUSTED_KEYS" value={snapshot.data?.trusted_keys.join(",") ?? ""} />
    </Card>
  );
}

function Setting({ name, value }: { name: string; value: string }) {
  return (
    <div className="stack-tight">
      <span className="soft small mono">{name}</span>
      <CopyLine text={value} />
    </div>
  );
}
