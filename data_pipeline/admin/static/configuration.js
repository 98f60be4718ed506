// The service's settings, with the databases and storages that were added to those of the environment. Asked for by each
// view: they may be others by now.

import { BASE, call } from "/panel/api.js";

// targets: databases by their names; stores: the other stores.
export async function configuration(signal) {
  const ask = (many) => call("GET", `/${many}`, undefined, { signal, prefix: BASE });
  const [settings, { targets }, { storages }] = await Promise.all([call("GET", "/settings", undefined, { signal }), ask("targets"), ask("storages")]);
  const named = targets.filter((one) => one.target).map((one) => [one.name, one.target]);
  return {
    ...settings,
    targets: Object.fromEntries(named.filter(([, target]) => !target.family)),
    stores: Object.fromEntries(named.filter(([, target]) => target.family)),
    storages: storages.map((one) => one.name),
  };
}
