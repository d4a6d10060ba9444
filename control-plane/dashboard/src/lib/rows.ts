/** Changes to a list that a form edits row by row. */
export function rowsOf<T>(rows: readonly T[], onChange: (rows: T[]) => void) {
  return {
    add: (row: T) => onChange([...rows, row]),
    remove: (at: number) => onChange(rows.filter((_, index) => index !== at)),
    change: (at: number, change: Partial<T>) => onChange(rows.map((row, index) => (index === at ? { ...row, ...change } : row))),
    move: (at: number, by: -1 | 1) => {
      const moved = [...rows];
      const [row] = moved.splice(at, 1);
      if (row !== undefined) moved.splice(at + by, 0, row);
      onChange(moved);
    },
  };
}

/** `a, b` typed by a person, as a list. */
export function listed(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
