/** What users have of edges behind a router, whichever router it is: each of these fails where they notice something. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { type LabProcess, standardTopology } from "#lab/index";
import { startDownloads, startHttpLoad, startServers, urlOf } from "#lab/probe/start";
import type { Bed, Edge } from "#test/kernel/edge-bed";
import { HOPS, inSession, isWatched, type Router, VIP } from "./bgp-edge-bed.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
/** What users ask for. */
export const URL = urlOf(ADDRESS, 8080);
/** A client, a router, two edges, and nodes that answer for the address as well. */
export const TOPOLOGY = standardTopology({ directReturn: [ADDRESS] });
/** Those nodes. */
export const NODES = ["n1", "n2", "n3"] as const;

/** Real HTTP servers on all nodes. */
export const startBackends = async ({ lab }: Bed): Promise<void> => {
  await Promise.all(NODES.map((name) => startServers(lab.host(name))));
};

/** One edge falls silent under downloads, all of which go on through the other, to the same backends. */
export const downloadsOutliveSilence = async (
  context: TestContext,
  { lab, e1, e2 }: Bed,
  router: Router,
  underWay: () => Promise<void> = async () => {},
): Promise<void> => {
  await Promise.all([e1, e2].map((edge) => isWatched(edge)));
  const downloads = await startDownloads(lab.host("cl"), {
    ...{ url: URL, streams: 40, duration: 10, bytes: 1_000_000 },
  });
  await underWay();
  await lab.fault("silence e1");
  const took = await router.sendsTo([HOPS.e2]);
  context.diagnostic(`the router sends elsewhere ${Math.round(took)} ms after e1 went silent`);
  const { downloads: ended } = await downloads.finish();
  assert.deepEqual(
    ended.filter(({ whole }) => !whole),
    [],
  );
  assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
  await lab.fault("restore e1");
  await router.sendsTo(HOPS.both, 20_000);
};

/** An edge's program is replaced by another one, and everything stays in the kernel meanwhile. */
const replace = async (edge: Edge, text: string, program?: LabProcess): Promise<void> => {
  await edge.signal("SIGUSR2");
  if (program === undefined) await pause(500);
  else assert.equal((await program.exited).code, 0);
  await edge.start(text);
  await inSession(edge);
  await isWatched(edge);
  // All routes have been told again, and what was kept of the old session is dropped.
  await pause(1_500);
};

/** Programs of edges are replaced, one after the other: the router sends to both all the time, and no request is lost. */
export const replacedUnnoticed = async (
  { lab }: Bed,
  router: Router,
  edges: readonly { readonly edge: Edge; readonly text: string; readonly program?: LabProcess }[],
): Promise<void> => {
  let isWatching = true;
  const others: (readonly string[])[] = [];
  const watching = (async () => {
    for (; isWatching; await pause(50)) {
      const hops = await router.hops();
      if (hops.length !== HOPS.both.length) others.push(hops);
    }
  })();
  const load = await startHttpLoad(lab.host("cl"), { url: URL, clients: 10, rate: 10, timeout: 10_000 });
  await pause(500);
  for (const { edge, text, program } of edges) await replace(edge, text, program);
  isWatching = false;
  await watching;
  const { requests } = await load.finish();
  assert.deepEqual(others, []);
  assert.deepEqual(
    requests.filter(({ error }) => error !== undefined),
    [],
  );
  assert.ok(requests.length > 50, `${requests.length} requests`);
};
