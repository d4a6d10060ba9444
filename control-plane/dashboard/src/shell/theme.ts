import { useEffect, useState } from "react";

type Theme = "light" | "dark";
const STORED_AS = "latchkey-theme";

/** The colours in use, and the way to the others. Follows the system until a person chooses. */
export function useTheme(): { theme: Theme; toggle: () => void } {
  const [theme, setTheme] = useState<Theme>(document.documentElement.dataset["theme"] === "dark" ? "dark" : "light");
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  useEffect(() => {
    const wanted = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      if (localStorage.getItem(STORED_AS) === null) setTheme(wanted.matches ? "dark" : "light");
    };
    wanted.addEventListener("change", follow);
    return () => wanted.removeEventListener("change", follow);
  }, []);
  const toggle = () => {
    const other = theme === "dark" ? "light" : "dark";
    localStorage.setItem(STORED_AS, other);
    setTheme(other);
  };
  return { theme, toggle };
}
