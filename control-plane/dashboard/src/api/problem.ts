import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** An answer of the API that is not one of success. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** What is wrong with which field of the request, by the field's path: `rate_limits[0].window_seconds`. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(problem: Problem) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.request_id;
    this.fields = new Map((problem.errors ?? []).map(({ field, message }) => [field, message]));
  }

  /** What is wrong with this field or with anything inside it. */
  under(field: string): string | undefined {
    for (const [name, message] of this.fields) {
      if (name === field) return message;
      if (name.startsWith(`${field}.`) || name.startsWith(`${field}[`)) return `${name.slice(field.length).replace(/^\./, "")}: ${message}`;
    }
    return undefined;
  }
}

/** Any failure in words for a person. */
export function inWords(error: unknown): string {
  if (error instanceof ApiError) {
    return error.status >= 500 ? `${error.message} (request ${error.requestId})` : error.message;
  }
  if (error instanceof TypeError) return "The control plane cannot be reached. Is it running, and is this machine online?";
  return error instanceof Error ? error.message : String(error);
}
