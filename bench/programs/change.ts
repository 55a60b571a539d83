/**
 * Times changes among very many virtual servers: planned, and in the kernel. Prints one line of JSON.
 *
 * Arguments: virtual servers, backends of each, how often one backend changes. Runs in a network namespace of its own.
 */
import { mkdtempSync } from "node:fs";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { openEngine } from "#drivers/balance/nftables/linux";
import type { ChangeTimes, Timed } from "../change.ts";

const [serverCount = 0, backendCount = 0, runs = 0] = process.argv.slice(2).map(Number);

const address = (text: string) => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "an address", { text });
  return parsed;
};

/** All servers, with that port and backends in that network. */
const serversWith = (port: number, network: string): readonly VirtualServer[] =>
  Array.from({ length: serverCount }, (_, index) => serverOf(index, port, network));

const serverOf = (index: number, port: number, network: string): VirtualServer => {
  const ports = { first: port, last: port };
  return {
    name: `service-${index}`,
    address: address(`198.18.${index >> 8}.${index & 255}`),
    protocol: "tcp",
    ports,
    mode: "masquerade",
    scheduler: { type: "consistent-hash", tableSize: 1_021 },
    backends: Array.from({ length: backendCount }, (_, host) => ({
      name: `worker-${host}`,
      address: address(`${network}.${host + 1}`),
      port: 30_000 + (index % 2_000),
      weight: 1,
    })),
  };
};
let servers = serversWith(80, "10.2.1");

const failed = new Set<string>();
const engine = openEngine({ runDirectory: mkdtempSync("/run/bench-") });
let running: ForwardingPlan | undefined;

/** Plans and applies what is true now. */
const change = async (touched?: ReadonlySet<string>): Promise<Timed> => {
  const began = performance.now();
  const plan = planForwarding({
    servers,
    availability: (key) => (failed.has(key) ? "unavailable" : "available"),
    links: { ingress: () => [], egress: () => undefined },
    previous: running,
    ...(touched === undefined ? {} : { touched }),
    now: instant(0),
  });
  const planned = performance.now();
  const result = await engine.apply(plan);
  assert(result.ok, "applied", { result });
  running = plan;
  return {
    plannedMs: planned - began,
    inForceMs: planned - began + result.tookMicros / 1_000,
    settledMs: performance.now() - began,
    how: result.how,
  };
};

const full = await change();
const one: Timed[] = [];
for (let run = 0; run < runs; run += 1) {
  const name = `service-${(run * 997) % serverCount}`;
  const key = `${name}/worker-${run % backendCount}`;
  failed.add(key);
  one.push(await change(new Set([name])));
  failed.delete(key);
  one.push(await change(new Set([name])));
}
for (const { name } of servers) failed.add(`${name}/worker-0`);
const node = await change();
failed.clear();
const back = await change();
const others = servers;
servers = [...others, serverOf(serverCount, 80, "10.2.1")];
const more = await change();
servers = others;
const less = await change();
servers = serversWith(81, "10.2.2");
const replaced = await change();
const times: ChangeTimes = { full, one, node, back, more, less, replaced };
process.stdout.write(`${JSON.stringify(times)}\n`);
await engine.remove();
await engine.close();
