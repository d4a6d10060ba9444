import { api, take } from "../api/client";
import { everyPage } from "../api/list";
import { type Resource, useResource } from "../api/resource";
import type { components } from "../api/schema";
import type { Environments, Policy, Role } from "./types";

export type Keyspace = components["schemas"]["KeyspaceView"];

/** All keyspaces that the session sees. */
export function useKeyspaces(): Resource<Keyspace[]> {
  return useResource("keyspaces", () => everyPage((cursor) => take(api.GET("/v1/keyspaces", { params: { query: pageOf(cursor) } }))));
}

export function useKeyspace(id: string): Resource<Keyspace> {
  return useResource(`keyspace ${id}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}", inKeyspace(id))));
}

/** All roles of a keyspace; none where the session may not see them. */
export function useRoles(id: string, allowed = true): Resource<Role[]> {
  return useResource(allowed ? `roles ${id}` : undefined, () =>
    everyPage((cursor) => take(api.GET("/v1/keyspaces/{keyspace_id}/roles", { params: { path: { keyspace_id: id }, query: pageOf(cursor) } }))),
  );
}

export function usePolicy(id: string, allowed = true): Resource<Policy> {
  return useResource(allowed ? `policy ${id}` : undefined, () => take(api.GET("/v1/keyspaces/{keyspace_id}/policy", inKeyspace(id))));
}

export function useEnvironments(id: string, allowed = true): Resource<Environments> {
  return useResource(allowed ? `environments ${id}` : undefined, () => take(api.GET("/v1/keyspaces/{keyspace_id}/environments", inKeyspace(id))));
}

export function inKeyspace(id: string) {
  return { params: { path: { keyspace_id: id } } };
}

export function pageOf(cursor: string | undefined, limit = 100) {
  return cursor ? { limit, cursor } : { limit };
}
