import { useKeyPage } from "../../lib/key";
import { Confirm } from "../../ui/confirm";
import { AtStake } from "./at-stake";

export function TurnOff({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  return (
    <Confirm title={`Turn off ${key.name}?`} action="Turn off" danger onClose={onClose} onConfirm={async () => void (await patch({ enabled: false }, "refused"))}>
      <p>Gates refuse it until it is turned on again. Its secret, limits and history stay.</p>
      <AtStake keyId={key.id} verb="turning off" />
    </Confirm>
  );
}
