import { Route, Router, Switch } from "wouter";
import { SessionProvider } from "./api/session";
import { Shell } from "./shell/shell";
import { AdminKeys } from "./screens/admin-keys/page";
import { Audit } from "./screens/audit/page";
import { Gates } from "./screens/gates/page";
import { KeyScreen } from "./screens/key/page";
import { Keys } from "./screens/keys/list";
import { Keyspaces } from "./screens/keyspaces/list";
import { NotFound } from "./screens/not-found";
import { Requests } from "./screens/requests/page";
import { Roles } from "./screens/roles/page";
import { Routes } from "./screens/routes/page";
import { Settings } from "./screens/settings/page";
import { SignIn } from "./screens/sign-in/sign-in";
import { UpstreamCredentials } from "./screens/upstream/page";
import { Snapshots } from "./screens/snapshots/page";
import { Webhooks } from "./screens/webhooks/list";
import { WebhookScreen } from "./screens/webhooks/page";
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
      <Route path="/keyspaces/:id/requests">{({ id }) => <Requests key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/routes">{({ id }) => <Routes key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/roles">{({ id }) => <Roles key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/upstream">{({ id }) => <UpstreamCredentials key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/gates">{({ id }) => <Gates key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/snapshots">{({ id }) => <Snapshots key={id} keyspaceId={id} />}</Route>
      <Route path="/keyspaces/:id/settings">{({ id }) => <Settings key={id} keyspaceId={id} />}</Route>
      <Route path="/admin-keys" component={AdminKeys} />
      <Route path="/webhooks" component={Webhooks} />
      <Route path="/webhooks/:id">{({ id }) => <WebhookScreen key={id} webhookId={id} />}</Route>
      <Route path="/audit" component={Audit} />
      <Route component={NotFound} />
    </Switch>
  );
}
