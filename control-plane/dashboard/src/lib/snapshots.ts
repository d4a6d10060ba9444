import { api, take } from "../api/client";
import { type Resource, useResource } from "../api/resource";
import { inKeyspace } from "./keyspaces";
import type { Propagation, Snapshot } from "./types";

/** What was last published of a keyspace. */
export function useSnapshot(id: string, everyMs?: number): Resource<Snapshot> {
  return useResource(`snapshot ${id}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/snapshot", inKeyspace(id))), everyMs);
}

/** How far gates and sinks have come, and what holds publishing up. */
export function usePropagation(id: string, everyMs?: number): Resource<Propagation> {
  return useResource(`propagation ${id}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/propagation", inKeyspace(id))), everyMs);
}

/** The same, and how far the last change of a key has come. */
export function propagationOf(keyspaceId: string, keyId: string): Promise<Propagation> {
  return take(api.GET("/v1/keyspaces/{keyspace_id}/propagation", { params: { path: { keyspace_id: keyspaceId }, query: { key_id: keyId } } }));
}

/** A number of bytes as people say it. */
export function size(bytes: number): string {
  if (bytes < 1_024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  const isMore = bytes >= 1_048_576;
  const number = bytes / (isMore ? 1_048_576 : 1_024);
  return `${number.toLocaleString("en", { maximumFractionDigits: number < 10 ? 1 : 0 })} ${isMore ? "MiB" : "KiB"}`;
}
