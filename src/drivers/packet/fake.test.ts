import { describe } from "node:test";
import type { IpAddress, IpFamily } from "#base/address";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Lan, packetContract, type Station } from "./contract.ts";
import { type FakeSegment, fakeSegment } from "./fake.ts";

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const station = (segment: FakeSegment, host: number): Station => {
  const address: Readonly<Record<IpFamily, IpAddress>> = {
    IPv4: ip(`192.0.2.${host}`),
    IPv6: ip(`fe80::${host}`),
  };
  const link = { index: 2, name: "eth0" };
  const { port, setLink } = segment.addStation({ link, addresses: new Set(Object.values(address)) });
  return { port, link, address, setLink };
};

const openLan = (): Lan => {
  const segment = fakeSegment();
  return {
    left: station(segment, 1),
    right: station(segment, 2),
    settle: async (done) => {
      done();
      segment.settle();
    },
    quiet: async () => segment.settle(),
    close: () => undefined,
  };
};

describe("the fake packet driver", () => {
  packetContract(openLan);
});
