import { useEffect, useState } from "react";
import { Link } from "wouter";
import { inWords } from "../../api/problem";
import type { Change } from "../../lib/key";
import { propagationOf } from "../../lib/snapshots";
import { counted } from "../../lib/time";
import type { Propagation as Progress } from "../../lib/types";
import "./propagation.css";

const ASK_EVERY_MS = 250;
/** By then a gate that has not answered will not do so soon; its page says why. */
const GIVE_UP_AFTER_MS = 30_000;

type State = { kind: "asking"; progress?: Progress } | { kind: "done"; progress: Progress; afterMs: number } | { kind: "late"; progress: Progress | undefined } | { kind: "failed"; error: unknown };

/** Follows the last change of a key to every gate, and says when the last of them had it. */
export function Propagation({ keyspaceId, keyId, change }: { keyspaceId: string; keyId: string; change: Change }) {
  const state = usePropagation(keyspaceId, keyId, change);
  return (
    <div className="propagation" role="status">
      <Gates state={state} />
      <span>{sentence(state, change)}</span>
      {(state.kind === "late" || isStuck(state)) && <Link href={`/keyspaces/${keyspaceId}/gates`}>Look at the gates</Link>}
    </div>
  );
}

function usePropagation(keyspaceId: string, keyId: string, { changeSeq, sentAt }: Change): State {
  const [state, setState] = useState<State>({ kind: "asking" });
  useEffect(() => {
    let stopped = false;
    setState({ kind: "asking" });
    const ask = async () => {
      while (!stopped) {
        const progress = await propagationOf(keyspaceId, keyId);
        if (stopped) return;
        if (progress.gates.every(hasIt)) return setState({ kind: "done", progress, afterMs: Date.now() - sentAt });
        if (Date.now() - sentAt > GIVE_UP_AFTER_MS) return setState({ kind: "late", progress });
        setState({ kind: "asking", progress });
        await new Promise((wake) => setTimeout(wake, ASK_EVERY_MS));
      }
    };
    ask().catch((error: unknown) => !stopped && setState({ kind: "failed", error }));
    return () => {
      stopped = true;
    };
    // Another change of the same key begins anew.
  }, [keyspaceId, keyId, changeSeq, sentAt]);
  return state;
}

function hasIt(gate: Progress["gates"][number]): boolean {
  return gate.applied === true;
}

/** Nothing is published at all, and only a person can change that. */
function isStuck(state: State): boolean {
  return state.kind === "asking" && state.progress?.restored != null;
}

function sentence(state: State, { effect }: Change): string {
  if (state.kind === "failed") return `Saved. Whether gates have it cannot be told: ${inWords(state.error)}`;
  const gates = state.progress?.gates;
  if (gates?.length === 0) return "Saved. This keyspace has no gate yet that would enforce it.";
  if (isStuck(state)) return "Saved. Nothing of this keyspace is published at the moment, so no gate hears of it.";
  if (state.kind === "done") return `${capital(effect)} at ${state.progress.gates.length} of ${counted(state.progress.gates.length, "gate")} after ${(state.afterMs / 1_000).toFixed(1)} s.`;
  if (!gates) return "Saved. On its way to the gates…";
  const count = gates.filter(hasIt).length;
  const so_far = `${capital(effect)} at ${count} of ${counted(gates.length, "gate")}`;
  return state.kind === "late" ? `${so_far} after ${GIVE_UP_AFTER_MS / 1_000} s; the rest get it when they can be reached.` : `${so_far} so far…`;
}

function Gates({ state }: { state: State }) {
  if (state.kind === "failed" || !state.progress) return <span className="spinner" aria-hidden="true" />;
  return (
    <span className="propagation-gates" aria-hidden="true">
      {state.progress.gates.map((gate) => (
        <i key={gate.url} title={gate.url} className={hasIt(gate) ? "has-it" : gate.last_error ? "failed" : ""} />
      ))}
    </span>
  );
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
