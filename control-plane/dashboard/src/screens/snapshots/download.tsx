import { useState } from "react";
import { api, take } from "../../api/client";
import { ApiError } from "../../api/problem";
import { inKeyspace } from "../../lib/keyspaces";
import { Button } from "../../ui/button";
import { useToasts } from "../../ui/toast";

/** The newest snapshot as a file. Asked for here, and not by a plain link: a refusal would be saved in the file's place. */
export function Download({ keyspaceId }: { keyspaceId: string }) {
  const [busy, setBusy] = useState(false);
  const toasts = useToasts();
  const download = async () => {
    setBusy(true);
    try {
      const bundle = await take(api.GET("/v1/keyspaces/{keyspace_id}/snapshot:export", { ...inKeyspace(keyspaceId), parseAs: "blob" }));
      save(bundle as unknown as Blob, `${keyspaceId}.latchkey`);
    } catch (error) {
      toasts.fault(isTooLarge(error) ? new Error("This snapshot does not fit into one file, which has at most 4 MiB. The key preview loads it without one, and latchkey snapshot export --parts writes several.") : error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button icon="down" busy={busy} onClick={() => void download()}>
      Download
    </Button>
  );
}

/** Of a snapshot that is there, nothing else is in the way. */
function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.code === "SNAPSHOT_NOT_EXPORTABLE";
}

function save(content: Blob, name: string) {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
