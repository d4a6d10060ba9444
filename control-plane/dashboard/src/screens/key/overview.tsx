import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { useKeyPage } from "../../lib/key";
import { propagationOf } from "../../lib/snapshots";
import { Ago, At, counted, Day } from "../../lib/time";
import { Badges } from "../../ui/badge";
import { Callout } from "../../ui/callout";
import { CopyButton } from "../../ui/copy";
import { Card, Facts } from "../../ui/page";
import { Expiry } from "../keys/status";
import { lastUsed } from "../keys/list";
import { Secrets } from "./secrets";
import { UsageCard } from "./usage";

const REASONS = { unspecified: "", admin: " by an admin", leaked: " because its secret leaked", holder: " by its holder" } as const;

const REFRESH_MS = 5_000;

export function Overview() {
  const { key } = useKeyPage();
  const { may } = useSession();
  const used = lastUsed(key);
  return (
    <>
      {key.revoked_at && (
        <Callout tone="danger">
          <span>
            Revoked <At at={key.revoked_at} />
            {key.revoked_reason && REASONS[key.revoked_reason]}.{key.revoked_note && ` ${key.revoked_note}`}
          </span>
        </Callout>
      )}
      <Card title="About this key">
        <Facts
          facts={[
            [
              "Id",
              <span className="row" key="id">
                <code>{key.id}</code>
                <CopyButton text={key.id} label="Copy the id" iconOnly />
              </span>,
            ],
            ["Last used", used ? <Ago at={used} /> : "never"],
            ["Expires", <Expiry key="expiry" of={key} />],
            ["Owner", key.owner ?? "–"],
            ["Tags", key.tags.length > 0 ? <Badges values={key.tags} /> : "–"],
            ["Created", <Day key="created" at={key.created_at} />],
            ["Changed", <Ago key="changed" at={key.updated_at} />],
            ...(may("keyspaces:read") ? [["Its last change is", <Reach key="reach" />] as [string, React.ReactNode]] : []),
            ...(key.external_id ? [["External id", key.external_id] as [string, string]] : []),
            ...(Object.keys(key.metadata).length > 0 ? [["Metadata", <code key="metadata">{JSON.stringify(key.metadata)}</code>] as [string, React.ReactNode]] : []),
          ]}
        />
      </Card>
      <Secrets />
      {may("usage:read") && <UsageCard />}
    </>
  );
}

/** At how many gates what was last done to the key is in force. */
function Reach() {
  const { key, keyspaceId } = useKeyPage();
  const { data } = useResource(`propagation of ${key.id}`, () => propagationOf(keyspaceId, key.id), REFRESH_MS);
  if (!data) return <span className="skeleton" />;
  if (data.gates.length === 0) return <span className="soft">at no gate: there is none</span>;
  const count = data.gates.filter(({ applied }) => applied).length;
  return <span>{`at ${count} of ${counted(data.gates.length, "gate")}`}</span>;
}
