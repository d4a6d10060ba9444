/** Strokes on a grid of 16. */
const PATHS = {
  alert: "M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.3v.1",
  back: "M9.5 3.5 5 8l4.5 4.5",
  book: "M3 3h4.2c.5 0 .8.4.8.8V13c0-.6-.5-1-1-1H3V3ZM13 3H8.8c-.5 0-.8.4-.8.8V13c0-.6.5-1 1-1h4V3Z",
  chart: "M2.5 13.5h11M4.5 11V8M8 11V3.5M11.5 11V6",
  check: "m3 8.5 3.2 3L13 4.5",
  chevron: "m4.5 6.5 3.5 3 3.5-3",
  clock: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2ZM8 5v3.2l2 1.3",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M6 5.5h6.5v8H6zM3.5 10.5v-8H10",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  down: "M8 3v10M4 9l4 4 4-4",
  edit: "M10.5 3 13 5.5 6 12.5l-3 .5.5-3L10.5 3Z",
  gate: "M2.5 13.5v-11h11v11M5.5 13.5v-8h5v8M2.5 5.5h11",
  globe: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2ZM2.2 8h11.6M8 2.2c3.5 3.2 3.5 8.4 0 11.6M8 2.2c-3.5 3.2-3.5 8.4 0 11.6",
  hook: "M8 3.2a2.3 2.3 0 0 1 2 3.5l2 3.4M4.2 9.7a2.3 2.3 0 1 0 2 3.4H10M8 5.5 6 9.2M12 10.2a2 2 0 1 1-1.4 3.2",
  info: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2ZM8 7.5v3.2M8 5.2v.1",
  key: "M5.5 5.2a2.9 2.9 0 1 1 0 5.7 2.9 2.9 0 0 1 0-5.7ZM8.4 8H14v2.6M11.4 8v2",
  keys: "M2.5 4.5h11M2.5 8h11M2.5 11.5h7",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  lock: "M3.5 7h9v6.5h-9zM5.3 7V5a2.7 2.7 0 0 1 5.4 0v2",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z",
  out: "M6.5 3h-3v10h3M10 5l3 3-3 3M13 8H6.5",
  plus: "M8 3v10M3 8h10",
  refresh: "M13 5.5A5.5 5.5 0 1 0 13.5 8M13 2.5v3h-3",
  role: "M8 2.2 13 4v4c0 3-2 4.8-5 5.8C5 12.8 3 11 3 8V4l5-1.8Z",
  route: "M4 3.5a1.5 1.5 0 1 1 0 .01ZM12 12.5a1.5 1.5 0 1 1 0 .01ZM5.5 3.5H10a2.2 2.2 0 0 1 0 4.5H6a2.2 2.2 0 0 0 0 4.5h4.5",
  search: "M7 2.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4ZM10.2 10.2 13.5 13.5",
  settings: "M2.5 4.5H8M11.5 4.5h2M2.5 11.5h2M8 11.5h5.5M8 4.5a1.75 1.75 0 1 0 3.5 0 1.75 1.75 0 0 0-3.5 0ZM4.5 11.5a1.75 1.75 0 1 0 3.5 0 1.75 1.75 0 0 0-3.5 0Z",
  stack: "M8 2.5 14 5.5 8 8.5 2 5.5 8 2.5ZM2 8.2l6 3 6-3M2 10.8l6 3 6-3",
  sun: "M8 5.3a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9",
  up: "M8 13V3M4 7l4-4 4 4",
  user: "M8 2.5a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4ZM2.8 13.5c.6-2.3 2.6-3.5 5.2-3.5s4.6 1.2 5.2 3.5",
  vault: "M2.5 3h11v9h-11zM4.5 12v1.5M11.5 12v1.5M8 5.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what stands beside it, or the control's label, says the same in words. */
export function Icon({ name }: { name: IconName }) {
  const width = name === "dots" ? 2.4 : 1.5;
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth={width} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
