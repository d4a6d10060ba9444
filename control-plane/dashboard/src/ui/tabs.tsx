import { Link, useLocation } from "wouter";
import "./tabs.css";

/** Parts of one thing, each with an address of its own: reloading and going back stay where one was. */
export function Tabs({ label, tabs }: { label: string; tabs: { href: string; label: string }[] }) {
  const [location] = useLocation();
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ href, label }) => (
        <Link key={href} href={href} className="tab" aria-current={location === href ? "page" : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}
