import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInterfaceAddress } from "#base/prefix";
import { seconds } from "#base/time";
import { FakeNetlink } from "#drivers/netlink/fake";
import { removeLeftovers } from "./clean.ts";
import { findBoundAddresses } from "./clean-speaker.ts";

const withAddresses = (): FakeNetlink => {
  const netlink = new FakeNetlink([
    { index: 2, name: "eth0", mtu: 1_500, up: true, carrier: true, loopback: false },
  ]);
  const whole = (text: string) => parseInterfaceAddress(text) ?? assert.fail(text);
  netlink.leaseAddress({ linkIndex: 2, address: whole("192.0.2.100/32"), lifetime: seconds(20) });
  netlink.addAddress({ linkIndex: 2, address: whole("192.0.2.50/24") });
  return netlink;
};

const run = async (netlink: FakeNetlink, { taken }: { readonly taken: boolean }) => {
  const lines: string[] = [];
  const status = await removeLeftovers([findBoundAddresses(netlink, () => ({ taken }))], {
    dryRun: false,
    print: (line) => void lines.push(line),
    complain: (line) => void lines.push(line),
  });
  const present = netlink.addresses();
  assert.ok(present.ok);
  return { status, lines, left: present.value.map(({ address }) => `${address}`) };
};

describe("addresses that a killed speaker had bound", () => {
  it("are removed, and an edge's are left to what finds those", async () => {
    assert.deepEqual(await run(withAddresses(), { taken: true }), {
      status: 0,
      lines: ["removed address 192.0.2.100/32 on eth0"],
      left: ["192.0.2.50"],
    });
  });

  it("stay while a speaker runs, which holds them", async () => {
    const { status, lines, left } = await run(withAddresses(), { taken: false });
    assert.deepEqual([status, left], [1, ["192.0.2.100", "192.0.2.50"]]);
    assert.match(lines.join(), /a speaker runs: stop it, which removes them/);
  });
});
