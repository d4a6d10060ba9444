import { api, take } from "../api/client";
import { everyPage } from "../api/list";
import { type Resource, useResource } from "../api/resource";
import type { components } from "../api/schema";

export type Keyspace = components["schemas"]["KeyspaceView"];

/** All keyspaces that the session sees. */
export function useKeyspaces(): Resource<Keyspace[]> {
  return useResource("keyspaces", () => everyPage((cursor) => take(api.GET("/v1/keyspaces", { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }))));
}

export function useKeyspace(id: string): Resource<Keyspace> {
  return useResource(`keyspace ${id}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}", { params: { path: { keyspace_id: id } } })));
}
