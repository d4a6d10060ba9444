import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** An answer of the API that is not one of success. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** What is wrong with which field of the request, by the field's JSON pointer: `/rate_limits/0/window_seconds`. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(problem: Problem) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.request_id;
    this.fields = new Map((problem.errors ?? []).map(({ field, message }) => [field, message]));
  }

  /** What is wrong with this field, or with anything inside it. */
  under(field: string): string | undefined {
    const pointer = `/${field}`;
    for (const [name, message] of this.fields) {
      if (name === pointer) return message;
      if (name.startsWith(`${pointer}/`)) return `${placeIn(name.slice(pointer.length + 1))}: ${message}`;
    }
    return undefined;
  }
}

/** `0/cidr` as people count: `no. 1, cidr`. */
function placeIn(pointer: string): string {
  return pointer
    .split("/")
    .map((part) => (/^\d+$/.test(part) ? `no. ${Number(part) + 1}` : part))
    .join(", ");
}

/** Any failure in words for a person. */
export function inWords(error: unknown): string {
  if (error instanceof ApiError) {
    return error.status >= 500 ? `${error.message} (request ${error.requestId})` : error.message;
  }
  if (error instanceof TypeError) return "The control plane cannot be reached. Is it running, and is this machine online?";
  return error instanceof Error ? error.message : String(error);
}
