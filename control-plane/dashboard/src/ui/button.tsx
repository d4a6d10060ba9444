import type { ComponentProps, ReactNode } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "./icon";
import "./button.css";

type Look = "primary" | "secondary" | "quiet" | "danger";

interface Common {
  look?: Look | undefined;
  small?: boolean | undefined;
  icon?: IconName | undefined;
}

interface ButtonProps extends Common, Omit<ComponentProps<"button">, "children"> {
  children: ReactNode;
  /** The action runs: a second click would start it again. */
  busy?: boolean | undefined;
}

export function Button({ look, small, icon, busy, children, disabled, className, type = "button", ...rest }: ButtonProps) {
  const classes = `${classesOf(look, small)} ${busy ? "button-busy" : ""} ${className ?? ""}`;
  return (
    <button type={type} className={classes} disabled={disabled || busy} aria-busy={busy || undefined} {...rest}>
      {busy ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Common, Omit<ComponentProps<"button">, "children"> {
  icon: IconName;
  /** What it does, for those who see no icon, and as its tooltip. */
  label: string;
}

export function IconButton({ look = "quiet", small, icon, label, className, type = "button", ...rest }: IconButtonProps) {
  return (
    <button type={type} className={`${classesOf(look, small)} button-icon ${className ?? ""}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

/** A link that looks like a button: it leads somewhere and changes nothing. */
export function ButtonLink({ look, small, icon, href, children }: Common & { href: string; children: ReactNode }) {
  return (
    <Link href={href} className={classesOf(look, small)}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

/** The same to somewhere outside of this application. */
export function ButtonAnchor({ look, small, icon, children, ...rest }: Common & Omit<ComponentProps<"a">, "className">) {
  return (
    <a className={classesOf(look, small)} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

function classesOf(look: Look = "secondary", small = false): string {
  return `button button-${look} ${small ? "button-small" : ""}`;
}
