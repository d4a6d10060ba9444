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

/** The newest snapshot of a keyspace, all parts of it, and the keys that its gates trust. */
export async function snapshotOf(id: string, onPart: (count: number) => void): Promise<{ bundles: Uint8Array[]; trustedKeys: string[] }> {
  const { trusted_keys } = (await json(`/v1/keyspaces/${id}/snapshot`)) as { trusted_keys: string[] };
  const bundles: Uint8Array[] = [];
  // Always all: asked for one part, the control plane would learn in which one a key is.
  for (let query: string | undefined = "parts=true"; query !== undefined; ) {
    const answer: Response = await fetch(`/v1/keyspaces/${id}/snapshot:export?${query}`);
    if (!answer.ok) throw new Error(await detailOf(answer));
    bundles.push(new Uint8Array(await answer.arrayBuffer()));
    onPart(bundles.length);
    const next = answer.headers.get("latchkey-next-part");
    query = next === null ? undefined : `part=${next}`;
  }
  return { bundles, trustedKeys: trusted_keys };
}

async function json(path: string): Promise<unknown> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await detailOf(answer));
  return answer.json();
}

async function detailOf(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  return problem.detail ?? `The control plane answered ${answer.status}.`;
}
