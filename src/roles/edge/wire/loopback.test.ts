import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { Event } from "#core/observation/event";
import { sentence } from "#core/observation/sentence";
import { FakeNetlink } from "#drivers/netlink/fake";
import { address } from "#testing/values";
import { createLoopback } from "./loopback.ts";

const bed = () => {
  const netlink = new FakeNetlink([
    { index: 1, name: "lo", mtu: 65536, up: true, carrier: true, loopback: true },
    { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  const events: Event[] = [];
  const put = (linkIndex: number, text: string, protocol?: number): void =>
    netlink.setAddress({
      ...{ linkIndex, address: address(text), prefixLength: 32, tentative: false, duplicate: false },
      ...(protocol === undefined ? {} : { protocol }),
    });
  return {
    ...{ netlink, put },
    loopback: createLoopback({ netlink, emit: (event) => events.push(event) }),
    said: () => events.splice(0).map((event) => `${sentence(event).subject}: ${sentence(event).text}`),
    held: () => {
      const present = netlink.addresses();
      assert.ok(present.ok);
      return present.value.map((each) => `${each.address}/${each.prefixLength} ${each.linkIndex}`).sort();
    },
  };
};

const A = address("192.0.2.10");
const B = address("2001:db8::10");

describe("addresses on the loopback interface", () => {
  it("are those that are wanted, alone in their networks, and no others of ours", () => {
    const { loopback, held } = bed();
    loopback.apply([A, B]);
    assert.deepEqual(held(), ["192.0.2.10/32 1", "2001:db8::10/128 1"]);
    loopback.apply([B]);
    assert.deepEqual(held(), ["2001:db8::10/128 1"]);
    loopback.apply([]);
    assert.deepEqual(held(), []);
  });

  it("are taken away when a run left them that was killed; other people's and other interfaces' stay", () => {
    const { loopback, held, put } = bed();
    put(1, "192.0.2.77", STEELYARD_ADDRESS_PROTOCOL);
    put(1, "192.0.2.78");
    put(2, "192.0.2.79", STEELYARD_ADDRESS_PROTOCOL);
    loopback.apply([]);
    assert.deepEqual(held(), ["192.0.2.78/32 1", "192.0.2.79/32 2"]);
  });

  it("are put back when somebody removes them", () => {
    const { loopback, netlink, held } = bed();
    loopback.apply([A]);
    netlink.removeAddress({ linkIndex: 1, address: { address: A, prefixLength: 32 } });
    loopback.apply([A]);
    assert.deepEqual(held(), ["192.0.2.10/32 1"]);
  });

  it("are said to be missing once, and to be there again", () => {
    const events: Event[] = [];
    const { netlink } = bed();
    let refuses = true;
    const loopback = createLoopback({
      netlink: {
        links: () => netlink.links(),
        addresses: () => netlink.addresses(),
        removeAddress: (request) => netlink.removeAddress(request),
        addAddress: (request) =>
          refuses ? { ok: false, error: { code: "EPERM", request: "add" } } : netlink.addAddress(request),
      },
      emit: (event) => events.push(event),
    });
    loopback.apply([A]);
    loopback.apply([A]);
    refuses = false;
    loopback.apply([A]);
    assert.deepEqual(
      events.map((event) => `${sentence(event).subject}: ${sentence(event).text}`),
      [
        "192.0.2.10/32 on the loopback interface: fails: EPERM",
        "192.0.2.10/32 on the loopback interface: works again",
      ],
    );
  });
});
