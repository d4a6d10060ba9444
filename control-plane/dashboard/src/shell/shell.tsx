import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSession } from "../api/session";
import { useKeyspaces } from "../lib/keyspaces";
import { IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { Menu } from "../ui/menu";
import { useToasts } from "../ui/toast";
import { type Entry, OF_KEYSPACE, OF_WORKSPACE } from "./navigation";
import { useTheme } from "./theme";
import "./shell.css";

/** What stands around every page: the way to all others, and who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const [open, setOpen] = useState(false);
  const content = useRef<HTMLElement>(null);

  // Another page: begin at its top, and with the navigation of a phone out of the way.
  useEffect(() => {
    setOpen(false);
    window.scrollTo(0, 0);
  }, [location]);
  useEffect(() => {
    if (!open) return;
    const close = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [open]);

  return (
    <div className="shell">
      <a className="skip" href="#content" onClick={(event) => (event.preventDefault(), content.current?.focus())}>
        Skip to the content
      </a>
      <header className="topbar">
        <IconButton icon="menu" label="Navigation" aria-expanded={open} onClick={() => setOpen(!open)} />
        <Brand />
        <ThemeButton />
      </header>
      {open && <div className="sidebar-shade" onClick={() => setOpen(false)} />}
      <div className={`sidebar ${open ? "sidebar-open" : ""}`}>
        <Brand />
        <Navigation />
        <div className="sidebar-foot">
          <Account />
          <ThemeButton />
        </div>
      </div>
      <main className="content" id="content" ref={content} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

export function Brand() {
  return (
    <Link href="/" className="brand">
      <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="26" height="26" />
      Latchkey
    </Link>
  );
}

function Navigation() {
  const [location] = useLocation();
  const { may } = useSession();
  const id = /^\/keyspaces\/([^/]+)/.exec(location)?.[1];
  const keyspaces = useKeyspaces();
  const allowed = (entries: Entry[]) => entries.filter(({ scope }) => may(scope));
  return (
    <nav aria-label="Main" className="stack">
      {id && (
        <div className="nav-group">
          <p className="nav-title">{keyspaces.data?.find((keyspace) => keyspace.id === id)?.name ?? "Keyspace"}</p>
          {allowed(OF_KEYSPACE).map((entry) => (
            <NavLink key={entry.path} entry={entry} href={`/keyspaces/${id}${entry.path}`} location={location} />
          ))}
        </div>
      )}
      <div className="nav-group">
        <p className="nav-title">Workspace</p>
        {allowed(OF_WORKSPACE).map((entry) => (
          <NavLink key={entry.path} entry={entry} href={entry.path} location={location} />
        ))}
        {/* An application of its own, for whoever has a key and no admin key: not a page of this one. */}
        <a href={`${import.meta.env.BASE_URL}preview/`} className="nav-link">
          <Icon name="search" />
          Key preview
        </a>
      </div>
    </nav>
  );
}

function NavLink({ entry, href, location }: { entry: Entry; href: string; location: string }) {
  const here = location === href || (href !== "/" && location.startsWith(`${href}/`));
  return (
    <Link href={href} className="nav-link" aria-current={here ? "page" : undefined}>
      <Icon name={entry.icon} />
      {entry.label}
    </Link>
  );
}

function Account() {
  const { session, signOut } = useSession();
  const toasts = useToasts();
  const leave = (everywhere: boolean) => signOut(everywhere).catch(toasts.fault);
  return (
    <Menu
      up
      label="Account"
      buttonClass="account"
      items={[
        { label: "Sign out", icon: "out", onSelect: () => void leave(false) },
        { label: "Sign out everywhere", icon: "globe", onSelect: () => void leave(true) },
      ]}
    >
      <Icon name="user" />
      <span className="account-name">
        <span>{session.name}</span>
        <span className="soft">{session.workspace.name}</span>
      </span>
    </Menu>
  );
}

export function ThemeButton() {
  const { theme, toggle } = useTheme();
  return <IconButton icon={theme === "dark" ? "sun" : "moon"} label={theme === "dark" ? "Light colours" : "Dark colours"} onClick={toggle} />;
}
