import createClient, { type Middleware } from "openapi-fetch";
import { ApiError, type Problem } from "./problem";
import type { paths } from "./schema";

/** Calls of the API by the types that the OpenAPI document gives them. The session's cookie says who calls. */
export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

let csrfToken: string | undefined;
let onSignedOut: () => void = () => {};

/** The token that proves that a change was asked for by this page; it lives as long as the session. */
export function setCsrfToken(token: string | undefined) {
  csrfToken = token;
}

/** Called when the API no longer knows the session. */
export function whenSignedOut(callback: () => void) {
  onSignedOut = callback;
}

const session: Middleware = {
  onRequest({ request }) {
    if (csrfToken !== undefined && request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onResponse({ request, response }) {
    if (response.status === 401 && !new URL(request.url).pathname.startsWith("/v1/session")) onSignedOut();
  },
};
api.use(session);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The body of a successful answer.
 *
 * @throws {ApiError} for every other.
 */
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  throw new ApiError(isProblem(error) ? error : strange(response));
}

/** A resource with the version that `If-Match` names, so that a save never overwrites what somebody else saved meanwhile. */
export interface Versioned<T> {
  value: T;
  version: string | undefined;
}

/** As `take`, with the version of what came. */
export async function takeVersioned<T>(call: Promise<Answer<T>>): Promise<Versioned<T>> {
  const answer = await call;
  return { value: await take(Promise.resolve(answer)), version: answer.response.headers.get("etag") ?? undefined };
}

/** The bodies of changes are merge patches, which `fetch` would not name by itself. */
export const MERGE_PATCH = { "content-type": "application/merge-patch+json" };

function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && "code" in error && "detail" in error;
}

/** What a proxy or a crash answers instead of the API. */
function strange(response: Response): Problem {
  const request_id = response.headers.get("x-request-id") ?? "unknown";
  const detail = `The control plane answered ${response.status} without saying why.`;
  return { type: "about:blank", title: "Unexpected answer", status: response.status, code: "UNEXPECTED", detail, request_id };
}
