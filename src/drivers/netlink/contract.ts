/** What every netlink driver must do. The fake runs it in `npm test`, the kernel in `test/kernel`. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { macFromBytes } from "#base/mac";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { seconds } from "#base/time";
import { LEASED_ADDRESS_PROTOCOL, STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { Link, LinkAddress, NetlinkChange, NetlinkError, NetlinkPort, NetlinkResult } from "./port.ts";

const VIRTUAL_MAC = macFromBytes(Uint8Array.of(0, 0, 0x5e, 0, 1, 51));

/** A driver over a network with loopback and one Ethernet link that is up with carrier and has no address. */
export type Bench = {
  readonly netlink: NetlinkPort;
  readonly linkIndex: number;
  readonly linkName: string;
  /** Sets the link administratively up or down, as an operator would. */
  readonly setUp: (up: boolean) => void;
  /** Plugs the link's cable in or pulls it out. */
  readonly setCarrier: (carrier: boolean) => void;
  /** Adds an address as another program would; IPv6 addresses start tentative. */
  readonly addForeign: (address: InterfaceAddress) => void;
  /** Removes an address as another program would. */
  readonly removeForeign: (address: InterfaceAddress) => void;
  /** Gives the link's `rp_filter` another value, as `sysctl -w` does. */
  readonly changeSetting: () => void;
  /** Deletes the link. */
  readonly deleteLink: () => void;
  readonly close: () => void;
};

const cidr = (text: string): InterfaceAddress => {
  const parsed = parseInterfaceAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const granted = <Value>(result: NetlinkResult<Value>): Value => {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
};

const refusal = (result: NetlinkResult<unknown>): NetlinkError => {
  assert.ok(!result.ok, "should have been refused");
  return result.error;
};

/** Subscribes, acts, and waits for the first change that `matches`. */
const changeAfter = async (
  netlink: NetlinkPort,
  act: () => void,
  matches: (change: NetlinkChange) => boolean,
): Promise<NetlinkChange> => {
  const seen = Promise.withResolvers<NetlinkChange>();
  const stop = granted(netlink.subscribe((change) => matches(change) && seen.resolve(change)));
  try {
    act();
    return await seen.promise;
  } finally {
    stop();
  }
};

const isAddress =
  (type: "address" | "address-gone", text: string) =>
  (change: NetlinkChange): boolean =>
    change.type === type && change.address.address === cidr(text).address;

/** Registers the suite; `open` makes a fresh bench. */
export const netlinkContract = (name: string, open: () => Bench): void => {
  describe(`${name}: netlink contract`, { timeout: 30_000 }, () => {
    let bench: Bench;
    before(() => {
      bench = open();
    });
    after(() => bench.close());

    const add = (text: string, label?: string): ReturnType<NetlinkPort["addAddress"]> =>
      bench.netlink.addAddress({
        linkIndex: bench.linkIndex,
        address: cidr(text),
        ...(label === undefined ? {} : { label }),
      });
    const remove = (text: string): ReturnType<NetlinkPort["removeAddress"]> =>
      bench.netlink.removeAddress({ linkIndex: bench.linkIndex, address: cidr(text) });
    const carried = (text: string): LinkAddress | undefined =>
      granted(bench.netlink.addresses()).find(
        ({ linkIndex, address, prefixLength }) =>
          linkIndex === bench.linkIndex &&
          address === cidr(text).address &&
          prefixLength === cidr(text).prefixLength,
      );

    it("lists the loopback and the link with its Ethernet address", () => {
      const links = granted(bench.netlink.links());
      assert.ok(links.some(({ loopback, mac }) => loopback && mac === undefined));
      const link = links.find(({ index }) => index === bench.linkIndex);
      assert.deepEqual(
        { name: link?.name, up: link?.up, carrier: link?.carrier, loopback: link?.loopback },
        { name: bench.linkName, up: true, carrier: true, loopback: false },
      );
      assert.notEqual(link?.mac, undefined);
    });

    for (const text of ["192.0.2.10/24", "192.0.2.11/32", "2001:db8::10/64", "2001:db8::11/128"]) {
      it(`adds ${text} once, marks it as ours, and removes it once`, () => {
        assert.equal(granted(add(text)), "added");
        assert.equal(granted(add(text)), "present");
        const { protocol, tentative, duplicate } = carried(text) ?? {};
        assert.deepEqual(
          { protocol, tentative, duplicate },
          { protocol: STEELYARD_ADDRESS_PROTOCOL, tentative: false, duplicate: false },
        );
        assert.equal(granted(remove(text)), "removed");
        assert.equal(carried(text), undefined);
        assert.equal(granted(remove(text)), "absent");
      });
    }

    for (const text of ["192.0.2.12/32", "2001:db8::12/128"]) {
      it(`leases ${text} and renews it, marks it as leased, and removes it`, () => {
        const lease = (): ReturnType<NetlinkPort["leaseAddress"]> =>
          bench.netlink.leaseAddress({
            ...{ linkIndex: bench.linkIndex, address: cidr(text), lifetime: seconds(60) },
          });
        for (let times = 0; times < 2; times += 1) {
          granted(lease());
          const { protocol, tentative, duplicate } = carried(text) ?? {};
          assert.deepEqual(
            { protocol, tentative, duplicate },
            { protocol: LEASED_ADDRESS_PROTOCOL, tentative: false, duplicate: false },
          );
        }
        assert.equal(granted(remove(text)), "removed");
        assert.equal(carried(text), undefined);
      });
    }

    it("leases an address that somebody else has put there, and none on a link that does not exist", () => {
      granted(add("192.0.2.13/32"));
      const lease = { linkIndex: bench.linkIndex, address: cidr("192.0.2.13/32"), lifetime: seconds(60) };
      granted(bench.netlink.leaseAddress(lease));
      assert.equal(carried("192.0.2.13/32")?.protocol, LEASED_ADDRESS_PROTOCOL);
      assert.equal(granted(remove("192.0.2.13/32")), "removed");
      const error = refusal(bench.netlink.leaseAddress({ ...lease, linkIndex: 9_999 }));
      assert.deepEqual(
        { code: error.code, request: error.request },
        { code: "ENODEV", request: "lease 192.0.2.13/32 on link 9999" },
      );
    });

    it("keeps an IPv4 label, and the link's name where none was asked for", () => {
      granted(add("192.0.2.20/32", "vip:one"));
      granted(add("192.0.2.21/32"));
      assert.equal(carried("192.0.2.20/32")?.label, "vip:one");
      assert.equal(carried("192.0.2.21/32")?.label, bench.linkName);
      granted(remove("192.0.2.20/32"));
      granted(remove("192.0.2.21/32"));
    });

    it("refuses a label that the kernel could not keep", () => {
      for (const label of ["", "sixteen:letters!", "caf\u00e9", "a b"]) {
        assert.equal(refusal(add("192.0.2.20/32", label)).code, "EINVAL");
      }
      assert.equal(carried("192.0.2.20/32"), undefined);
    });

    it("carries an IPv4 address with two prefix lengths side by side", () => {
      assert.equal(granted(add("192.0.2.30/24")), "added");
      assert.equal(granted(add("192.0.2.30/32")), "added");
      assert.equal(granted(remove("192.0.2.30/24")), "removed");
      assert.notEqual(carried("192.0.2.30/32"), undefined);
      assert.equal(granted(remove("192.0.2.30/32")), "removed");
    });

    it("refuses an IPv6 address that is there with another prefix length, and says which", () => {
      granted(add("2001:db8::30/64"));
      const { code, detail } = refusal(add("2001:db8::30/128"));
      assert.deepEqual({ code, detail }, { code: "EEXIST", detail: "the link has it with prefix length 64" });
      assert.equal(granted(remove("2001:db8::30/128")), "absent");
      assert.equal(granted(remove("2001:db8::30/64")), "removed");
    });

    it("replaces an IPv6 address that is still being probed", () => {
      bench.addForeign(cidr("2001:db8::40/64"));
      assert.equal(carried("2001:db8::40/64")?.tentative, true);
      assert.equal(granted(add("2001:db8::40/64")), "added");
      assert.equal(carried("2001:db8::40/64")?.tentative, false);
      assert.equal(granted(remove("2001:db8::40/64")), "removed");
    });

    it("refuses an address on a link that does not exist, and finds none there to remove", () => {
      const request = { linkIndex: 9_999, address: cidr("192.0.2.10/32") };
      const error = refusal(bench.netlink.addAddress(request));
      assert.deepEqual(
        { code: error.code, request: error.request },
        { code: "ENODEV", request: "add 192.0.2.10/32 to link 9999" },
      );
      assert.equal(granted(bench.netlink.removeAddress(request)), "absent");
    });

    it("finds the link and source of a neighbouring destination, and no way where there is none", () => {
      assert.equal(refusal(bench.netlink.routeTo(ip("192.0.2.77"))).code, "ENETUNREACH");
      assert.equal(refusal(bench.netlink.routeTo(ip("2001:db8::77"))).code, "ENETUNREACH");
      for (const [own, neighbour] of [
        ["192.0.2.50/24", "192.0.2.77"],
        ["2001:db8::50/64", "2001:db8::77"],
      ] as const) {
        granted(add(own));
        const route = granted(bench.netlink.routeTo(ip(neighbour)));
        assert.deepEqual(route, { linkIndex: bench.linkIndex, source: cidr(own).address });
        granted(remove(own));
      }
    });

    it("tells of its own changes, after the call that made them has returned", async () => {
      let returned = false;
      const change = await changeAfter(
        bench.netlink,
        () => {
          granted(add("192.0.2.60/32"));
          returned = true;
        },
        (change) => returned && isAddress("address", "192.0.2.60/32")(change),
      );
      assert.equal(change.type === "address" && change.address.protocol, STEELYARD_ADDRESS_PROTOCOL);
      await changeAfter(
        bench.netlink,
        () => granted(remove("192.0.2.60/32")),
        isAddress("address-gone", "192.0.2.60/32"),
      );
    });

    it("tells when another program removes our address, and when it adds one", async () => {
      for (const text of ["192.0.2.70/32", "2001:db8::70/128"]) {
        granted(add(text));
        await changeAfter(
          bench.netlink,
          () => bench.removeForeign(cidr(text)),
          isAddress("address-gone", text),
        );
        const change = await changeAfter(
          bench.netlink,
          () => bench.addForeign(cidr(text)),
          isAddress("address", text),
        );
        assert.notEqual(change.type === "address" && change.address.protocol, STEELYARD_ADDRESS_PROTOCOL);
        bench.removeForeign(cidr(text));
      }
    });

    it("tells when the cable is pulled and when it is plugged in again", async () => {
      for (const carrier of [false, true]) {
        await changeAfter(
          bench.netlink,
          () => bench.setCarrier(carrier),
          (change) =>
            change.type === "link" &&
            change.link.index === bench.linkIndex &&
            change.link.carrier === carrier &&
            change.link.up,
        );
      }
    });

    it("tells when an operator takes the link down, which drops IPv6 addresses but not IPv4", async () => {
      granted(add("192.0.2.80/32"));
      granted(add("2001:db8::80/128"));
      let sawDown = false;
      let sawGone = false;
      await changeAfter(
        bench.netlink,
        () => bench.setUp(false),
        (change) => {
          sawDown ||= change.type === "link" && change.link.index === bench.linkIndex && !change.link.up;
          sawGone ||= isAddress("address-gone", "2001:db8::80/128")(change);
          return sawDown && sawGone;
        },
      );
      assert.notEqual(carried("192.0.2.80/32"), undefined);
      assert.equal(carried("2001:db8::80/128"), undefined);
      await changeAfter(
        bench.netlink,
        () => bench.setUp(true),
        (change) => change.type === "link" && change.link.index === bench.linkIndex && change.link.up,
      );
      granted(remove("192.0.2.80/32"));
    });

    it("makes a macvlan that is down and has our alias, takes it up and down, and removes it", async () => {
      const request = { name: "vip0", lower: bench.linkIndex, mac: VIRTUAL_MAC, alias: "made for a test" };
      const of = (name: string): Link | undefined =>
        granted(bench.netlink.links()).find((link) => link.name === name);
      const index = granted(bench.netlink.addMacvlan(request));
      const { mtu: _mtu, ...made } = of("vip0") ?? assert.fail("it is not there");
      assert.deepEqual(made, {
        ...{ index, name: "vip0", mac: VIRTUAL_MAC, up: false, carrier: made.carrier, loopback: false },
        ...{ kind: "macvlan", lower: bench.linkIndex, alias: "made for a test" },
      });
      assert.equal(refusal(bench.netlink.addMacvlan(request)).code, "EEXIST");
      for (const up of [true, true, false]) {
        granted(bench.netlink.setUp(index, up));
        assert.equal(of("vip0")?.up, up);
      }
      granted(bench.netlink.setUp(index, true));
      assert.deepEqual(
        granted(bench.netlink.addresses()).filter(({ linkIndex }) => linkIndex === index),
        [],
        "it has no address of its own",
      );
      assert.equal(granted(bench.netlink.removeLink(index)), "removed");
      assert.equal(granted(bench.netlink.removeLink(index)), "absent");
      assert.equal(refusal(bench.netlink.setUp(index, true)).code, "ENODEV");
      assert.equal(refusal(bench.netlink.addMacvlan({ ...request, lower: 999_999 })).code, "ENODEV");
    });

    it("tells nothing after the subscription was stopped, twice if need be", async () => {
      const seen: NetlinkChange[] = [];
      const stop = granted(bench.netlink.subscribe((change) => seen.push(change)));
      stop();
      stop();
      await changeAfter(
        bench.netlink,
        () => granted(add("192.0.2.90/32")),
        isAddress("address", "192.0.2.90/32"),
      );
      assert.deepEqual(seen, []);
    });

    it("tells that a setting of an interface has changed, until told to stop", async () => {
      const { netlink, changeSetting } = bench;
      const [early, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let stopped = 0;
      const stop = granted(
        netlink.subscribeSettings(() => {
          stopped += 1;
          early.resolve();
        }),
      );
      changeSetting();
      await early.promise;
      stop();
      stop();
      const before = stopped;
      granted(netlink.subscribeSettings(() => late.resolve()));
      changeSetting();
      await late.promise;
      assert.equal(stopped, before);
    });

    it("tells when the link is deleted, with its name", async () => {
      const change = await changeAfter(
        bench.netlink,
        () => bench.deleteLink(),
        (change) => change.type === "link-gone" && change.index === bench.linkIndex,
      );
      assert.equal(change.type === "link-gone" && change.name, bench.linkName);
      assert.ok(granted(bench.netlink.links()).every(({ index }) => index !== bench.linkIndex));
      assert.ok(granted(bench.netlink.addresses()).every(({ linkIndex }) => linkIndex !== bench.linkIndex));
    });
  });
};
