/** Routers in memory, for tests: a network in which an edge has one address, and others may have theirs. */
import { createHash } from "node:crypto";
import { after, type Duration } from "#base/time";
import { fakeBfdLink } from "#drivers/bfd/fake";
import { type FakeBgpNetwork, fakeBgpNetwork } from "#drivers/bgp/fake";
import { fakeBequest } from "#drivers/files/fake-bequest";
import { fakeAdvertisementLink } from "#drivers/router-advertisement/fake";
import type { Clock, Deadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import type { BgpWorld } from "./bgp-parts.ts";

export type FakeBgpSurroundings = {
  readonly network: FakeBgpNetwork;
  /** What a machine with this last number in 192.0.2.0/24 has. */
  readonly machine: (number: number) => BgpWorld;
};

const LINK_INDEX = 2;

/** Nobody is there at first. */
export const fakeBgpSurroundings = (parts: {
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
}): FakeBgpSurroundings => {
  const { clock, deadlines } = parts;
  let timers = 0;
  const later = (delay: Duration, run: () => void): (() => void) => {
    timers += 1;
    const id = `fake network ${timers}`;
    deadlines.set(id, after(clock.now(), delay), run);
    return () => deadlines.set(id, undefined, run);
  };
  const network = fakeBgpNetwork(later);
  const bfd = fakeBfdLink(() => clock.now());
  const routers = fakeAdvertisementLink();
  return {
    network,
    machine: (number) => {
      const addresses = new Set([address(`192.0.2.${number}`)]);
      return {
        tcp: network.addHost({ addresses, linkIndex: LINK_INDEX }).port,
        bfd: bfd.addSystem({ linkIndex: LINK_INDEX, addresses }).port,
        routers: routers.addMachine(address(`fe80::${number}`)),
        bequest: fakeBequest(),
        bootId: "00000000-0000-4000-8000-000000000001",
        hostname: `edge-${number}`,
        random: () => 0.5,
        digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
        afterReading: (run) => run(),
      };
    },
  };
};
