import { useEffect, useState } from "react";
import { useResource } from "./resource";

interface Page<T> {
  data: T[];
  next_cursor?: string | null | undefined;
}

/** Pages of a list, one at a time, with the way back: the API's cursors only lead onwards. */
export function usePages<T>(name: string, fetchPage: (cursor: string | undefined) => Promise<Page<T>>) {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  // Another filter begins at the first page.
  useEffect(() => setCursors([]), [name]);
  const page = useResource(`${name} ${cursor ?? ""}`, () => fetchPage(cursor));
  const next = page.data?.next_cursor ?? undefined;
  return {
    ...page,
    rows: page.data?.data,
    number: cursors.length + 1,
    previous: cursors.length > 0 ? () => setCursors(cursors.slice(0, -1)) : undefined,
    next: next === undefined ? undefined : () => setCursors([...cursors, next]),
  };
}

/** At most this many pages of 100 are read where a screen needs everything. */
const MOST_PAGES = 20;

/** A whole list, for what is short by nature (roles, keyspaces, admin keys). */
export async function everyPage<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | undefined;
  for (let count = 0; count < MOST_PAGES; count++) {
    const page = await fetchPage(cursor);
    rows.push(...page.data);
    cursor = page.next_cursor ?? undefined;
    if (cursor === undefined) break;
  }
  return rows;
}
