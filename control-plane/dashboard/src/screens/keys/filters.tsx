import { useSearchParams } from "wouter";
import { Icon } from "../../ui/icon";

export const filterNames = ["search", "status", "environment", "owner", "tag"] as const;

export function hasFilters(params: URLSearchParams): boolean {
  return filterNames.some((name) => params.get(name));
}

/** What the list shows. It stands in the address, so that a list can be sent to somebody and gone back to. */
export function Filters() {
  const [params, setParams] = useSearchParams();
  const set = (name: (typeof filterNames)[number]) => (event: { target: { value: string } }) => {
    const changed = new URLSearchParams(params);
    if (event.target.value) changed.set(name, event.target.value);
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  const value = (name: (typeof filterNames)[number]) => params.get(name) ?? "";
  return (
    <search className="filters">
      <div className="filters-search">
        <Icon name="search" />
        <input className="control" type="search" aria-label="Search" placeholder="Name, start of the token or id" maxLength={100} value={value("search")} onChange={set("search")} />
      </div>
      <select className="control" aria-label="Status" value={value("status")} onChange={set("status")}>
        <option value="">All but revoked</option>
        <option value="active">Active</option>
        <option value="disabled">Off</option>
        <option value="expired">Expired</option>
        <option value="revoked">Revoked</option>
        <option value="all">All</option>
      </select>
      <select className="control" aria-label="Environment" value={value("environment")} onChange={set("environment")}>
        <option value="">Test and live</option>
        <option value="test">Test</option>
        <option value="live">Live</option>
      </select>
      <input className="control" aria-label="Owner" placeholder="Owner" maxLength={255} value={value("owner")} onChange={set("owner")} />
      <input className="control" aria-label="Tag" placeholder="Tag" maxLength={64} value={value("tag")} onChange={set("tag")} />
    </search>
  );
}
