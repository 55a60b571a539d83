import { describe } from "node:test";
import { type MacAddress, macFromBytes } from "#base/mac";
import { address } from "#testing/values";
import { type FakeResponderSegment, fakeResponderSegment } from "./fake-responder.ts";
import { type ResponderLan, type ResponderStation, responderContract } from "./responder-contract.ts";

const macOf = (host: number): MacAddress => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, host));

const station = (segment: FakeResponderSegment, host: number): ResponderStation => ({
  ...segment.addStation(macOf(host)),
  mac: macOf(host),
  link: { index: 2, name: "eth0" },
  address: { IPv4: address(`192.0.2.${host}`), IPv6: address(`fe80::${host}`) },
});

const openLan = (): ResponderLan => {
  const segment = fakeResponderSegment();
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

describe("the fake responder driver", () => {
  responderContract(openLan);
});
