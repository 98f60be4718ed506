// The service's settings, asked for once.

import { call } from "/panel/api.js";

let asked = null;

export function configuration() {
  asked ??= call("GET", "/settings").catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}
