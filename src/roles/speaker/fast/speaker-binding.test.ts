import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { decode } from "#core/arp/packet";
import { LEASED_ADDRESS_PROTOCOL } from "#core/netlink/address";
import { LINK, parsed, type SpeakerBed, speakerBed } from "./bed.ts";

const A = "192.0.2.100";
const NAMES = ["node-1", "node-2", "node-3"];

/** The nodes whose kernels have the address. */
const bound = ({ nodes }: SpeakerBed): readonly string[] =>
  nodes
    .filter(({ netlink }) => {
      const present = netlink.addresses();
      assert.ok(present.ok);
      return present.value.some(
        ({ address, prefixLength, protocol }) =>
          address === parsed(A) && prefixLength === 32 && protocol === LEASED_ADDRESS_PROTOCOL,
      );
    })
    .map(({ name }) => name);

const settled = async (): Promise<SpeakerBed> => {
  const bed = speakerBed(3, { answerer: "kernel" });
  bed.place({ [A]: NAMES });
  await bed.pass(seconds(20));
  return bed;
};

const node = ({ nodes }: SpeakerBed, name: string) =>
  nodes.find((each) => each.name === name) ?? assert.fail(name);

describe("speakers that bind addresses", () => {
  it("bind one where it is held and nowhere else, and leave the answers to the kernel", async () => {
    const bed = await settled();
    assert.deepEqual(bound(bed), ["node-1"]);
    // The kernel of a fake answers nobody.
    assert.deepEqual(await bed.ask(A), []);
  });

  it("have it bound before they announce it", async () => {
    const bed = speakerBed(2, { answerer: "kernel" });
    const order: string[] = [];
    const { netlink } = node(bed, "node-1");
    const lease = netlink.leaseAddress.bind(netlink);
    netlink.leaseAddress = (request) => {
      order.push("bound");
      return lease(request);
    };
    const listener = bed.segment.addStation(node(bed, "node-2").mac);
    const opened = listener.port.openResponder({
      ...{ link: LINK, family: "IPv4" },
      onFrame: ({ payload }) => {
        const arp = decode(payload);
        if (arp.ok && arp.value.senderAddress === parsed(A)) order.push("announced");
      },
      onError: () => {},
    });
    assert.ok(opened.ok);
    opened.value.listen([parsed(A)]);
    bed.place({ [A]: NAMES.slice(0, 2) });
    await bed.pass(seconds(20));
    assert.equal(order[0], "bound");
    assert.ok(order.includes("announced"));
  });

  it("take it off when they hand it over, once another one has it", async () => {
    const bed = await settled();
    const seen: string[] = [];
    bed.place({ [A]: ["node-2", "node-3"] });
    for (let passed = 0; passed < 100; passed += 1) {
      const now = bound(bed).join("+");
      if (seen.at(-1) !== now) seen.push(now);
      await bed.pass(millis(5));
    }
    // The old one lets go when it has heard the new one.
    assert.deepEqual(seen, ["node-1+node-2", "node-2"]);
  });

  it("take it off when they hear nobody any more, and another one has it then", async () => {
    const bed = await settled();
    node(bed, "node-1").cut(true);
    await bed.pass(seconds(1));
    assert.deepEqual(bound(bed), ["node-2"]);
  });

  it("do not have it any more when they have stood still for so long that others have it", async () => {
    const bed = await settled();
    node(bed, "node-1").freeze(true);
    await bed.pass(seconds(2));
    node(bed, "node-1").freeze(false);
    assert.deepEqual(bound(bed), ["node-2"]);
  });

  it("answer by themselves where the kernel refuses, until it takes the address", async () => {
    const bed = speakerBed(2, { answerer: "kernel" });
    const { netlink, mac } = node(bed, "node-1");
    netlink.refuseChanges("EPERM");
    bed.place({ [A]: ["node-1", "node-2"] });
    await bed.pass(seconds(20));
    assert.deepEqual(await bed.ask(A), [mac]);
    netlink.refuseChanges(undefined);
    await bed.pass(seconds(2));
    assert.deepEqual(bound(bed), ["node-1"]);
    assert.deepEqual(await bed.ask(A), []);
  });

  it("do not take a bound address for one of the node's own", async () => {
    const bed = await settled();
    const { links } = node(bed, "node-1").speaker;
    const link = links.byName(LINK.name) ?? assert.fail(LINK.name);
    assert.deepEqual(
      links.addressesOf(link).map(({ address }) => address),
      [parsed("192.0.2.1")],
    );
    node(bed, "node-1").netlink.overrun();
    await bed.pass(seconds(1));
    assert.equal(links.addressesOf(link).length, 1);
    assert.deepEqual(bound(bed), ["node-1"]);
  });

  it("know a bound address as such where the kernel keeps no mark of it", async () => {
    const bed = speakerBed(2, { answerer: "kernel" });
    const { netlink, speaker } = node(bed, "node-1");
    const lease = netlink.leaseAddress.bind(netlink);
    netlink.leaseAddress = (request) => {
      const { address, linkIndex } = request;
      const leased = lease(request);
      netlink.setAddress({ ...address, linkIndex, tentative: false, duplicate: false });
      return leased;
    };
    bed.place({ [A]: ["node-1", "node-2"] });
    await bed.pass(seconds(20));
    const present = netlink.addresses();
    assert.ok(
      present.ok && present.value.some(({ address, protocol }) => address === A && protocol === undefined),
    );
    netlink.overrun();
    await bed.pass(seconds(1));
    const link = speaker.links.byName(LINK.name) ?? assert.fail(LINK.name);
    assert.deepEqual(
      speaker.links.addressesOf(link).map(({ address }) => address),
      [parsed("192.0.2.1")],
    );
  });

  it("leave nothing behind when they end", async () => {
    const bed = await settled();
    node(bed, "node-1").speaker.close();
    assert.deepEqual(bound(bed), []);
  });
});
