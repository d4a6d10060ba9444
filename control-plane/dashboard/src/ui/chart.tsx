import { Table } from "./table";
import "./chart.css";

/** Requests of one stretch of time. */
export interface Bar {
  from: Date;
  allowed: number;
  denied: number;
}

const WIDTH = 720;
const HEIGHT = 150;
const LEFT = 38;
const BOTTOM = 20;
const TOP = 8;

/** Requests over time, denials on top of what was let through. The same figures stand in a table for those who do not see it. */
export function RequestChart({ title, bars, labelOf }: { title: string; bars: Bar[]; labelOf: (bar: Bar) => string }) {
  const most = roundUp(Math.max(1, ...bars.map(({ allowed, denied }) => allowed + denied)));
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const height = (count: number) => (count / most) * (HEIGHT - BOTTOM - TOP);
  const total = (kind: "allowed" | "denied") => bars.reduce((sum, bar) => sum + bar[kind], 0).toLocaleString("en");
  const everyLabel = Math.ceil(bars.length / 6);
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}: ${total("allowed")} let through, ${total("denied")} refused`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line className="chart-axis" x1={LEFT} x2={WIDTH} y1={HEIGHT - BOTTOM - height(most * part)} y2={HEIGHT - BOTTOM - height(most * part)} />
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

function roundUp(most: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(most));
  return Math.ceil(most / magnitude / 2) * 2 * magnitude;
}

function short(count: number): string {
  return new Intl.NumberFormat("en", { notation: "compact" }).format(count);
}
