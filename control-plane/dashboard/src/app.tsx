import { Route, Router, Switch } from "wouter";
import { SessionProvider } from "./api/session";
import { Shell } from "./shell/shell";
import { KeyScreen } from "./screens/key/page";
import { Keys } from "./screens/keys/list";
import { Keyspaces } from "./screens/keyspaces/list";
import { NotFound } from "./screens/not-found";
import { SignIn } from "./screens/sign-in/sign-in";
import { LoadFault } from "./ui/callout";
import { ToastProvider } from "./ui/toast";

/** Below which path the control plane serves this application. */
const BASE = import.meta.env.BASE_URL.replace(/\/$/, "");

export function App() {
  return (
    <Router base={BASE}>
      <ToastProvider>
        <SessionProvider
          signIn={(enter, ended) => <SignIn enter={enter} ended={ended} />}
          waiting={null}
          failed={(error, retry) => (
            <main className="centred">
              <LoadFault error={error} retry={retry} />
            </main>
          )}
        >
          <Shell>
            <Screens />
          </Shell>
        </SessionProvider>
      </ToastProvider>
    </Router>
  );
}

function Screens() {
  return (
    <Switch>
      <Route path="/" component={Keyspaces} />
      <Route path="/keyspaces/:id/keys">{({ id }) => <Keys key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/keys/:keyId/*?">{({ id, keyId }) => <KeyScreen key={keyId} keyspaceId={id} keyId={keyId} />}</Route>
      <Route component={NotFound} />
    </Switch>
  );
}
