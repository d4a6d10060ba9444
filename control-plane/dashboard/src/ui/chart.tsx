import { useEffect, useRef, useState } from "react";
import { Table } from "./table";
import "./chart.css";

/** Requests of one stretch of time. */
export interface Bar {
  from: Date;
  allowed: number;
  denied: number;
}

/** Until the page has been laid out. */
const FIRST_WIDTH = 720;
const LEAST_WIDTH = 200;
const LABEL_WIDTH = 72;
const HEIGHT = 150;
const LEFT = 38;
const BOTTOM = 20;
const TOP = 8;

/** Requests over time, denials on top of what was let through. The same figures stand in a table for those who do not see it. */
export function RequestChart({ title, bars, labelOf }: { title: string; bars: Bar[]; labelOf: (bar: Bar) => string }) {
  const frame = useRef<HTMLElement>(null);
  const width = useWidth(frame);
  const most = roundUp(Math.max(1, ...bars.map(({ allowed, denied }) => allowed + denied)));
  const step = (width - LEFT) / Math.max(1, bars.length);
  const height = (count: number) => (count / most) * (HEIGHT - BOTTOM - TOP);
  const total = (kind: "allowed" | "denied") => bars.reduce((sum, bar) => sum + bar[kind], 0).toLocaleString("en");
  const everyLabel = Math.ceil(bars.length / Math.max(1, Math.floor((width - LEFT) / LABEL_WIDTH)));
  return (
    <figure className="chart" ref={frame}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={`${title}: ${total("allowed")} let through, ${total("denied")} refused`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line className="chart-axis" x1={LEFT} x2={width} y1={HEIGHT - BOTTOM - height(most * part)} y2={HEIGHT - BOTTOM - height(most * part)} />
            <text className="chart-label" x={LEFT - 6} y={HEIGHT - BOTTOM - height(most * part) + 4} textAnchor="end">
              {Number.isInteger(most * part) ? short(most * part) : ""}
            </text>
          </g>
        ))}
        {bars.map((bar, at) => {
          const x = LEFT + at * step + step * 0.14;
          const base = HEIGHT - BOTTOM;
          return (
            <g key={bar.from.getTime()}>
              <title>{`${labelOf(bar)}: ${bar.allowed} let through, ${bar.denied} refused`}</title>
              <rect className="chart-good" x={x} width={step * 0.72} y={base - height(bar.allowed)} height={height(bar.allowed)} rx={1} />
              <rect className="chart-bad" x={x} width={step * 0.72} y={base - height(bar.allowed + bar.denied)} height={height(bar.denied)} rx={1} />
              {at % everyLabel === 0 && (
                <text className="chart-label" x={LEFT + at * step} y={HEIGHT - 4}>
                  {labelOf(bar)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <figcaption className="chart-legend">
        <span>
          <i className="legend-good" />
          {total("allowed")} let through
        </span>
        <span>
          <i className="legend-bad" />
          {total("denied")} refused
        </span>
      </figcaption>
      <details>
        <summary>As a table</summary>
        <Table
          caption={title}
          rows={bars.filter(({ allowed, denied }) => allowed + denied > 0)}
          rowId={({ from }) => from.toISOString()}
          columns={[
            { title: "Time", cell: labelOf },
            { title: "Let through", end: true, cell: ({ allowed }) => allowed.toLocaleString("en") },
            { title: "Refused", end: true, cell: ({ denied }) => denied.toLocaleString("en") },
          ]}
        />
      </details>
    </figure>
  );
}

/** Drawn in the page's own pixels, so that its text is as large as all other text. */
function useWidth(frame: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(FIRST_WIDTH);
  useEffect(() => {
    if (!frame.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(LEAST_WIDTH, Math.round(entry.contentRect.width))));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}

function roundUp(most: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(most));
  return Math.ceil(most / magnitude / 2) * 2 * magnitude;
}

function short(count: number): string {
  return new Intl.NumberFormat("en", { notation: "compact" }).format(count);
}
