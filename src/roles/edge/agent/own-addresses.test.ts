import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { LinkAddress, NetlinkChange } from "#drivers/netlink/port";
import { createOwnAddresses } from "./own-addresses.ts";

const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const LINK = { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false };
const OTHER = { ...LINK, index: 3, name: "cali1" };

const on = (text: string, more: Partial<LinkAddress> = {}): LinkAddress => ({
  ...{ address: ip(text), prefixLength: 24, linkIndex: LINK.index, tentative: false, duplicate: false },
  ...more,
});

const bench = () => {
  const present: LinkAddress[] = [];
  let opened = 0;
  let changes = 0;
  let tell = (_change: NetlinkChange): void => assert.fail("nobody listens");
  const addresses = createOwnAddresses({
    open: () => {
      opened += 1;
      return {
        ok: true,
        value: {
          links: () => ({ ok: true, value: [LINK, OTHER] }),
          addresses: () => ({ ok: true, value: [...present] }),
          subscribe: (listener) => {
            tell = listener;
            return { ok: true, value: () => undefined };
          },
        },
      };
    },
    onChange: () => {
      changes += 1;
    },
  });
  return {
    addresses,
    present,
    opened: () => opened,
    changes: () => changes,
    tell: () => tell({ type: "overrun" }),
  };
};

describe("own addresses", () => {
  it("open nothing before somebody asks", () => {
    const { addresses, opened } = bench();
    assert.equal(opened(), 0);
    addresses.of("eth0");
    addresses.of("eth0");
    assert.equal(opened(), 1);
  });

  it("are those of the interface, without what we have bound, what is being probed and what is a duplicate", () => {
    const { addresses, present } = bench();
    present.push(
      on("192.0.2.9", { linkIndex: OTHER.index }),
      on("192.0.2.10", { protocol: STEELYARD_ADDRESS_PROTOCOL }),
      on("2001:db8::1", { tentative: true }),
      on("2001:db8::2", { duplicate: true }),
      on("192.0.2.1"),
    );
    assert.deepEqual(addresses.of("eth0"), ["192.0.2.1"]);
    assert.deepEqual(addresses.of("eth7"), []);
  });

  it("are those of before while the interface has none", () => {
    const { addresses, present } = bench();
    present.push(on("192.0.2.1"));
    addresses.of("eth0");
    present.pop();
    assert.deepEqual(addresses.of("eth0"), ["192.0.2.1"]);
  });

  it("tell of a change once, and of none about other interfaces", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { addresses, present, changes, tell } = bench();
    present.push(on("192.0.2.1"));
    addresses.of("eth0");
    present.push(on("192.0.2.9", { linkIndex: OTHER.index }));
    tell();
    context.mock.timers.tick(50);
    assert.equal(changes(), 0);
    present.push(on("192.0.2.3"));
    tell();
    tell();
    assert.equal(changes(), 0);
    context.mock.timers.tick(50);
    assert.equal(changes(), 1);
    assert.deepEqual(addresses.of("eth0"), ["192.0.2.1", "192.0.2.3"]);
  });

  it("are none where the kernel does not answer", () => {
    const addresses = createOwnAddresses({
      open: () => ({ ok: false, error: { code: "EPERM", request: "open" } }),
      onChange: () => assert.fail(),
    });
    assert.deepEqual(addresses.of("eth0"), []);
  });
});
