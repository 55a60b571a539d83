import { describe } from "node:test";
import { type MacAddress, macFromBytes } from "#base/mac";
import { address } from "#testing/values";
import { type FakeSegmentLan, fakeSegmentLan } from "./fake-segments.ts";
import { type SegmentLan, type SegmentStation, segmentContract } from "./test-segment-contract.ts";

const macOf = (host: number): MacAddress => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, host));

const station = (lan: FakeSegmentLan, host: number): SegmentStation => ({
  ...lan.addStation(macOf(host)),
  mac: macOf(host),
  link: { index: 2, name: "eth0" },
  address: { IPv4: address(`192.0.2.${host}`), IPv6: address(`2001:db8::${host}`) },
});

const openLan = (): SegmentLan => {
  const lan = fakeSegmentLan();
  return {
    left: station(lan, 1),
    right: station(lan, 2),
    settle: async (done) => {
      done();
      lan.settle();
    },
    quiet: async () => lan.settle(),
    close: () => undefined,
  };
};

describe("the fake segment driver", () => {
  segmentContract(openLan);
});
