import { useCallback, useEffect, useRef, useState } from "react";

/** What a screen shows of something that has to be fetched. */
export interface Resource<T> {
  /** The newest that came; also while it is fetched again, and after a failure. */
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload: () => Promise<void>;
  /** Shows this without asking: the answer of a change holds what the next fetch would bring. */
  set: (data: T) => void;
}

/** Last answers by name, so that going back shows a page at once and without a jump. */
const known = new Map<string, unknown>();

/** Forgets what was fetched: it belonged to the session that ended. */
export function forgetAll() {
  known.clear();
}

/**
 * Fetches when the page appears, when `name` changes, and every `everyMs` while given. `name` says what it is, its parameters
 * included; undefined fetches nothing.
 */
export function useResource<T>(name: string | undefined, fetchIt: () => Promise<T>, everyMs?: number): Resource<T> {
  const [state, setState] = useState<{ name: string | undefined; data: T | undefined; error: unknown }>(() => initial(name));
  const [loading, setLoading] = useState(name !== undefined);
  const fetcher = useRef(fetchIt);
  fetcher.current = fetchIt;
  const newest = useRef(0);

  const reload = useCallback(async () => {
    if (name === undefined) return;
    const mine = ++newest.current;
    setLoading(true);
    try {
      const data = await fetcher.current();
      // A slow answer must not replace a newer one.
      if (mine !== newest.current) return;
      known.set(name, data);
      setState({ name, data, error: undefined });
    } catch (error) {
      if (mine === newest.current) setState((before) => ({ name, data: before.name === name ? before.data : undefined, error }));
    } finally {
      if (mine === newest.current) setLoading(false);
    }
  }, [name]);

  const set = useCallback(
    (data: T) => {
      newest.current++;
      if (name !== undefined) known.set(name, data);
      setState({ name, data, error: undefined });
      setLoading(false);
    },
    [name],
  );

  useEffect(() => {
    setState((before) => (before.name === name ? before : initial(name)));
    void reload();
    return () => {
      newest.current++;
    };
  }, [name, reload]);

  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => void reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  const current = state.name === name ? state : initial<T>(name);
  return { data: current.data, error: current.error, loading, reload, set };
}

function initial<T>(name: string | undefined) {
  return { name, data: name === undefined ? undefined : (known.get(name) as T | undefined), error: undefined as unknown };
}
