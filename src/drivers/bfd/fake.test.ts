import { describe } from "node:test";
import { address } from "#testing/values";
import { type BfdLan, type BfdStation, bfdContract } from "./contract.ts";
import { type FakeBfdLink, fakeBfdLink } from "./fake.ts";

const station = (link: FakeBfdLink, host: number): BfdStation => {
  const addresses = {
    IPv4: address(`192.0.2.${host}`),
    IPv6: address(`2001:db8::${host}`),
    "link-local": address(`fe80::${host}`),
  };
  const index = host + 1;
  const { port, setLink } = link.addSystem({
    linkIndex: index,
    addresses: new Set(Object.values(addresses)),
  });
  return { port, link: { index, name: "eth0" }, address: addresses, setLink };
};

const openLan = (): BfdLan => {
  const link = fakeBfdLink();
  return {
    left: station(link, 1),
    right: station(link, 2),
    settle: async () => link.settle(),
    quiet: async () => link.settle(),
    close: () => undefined,
  };
};

describe("the fake BFD driver", () => bfdContract(openLan));
