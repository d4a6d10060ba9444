import type { ReactNode } from "react";
import { Button } from "./button";
import "./table.css";

export interface Column<T> {
  /** What stands above the column, and beside the value on a phone. */
  title: string;
  cell: (row: T) => ReactNode;
  /** Numbers and actions stand at the end of their cell. */
  end?: boolean;
  /** The title is for screen readers: the column holds actions. */
  untitled?: boolean;
}

interface TableProps<T> {
  /** What the rows are, for screen readers. */
  caption: string;
  columns: Column<T>[];
  /** Undefined while they are fetched: empty rows keep their place. */
  rows: T[] | undefined;
  rowId: (row: T) => string;
  expected?: number;
}

export function Table<T>({ caption, columns, rows, rowId, expected = 5 }: TableProps<T>) {
  return (
    <div className="table-frame">
      <table className="table" aria-busy={rows === undefined || undefined}>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, end, untitled }) => (
              <th key={title} scope="col" className={end ? "end" : undefined}>
                {untitled ? <span className="unseen">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows ? rows.map((row) => <Row key={rowId(row)} row={row} columns={columns} />) : <Waiting columns={columns} count={expected} />}</tbody>
      </table>
    </div>
  );
}

function Row<T>({ row, columns }: { row: T; columns: Column<T>[] }) {
  return (
    <tr>
      {columns.map(({ title, cell, end, untitled }) => (
        <td key={title} className={end ? "end" : undefined} data-label={untitled ? undefined : title}>
          {cell(row)}
        </td>
      ))}
    </tr>
  );
}

function Waiting<T>({ columns, count }: { columns: Column<T>[]; count: number }) {
  return Array.from({ length: count }, (_, index) => (
    <tr key={index}>
      {columns.map(({ title }) => (
        <td key={title}>
          <span className="skeleton" />
        </td>
      ))}
    </tr>
  ));
}

interface PagerProps {
  number: number;
  previous: (() => void) | undefined;
  next: (() => void) | undefined;
}

/** The way through a list's pages; nothing when there is one. */
export function Pager({ number, previous, next }: PagerProps) {
  if (!previous && !next) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <span className="soft small">Page {number}</span>
      <span className="row">
        <Button small disabled={!previous} onClick={previous}>
          Newer
        </Button>
        <Button small disabled={!next} onClick={next}>
          Older
        </Button>
      </span>
    </nav>
  );
}
