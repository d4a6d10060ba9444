import { useRef, useState } from "react";
import { ApiError } from "../api/problem";

/** Sending a form, and what the API found wrong with it. */
export interface Form {
  busy: boolean;
  error: unknown;
  /** What is wrong with this field, to stand beside it. */
  at: (field: string) => string | undefined;
  /** Runs the call; false when it failed. Never throws: the failure is the form's. */
  send: (call: () => Promise<void>) => Promise<boolean>;
  clear: () => void;
}

export function useForm(): Form {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  return {
    busy,
    error,
    at: (field) => (error instanceof ApiError ? error.under(field) : undefined),
    clear: () => setError(undefined),
    send: async (call) => {
      setBusy(true);
      setError(undefined);
      try {
        await call();
        return true;
      } catch (reason) {
        setError(reason);
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}

/** What went wrong and stands beside none of these fields: it must not be lost. */
export function elsewhere(error: unknown, fields: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (!(error instanceof ApiError) || error.fields.size === 0) return undefined;
  const isShown = (pointer: string) => fields.some((field) => pointer === `/${field}` || pointer.startsWith(`/${field}/`));
  return new Map([...error.fields].filter(([pointer]) => !isShown(pointer)));
}

/**
 * Names of requests that make something, so that one that is sent again, because its answer was lost, makes nothing twice. Another body is
 * another intention, and gets another name.
 */
export function useIdempotencyKey(): (body: unknown) => string {
  const last = useRef({ body: "", key: "" });
  return (body) => {
    const text = JSON.stringify(body);
    if (last.current.body !== text) last.current = { body: text, key: crypto.randomUUID() };
    return last.current.key;
  };
}
