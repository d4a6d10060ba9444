import init from "latchkey-wasm";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../styles/tokens.css";
import "../styles/base.css";
import { Callout } from "../ui/callout";
import { Preview } from "./preview";

const element = document.getElementById("root");
if (!element) throw new Error("preview/index.html has an element for the application");
const root = createRoot(element);
init().then(
  () =>
    root.render(
      <StrictMode>
        <Preview />
      </StrictMode>,
    ),
  () => root.render(<Callout tone="danger">This browser cannot run the validator: it needs WebAssembly with vector instructions, as browsers since 2023 have it.</Callout>),
);
