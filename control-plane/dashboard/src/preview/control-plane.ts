/** Where the control plane serves this page. A copy elsewhere has no control plane, and asks nobody for anything. */
const SERVED_AT = "/dashboard/preview/";

export interface Keyspace {
  id: string;
  name: string;
}

export const hasControlPlane = location.pathname === SERVED_AT;

/** The keyspaces that whoever is signed in may see the snapshots of; undefined if nobody is. */
export async function keyspaces(): Promise<Keyspace[] | undefined> {
  const session = await fetch("/v1/session");
  if (!session.ok) return undefined;
  const { scopes } = (await session.json()) as { scopes: string[] };
  if (!["keyspaces:read", "snapshots:read"].every((scope) => scopes.includes("*") || scopes.includes(scope))) return undefined;
  const page = (await json("/v1/keyspaces?limit=100")) as { data: Keyspace[] };
  return page.data;
}

/** The newest snapshot of a keyspace and the keys that its gates trust. */
export async function snapshotOf(id: string): Promise<{ bundle: Uint8Array; trustedKeys: string[] }> {
  const { trusted_keys } = (await json(`/v1/keyspaces/${id}/snapshot`)) as { trusted_keys: string[] };
  const answer = await fetch(`/v1/keyspaces/${id}/snapshot:export`);
  if (answer.status === 409) throw new Error(`${capital(await detailOf(answer))}. In the dashboard, “Try a request” under Routes decides for keys of any keyspace, however large.`);
  if (!answer.ok) throw new Error(await detailOf(answer));
  return { bundle: new Uint8Array(await answer.arrayBuffer()), trustedKeys: trusted_keys };
}

async function json(path: string): Promise<unknown> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await detailOf(answer));
  return answer.json();
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

async function detailOf(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  return problem.detail ?? `The control plane answered ${answer.status}.`;
}
