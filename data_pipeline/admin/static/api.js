// The public HTTP API, and what its failures say.

export const BASE = "/api/v0/data_pipeline";
export const PREFIX = `${BASE}/vector`;

// Who is signed in, and what for: {sign_in_required, role, user, may: ["read", …], access, csrf_token, expires_at}.
let session = { access: null, may: [] };

export class Failure extends Error {
  constructor(status, data, requestId) {
    super(data.response);
    this.status = status;
    this.type = data.error_type;
    this.data = data;
    this.requestId = requestId;
  }
}

export async function loadSession() {
  session = await call("GET", "/session");
  return session;
}

// what: a group of routes, as the table of roles has them.
export const may = (what) => session.may.includes(what);

export const mayWrite = () => may("write");

export const signedIn = () => session;

export const signInRequired = () => session.sign_in_required;

// The data of an answer. Throws Failure, also when there is no answer; AbortError when `signal` says so.
export async function call(method, path, body, { signal, key, prefix = PREFIX } = {}) {
  const { status, envelope, requestId } = await send(method, prefix + path, {
    method,
    signal,
    body: isFile(body) || body === undefined ? body : JSON.stringify(body),
    headers: headersFor(method, key, body),
  });
  if (envelope.success) return envelope.data;
  if (status === 401 && path !== "/session") document.dispatchEvent(new Event("signed-out"));
  if (status === 403 && method !== "GET" && (await renewed())) return call(method, path, body, { signal, key, prefix });
  throw new Failure(status, envelope.data, requestId);
}

// The events of an answer that is a stream, each as it comes. Throws Failure, also where the stream breaks off.
export async function* events(url, body, signal) {
  let response;
  try {
    response = await fetch(url, { method: "POST", body, signal, headers: headersFor("POST", null, body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { error_type: "UNREACHABLE", response: "" }, null);
  }
  if (!response.ok) throw new Failure(response.status, (await response.json()).data, response.headers.get("X-Request-ID"));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice("data: ".length));
  }
}

// An answer that is a file, under a name of its own. The browser keeps a large one on its disk.
export async function download(path, body, name) {
  const method = "POST";
  let response;
  let content;
  try {
    response = await fetch(PREFIX + path, { method, body: JSON.stringify(body), headers: headersFor(method, null, body) });
    content = response.ok ? await response.blob() : await response.json();
  } catch {
    throw new Failure(response?.status ?? 0, { error_type: "UNREACHABLE", response: "" }, null);
  }
  if (!response.ok) throw new Failure(response.status, content.data, response.headers.get("X-Request-ID"));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const isFile = (body) => body instanceof Blob || body instanceof FormData;

// Whether the session is another one by now, of a sign-in in another tab.
async function renewed() {
  const { csrf_token: before } = session;
  const { csrf_token: now } = await loadSession().catch(() => session);
  return Boolean(now) && now !== before;
}

function headersFor(method, key, body) {
  const headers = { "Accept-Language": document.documentElement.lang };
  if (body instanceof Blob) headers["Content-Type"] = "application/x-tar";
  else if (!isFile(body)) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session.csrf_token) headers["X-CSRF-Token"] = session.csrf_token;
  if (key) headers["Idempotency-Key"] = key;
  return headers;
}

async function send(method, url, request) {
  let response;
  try {
    response = await fetch(url, request);
    return { status: response.status, envelope: await response.json(), requestId: response.headers.get("X-Request-ID") };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(response?.status ?? 0, { error_type: "UNREACHABLE", response: "" }, null);
  }
}
