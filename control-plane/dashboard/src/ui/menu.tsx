import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Icon, type IconName } from "./icon";
import "./menu.css";

export interface MenuItem {
  label: string;
  icon?: IconName;
  danger?: boolean;
  onSelect: () => void;
}

interface MenuProps {
  label: string;
  /** What the button shows; three dots unless given. */
  children?: ReactNode;
  items: MenuItem[];
  /** Opens upwards: it stands at the bottom of the page. */
  up?: boolean;
  buttonClass?: string;
}

/** A button with a menu, by the keys that WAI-ARIA gives to one: arrows, Home, End, Esc. */
export function Menu({ label, children, items, up = false, buttonClass = "button button-quiet button-icon" }: MenuProps) {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    entries(frame.current)[0]?.focus();
    const closeOutside = (event: Event) => {
      if (!frame.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", closeOutside);
    document.addEventListener("focusin", closeOutside);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
      document.removeEventListener("focusin", closeOutside);
    };
  }, [open]);

  const close = () => {
    setOpen(false);
    frame.current?.querySelector<HTMLElement>("button")?.focus();
  };
  const move = (event: KeyboardEvent) => {
    const all = entries(frame.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") close();
    else if (to === undefined) return;
    else all[to]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className={`menu ${up ? "menu-up" : ""}`} ref={frame} onKeyDown={open ? move : undefined}>
      <button type="button" className={buttonClass} aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} aria-label={children ? undefined : label} title={label} onClick={() => setOpen(!open)}>
        {children ?? <Icon name="dots" />}
      </button>
      {open && (
        <div className="menu-items" role="menu" id={id} aria-label={label}>
          {items.map(({ label, icon, danger, onSelect }) => (
            <button
              key={label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={`menu-item ${danger ? "menu-item-danger" : ""}`}
              onClick={() => {
                close();
                onSelect();
              }}
            >
              {icon && <Icon name={icon} />}
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function entries(frame: HTMLElement | null): HTMLElement[] {
  return [...(frame?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
}
