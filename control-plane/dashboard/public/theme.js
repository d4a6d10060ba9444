// The colours to paint with, before anything is painted. src/shell/theme.ts lets a person choose.
(() => {
  const chosen = localStorage.getItem("latchkey-theme");
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : wanted;
})();
