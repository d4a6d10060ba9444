import { ButtonLink } from "../ui/button";
import { EmptyState } from "../ui/empty";
import { Page } from "../ui/page";

export function NotFound() {
  return (
    <Page title="Nothing here">
      <EmptyState icon="search" title="There is no such page" action={<ButtonLink href="/">To the keyspaces</ButtonLink>}>
        The address may be mistyped, or what it showed was deleted.
      </EmptyState>
    </Page>
  );
}
