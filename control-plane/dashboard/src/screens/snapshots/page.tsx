import { useSession } from "../../api/session";
import { usePropagation } from "../../lib/snapshots";
import { Page } from "../../ui/page";
import { Standstill } from "../gates/standstill";
import { History } from "./history";
import { Published } from "./published";

const REFRESH_MS = 5_000;

/** What gates are sent: now, and before. */
export function Snapshots({ keyspaceId }: { keyspaceId: string }) {
  const { may } = useSession();
  const progress = usePropagation(keyspaceId, REFRESH_MS);
  return (
    <Page title="Snapshots" intro="What gates know of this keyspace: signed, so that it can be fetched from anywhere, and verified by each gate.">
      {progress.data && <Standstill keyspaceId={keyspaceId} progress={progress.data} onDone={progress.reload} />}
      {may("snapshots:read") && <Published keyspaceId={keyspaceId} />}
      <History keyspaceId={keyspaceId} />
    </Page>
  );
}
