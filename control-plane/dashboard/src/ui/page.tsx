import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { Icon } from "./icon";
import "./page.css";

interface PageProps {
  title: string;
  /** What stands beside the title: states of the thing that the page is about. */
  badges?: ReactNode;
  intro?: ReactNode;
  actions?: ReactNode;
  back?: { href: string; label: string };
  children: ReactNode;
}

export function Page({ title, badges, intro, actions, back, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Latchkey`;
  }, [title]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          {back && (
            <Link href={back.href} className="page-back">
              <Icon name="back" />
              {back.label}
            </Link>
          )}
          <div className="row">
            <h1>{title}</h1>
            {badges}
          </div>
          {intro && <p className="page-intro">{intro}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Card({ title, intro, actions, children }: { title: string; intro?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <div>
          <h2>{title}</h2>
          {intro && <p>{intro}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      <div className="card-body">{children}</div>
    </section>
  );
}

/** Names and values of one thing. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
