import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { setCsrfToken, whenSignedOut } from "./client";
import { ApiError, type Problem } from "./problem";
import { forgetAll } from "./resource";
import type { components } from "./schema";

/** Who is signed in, and what they may do. */
export type Session = components["schemas"]["SessionView"];

interface SessionContext {
  session: Session;
  /** Whether the API would let this admin key do it. Screens hide what it would refuse. */
  may: (scope: string) => boolean;
  signOut: (everywhere: boolean) => Promise<void>;
}

type State = { kind: "asking" } | { kind: "out"; ended: boolean } | { kind: "in"; session: Session } | { kind: "failed"; error: unknown };

const Context = createContext<SessionContext | undefined>(undefined);

export function useSession(): SessionContext {
  const context = useContext(Context);
  if (!context) throw new Error("useSession outside of SessionProvider");
  return context;
}

interface ProviderProps {
  children: ReactNode;
  /** Shown to whoever is not signed in. `ended` says that a session was cut off. */
  signIn: (enter: (adminKey: string) => Promise<void>, ended: boolean) => ReactNode;
  waiting: ReactNode;
  failed: (error: unknown, retry: () => void) => ReactNode;
}

/** Asks who is signed in, and shows its children to them alone. */
export function SessionProvider({ children, signIn, waiting, failed }: ProviderProps) {
  const [state, setState] = useState<State>({ kind: "asking" });

  const begin = useCallback((session: Session) => {
    setCsrfToken(session.csrf_token);
    setState({ kind: "in", session });
  }, []);
  const end = useCallback((ended: boolean) => {
    setCsrfToken(undefined);
    forgetAll();
    setState({ kind: "out", ended });
  }, []);

  const ask = useCallback(async () => {
    try {
      begin(await send("GET", "/v1/session"));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) end(false);
      else setState({ kind: "failed", error });
    }
  }, [begin, end]);

  useEffect(() => {
    whenSignedOut(() => end(true));
    void ask();
  }, [ask, end]);

  const context = useMemo(() => (state.kind === "in" ? contextOf(state.session, end) : undefined), [state, end]);

  if (state.kind === "asking") return waiting;
  if (state.kind === "failed") return failed(state.error, () => void ask());
  if (state.kind === "out") {
    const enter = async (adminKey: string) => begin(await send("POST", "/v1/session", { admin_key: adminKey }));
    return signIn(enter, state.ended);
  }
  return <Context value={context}>{children}</Context>;
}

function contextOf(session: Session, end: (ended: boolean) => void): SessionContext {
  return {
    session,
    may: (scope) => session.scopes.some((held) => held === "*" || held === scope),
    signOut: async (everywhere) => {
      const headers = { "X-CSRF-Token": session.csrf_token };
      if (everywhere) await send("POST", "/v1/session:end-all", undefined, headers);
      else await send("DELETE", "/v1/session", undefined, headers);
      end(false);
    },
  };
}

/** Apart from `api`: these calls decide whether there is a session at all. */
async function send<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
  if (body) headers = { ...headers, "content-type": "application/json" };
  const response = await fetch(path, { method, headers, credentials: "same-origin", body: body ? JSON.stringify(body) : null });
  const text = await response.text();
  const json: unknown = text ? JSON.parse(text) : undefined;
  if (!response.ok) throw new ApiError(json as Problem);
  return json as T;
}
