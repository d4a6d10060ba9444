import { useEffect, useState } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client";
import { inWords } from "../../api/problem";
import { inKeyspace } from "../../lib/keyspaces";
import type { Change } from "../../lib/key";
import { counted } from "../../lib/time";
import type { Propagation as Progress } from "../../lib/types";
import "./propagation.css";

const ASK_EVERY_MS = 250;
/** By then a gate that has not answered will not do so soon; its page says why. */
const GIVE_UP_AFTER_MS = 30_000;

type State = { kind: "asking"; progress?: Progress } | { kind: "done"; progress: Progress; afterMs: number } | { kind: "late"; progress: Progress | undefined } | { kind: "failed"; error: unknown };

/** Follows one change to every gate, and says when the last of them had it. */
export function Propagation({ keyspaceId, change }: { keyspaceId: string; change: Change }) {
  const state = usePropagation(keyspaceId, change);
  return (
    <div className="propagation" role="status">
      <Gates state={state} change={change} />
      <span>{sentence(state, change)}</span>
      {state.kind === "late" && <Link href={`/keyspaces/${keyspaceId}/gates`}>Look at the gates</Link>}
    </div>
  );
}

function usePropagation(keyspaceId: string, { changeSeq, sentAt }: Change): State {
  const [state, setState] = useState<State>({ kind: "asking" });
  useEffect(() => {
    let stopped = false;
    setState({ kind: "asking" });
    const ask = async () => {
      while (!stopped) {
        const progress = await take(api.GET("/v1/keyspaces/{keyspace_id}/propagation", inKeyspace(keyspaceId)));
        if (stopped) return;
        if (progress.gates.every((gate) => hasIt(gate, changeSeq))) return setState({ kind: "done", progress, afterMs: Date.now() - sentAt });
        if (Date.now() - sentAt > GIVE_UP_AFTER_MS) return setState({ kind: "late", progress });
        setState({ kind: "asking", progress });
        await new Promise((wake) => setTimeout(wake, ASK_EVERY_MS));
      }
    };
    ask().catch((error: unknown) => !stopped && setState({ kind: "failed", error }));
    return () => {
      stopped = true;
    };
  }, [keyspaceId, changeSeq, sentAt]);
  return state;
}

function hasIt(gate: Progress["gates"][number], changeSeq: number): boolean {
  return (gate.applied_change_seq ?? -1) >= changeSeq;
}

function sentence(state: State, { effect, changeSeq }: Change): string {
  if (state.kind === "failed") return `Saved. Whether gates have it cannot be told: ${inWords(state.error)}`;
  const gates = state.progress?.gates;
  if (gates?.length === 0) return "Saved. This keyspace has no gate yet that would enforce it.";
  if (state.kind === "done") return `${capital(effect)} at ${state.progress.gates.length} of ${counted(state.progress.gates.length, "gate")} after ${(state.afterMs / 1_000).toFixed(1)} s.`;
  if (!gates) return "Saved. On its way to the gates…";
  const count = gates.filter((gate) => hasIt(gate, changeSeq)).length;
  const so_far = `${capital(effect)} at ${count} of ${counted(gates.length, "gate")}`;
  return state.kind === "late" ? `${so_far} after ${GIVE_UP_AFTER_MS / 1_000} s; the rest get it when they can be reached.` : `${so_far} so far…`;
}

function Gates({ state, change }: { state: State; change: Change }) {
  if (state.kind === "failed" || !state.progress) return <span className="spinner" aria-hidden="true" />;
  return (
    <span className="propagation-gates" aria-hidden="true">
      {state.progress.gates.map((gate) => (
        <i key={gate.url} title={gate.url} className={hasIt(gate, change.changeSeq) ? "has-it" : gate.last_error ? "failed" : ""} />
      ))}
    </span>
  );
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
