// The service's settings, asked for by each view: after a restart they may be others.

import { call } from "/panel/api.js";

export function configuration(signal) {
  return call("GET", "/settings", undefined, { signal });
}
