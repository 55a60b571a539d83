import assert from "node:assert/strict";
import { it } from "node:test";
import { millis } from "#base/time";
import { address, virtualRouter } from "#testing/values";
import { createBed, ETH0 } from "./bed.ts";

it("a router has its addresses before anybody hears that it is active: a peer that hands over lets go then", async () => {
  const bed = createBed();
  const { netlink, configure } = bed.add(1);
  const order: string[] = [];
  const ear = bed.segment.addStation({ link: ETH0, addresses: new Set([address("192.0.2.9")]) });
  const listening = ear.port.openVrrp({
    link: ETH0,
    family: "IPv4",
    onPacket: () => order.push("advertisement"),
    onError: ({ code }) => assert.fail(code),
  });
  assert(listening.ok);
  const addAddress = netlink.addAddress.bind(netlink);
  netlink.addAddress = (wanted) => {
    bed.segment.settle();
    order.push("address");
    return addAddress(wanted);
  };
  configure(virtualRouter({ advertisementInterval: millis(100) }));
  await bed.run(millis(400));
  assert.deepEqual(order.slice(0, 2), ["address", "advertisement"]);
});
