import { createContext, useContext } from "react";
import { api, MERGE_PATCH, takeVersioned, type Versioned } from "../api/client";
import { type Resource, useResource } from "../api/resource";
import type { Key, KeyPatch } from "./types";

/** What was changed, and since when it has been on its way to the gates. */
export interface Change {
  changeSeq: number;
  sentAt: number;
  /** What gates do once they know: "refused", "enforced". */
  effect: string;
}

/** A key on its page: as it is, and how it is changed. */
export interface KeyPage {
  keyspaceId: string;
  key: Key;
  mayWrite: boolean;
  /** Sends a patch that names the version that the page shows, and follows it to the gates. */
  patch: (body: KeyPatch, effect?: string) => Promise<Key>;
  /** Takes over what another operation answered. */
  changed: (answer: Versioned<Key>, effect: string, sentAt: number) => void;
  reload: () => Promise<void>;
  version: string | undefined;
}

export const KeyContext = createContext<KeyPage | undefined>(undefined);

export function useKeyPage(): KeyPage {
  const page = useContext(KeyContext);
  if (!page) throw new Error("useKeyPage outside of a key's page");
  return page;
}

export function useKey(id: string): Resource<Versioned<Key>> {
  return useResource(`key ${id}`, () => takeVersioned(api.GET("/v1/keys/{key_id}", { params: { path: { key_id: id } } })));
}

export function patchKey(key: Key, version: string | undefined, patch: KeyPatch): Promise<Versioned<Key>> {
  // The client's types take no field that can only be null, which `credits` of a patch is.
  const body = patch as Omit<KeyPatch, "credits">;
  return takeVersioned(api.PATCH("/v1/keys/{key_id}", { params: ofKey(key.id, version), body, headers: MERGE_PATCH }));
}

export function ofKey(id: string, version?: string) {
  return version ? { path: { key_id: id }, header: { "If-Match": version } } : { path: { key_id: id } };
}
