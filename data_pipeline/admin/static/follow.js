// A job as it goes on: told by its event stream, or asked for where that breaks off.

import { call, PREFIX } from "/panel/api.js";

const ASK_AGAIN_MS = 2000;

export const finished = (job) => job.finished_at !== null;

// Calls `changed(job)` now and at each change, until the job has ended or `signal` says so, and `silent(true)` while
// there is no way to hear of it. Throws what the first call throws.
export async function follow(jobId, changed, silent, signal) {
  const job = await call("GET", `/jobs/${encodeURIComponent(jobId)}`, undefined, { signal });
  changed(job);
  if (!finished(job) && !signal.aborted) listen(jobId, changed, silent, signal);
}

function listen(jobId, changed, silent, signal) {
  const stream = new EventSource(`${PREFIX}/jobs/${jobId}/events`);
  signal.addEventListener("abort", () => stream.close());
  stream.addEventListener("message", (event) => {
    const job = JSON.parse(event.data);
    if (!finished(job)) return changed(job);
    stream.close();
    ask(jobId, changed, silent, signal); // for its texts in the page's language, which no event stream can be told
  });
  stream.addEventListener("open", () => silent(false));
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) ask(jobId, changed, silent, signal);
    else silent(true); // it tries again by itself
  });
}

async function ask(jobId, changed, silent, signal) {
  while (!signal.aborted) {
    const job = await call("GET", `/jobs/${jobId}`, undefined, { signal }).catch(() => null);
    if (signal.aborted) return;
    silent(!job);
    if (job) changed(job);
    if (job && finished(job)) return;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
