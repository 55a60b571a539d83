/** What every packet driver must do: two stations on one link, the real one and the fake. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, type IpFamily, type Ipv4Address, isIpv4, parseAddress } from "#base/address";
import { BROADCAST_MAC, type MacAddress, parseMac } from "#base/mac";
import { decode as decodeArp, encode as encodeArp, gratuitous } from "#core/arp/packet";
import { ALL_NODES, groupMac } from "#core/ndp/group";
import { decode as decodeNdp, encodePacket, unsolicited } from "#core/ndp/packet";
import { multicastGroup } from "#core/vrrp/constants";
import type {
  NeighbourMessage,
  NeighbourSocket,
  PacketError,
  PacketLink,
  PacketPort,
  PacketResult,
  VrrpPacket,
  VrrpSocket,
} from "./port.ts";

/** One end of the link. It has both addresses; `setLink(false)` takes the link down. */
export type Station = {
  readonly port: PacketPort;
  readonly link: PacketLink;
  readonly address: Readonly<Record<IpFamily, IpAddress>>;
  readonly setLink: (up: boolean) => void;
};

/** Two stations and how packets get from one to the other. */
export type Lan = {
  readonly left: Station;
  readonly right: Station;
  /** Lets packets arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  /** Gives packets that should not arrive the time to do so. */
  readonly quiet: () => Promise<void>;
  readonly close: () => void;
};

const must = <Value>(result: PacketResult<Value>): Value => {
  assert.ok(result.ok, result.ok ? "" : `${result.error.operation}: ${result.error.code}`);
  return result.value;
};

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined);
  return address;
};
const ipv4 = (address: IpAddress): Ipv4Address => {
  assert.ok(isIpv4(address));
  return address;
};
const macOf = (text: string): MacAddress => {
  const mac = parseMac(text);
  assert.ok(mac !== undefined);
  return mac;
};

const RIVAL = macOf("02:00:00:00:00:99");
const FOREIGN: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: ip("198.51.100.9"),
  IPv6: ip("2001:db8:ff::9"),
};
const VIRTUAL: Readonly<Record<IpFamily, readonly [IpAddress, IpAddress]>> = {
  IPv4: [ip("192.0.2.100"), ip("192.0.2.101")],
  IPv6: [ip("2001:db8::100"), ip("2001:db8::101")],
};

/** The frame that announces `address` at RIVAL. */
const claim = (address: IpAddress): { readonly destination: MacAddress; readonly payload: Uint8Array } => {
  if (isIpv4(address)) {
    const payload = encodeArp(gratuitous("request", { mac: RIVAL, address: ipv4(address) }));
    return { destination: BROADCAST_MAC, payload };
  }
  const { message, context } = unsolicited({ mac: RIVAL, address, router: false });
  return { destination: groupMac(ALL_NODES), payload: encodePacket(message, context) };
};

/** Registers the tests. `open` builds a fresh link for each. */
export const packetContract = (open: () => Lan): void => {
  let lan: Lan;
  let sockets: { close(): void }[] = [];
  let errors: PacketError[] = [];
  beforeEach(() => {
    lan = open();
    sockets = [];
    errors = [];
  });
  afterEach(() => {
    for (const socket of sockets) socket.close();
    lan.close();
  });

  const openVrrp = (
    station: Station,
    family: IpFamily,
    onPacket: (packet: VrrpPacket) => void,
  ): VrrpSocket => {
    const { port, link } = station;
    const socket = must(port.openVrrp({ link, family, onPacket, onError: (error) => errors.push(error) }));
    sockets.push(socket);
    return socket;
  };
  const openNeighbour = (
    station: Station,
    family: IpFamily,
    onMessage: (message: NeighbourMessage) => void,
  ): NeighbourSocket => {
    const { port, link } = station;
    const socket = must(
      port.openNeighbour({ link, family, onMessage, onError: (error) => errors.push(error) }),
    );
    sockets.push(socket);
    return socket;
  };
  const ignore = (): void => undefined;
  const copy = (packet: VrrpPacket): VrrpPacket => ({ ...packet, payload: packet.payload.slice() });

  for (const family of ["IPv4", "IPv6"] as const) {
    const from = (station: Station) => station.address[family];
    const message = (...bytes: readonly number[]) => ({
      payload: Uint8Array.from(bytes),
      source: from(lan.left),
      destination: multicastGroup(family),
    });

    describe(`VRRP over ${family}`, () => {
      it("reaches the group with the chosen source and 255 hops, and not the sender", async () => {
        const heard: VrrpPacket[] = [];
        const self: VrrpPacket[] = [];
        const left = openVrrp(lan.left, family, (packet) => self.push(copy(packet)));
        const right = openVrrp(lan.right, family, (packet) => heard.push(copy(packet)));
        must(left.send(message(0x31, 7, 100, 1)));
        await lan.settle(() => heard.length > 0);
        assert.deepEqual(heard, [{ ...message(0x31, 7, 100, 1), hopLimit: 255 }]);
        assert.deepEqual(self, []);
        assert.deepEqual([left.counters().sent, right.counters().received], [1, 1]);
      });

      it("reaches one peer by unicast", async () => {
        const heard: VrrpPacket[] = [];
        const left = openVrrp(lan.left, family, ignore);
        openVrrp(lan.right, family, (packet) => heard.push(copy(packet)));
        must(left.send({ ...message(1), destination: from(lan.right) }));
        await lan.settle(() => heard.length > 0);
        assert.deepEqual(heard, [{ ...message(1), destination: from(lan.right), hopLimit: 255 }]);
      });

      it("keeps the order of many packets and the bytes of the largest: 255 addresses", async () => {
        const heard: Uint8Array[] = [];
        const left = openVrrp(lan.left, family, ignore);
        openVrrp(lan.right, family, ({ payload }) => heard.push(payload.slice()));
        const largest = new Uint8Array(8 + 255 * (family === "IPv4" ? 4 : 16) + 8).fill(0xa5);
        const sent = [...Array.from({ length: 50 }, (_, index) => Uint8Array.of(index)), largest];
        for (const payload of sent) must(left.send({ ...message(), payload }));
        await lan.settle(() => heard.length === sent.length);
        assert.deepEqual(heard, sent);
      });

      it("reads what is queued when told to drain, before it returns", () => {
        let heard = 0;
        let nested = 0;
        const left = openVrrp(lan.left, family, ignore);
        const right = openVrrp(lan.right, family, () => {
          heard += 1;
          nested += right.drain();
        });
        for (let count = 0; count < 20; count += 1) must(left.send(message(count)));
        assert.equal(right.drain(), 20);
        assert.deepEqual([heard, nested, right.drain()], [20, 0, 0]);
      });

      it("refuses to send from an address that is not its own, and counts it", () => {
        const left = openVrrp(lan.left, family, ignore);
        const result = left.send({ ...message(1), source: FOREIGN[family] });
        assert.ok(!result.ok);
        // IPv4 says the one or the other, depending on the kernel's version.
        assert.match(result.error.code, /^E(?:INVAL|NETUNREACH)$/);
        assert.deepEqual([...left.counters().sendErrors], [[result.error.code, 1]]);
        assert.equal(left.counters().sent, 0);
      });

      it("is silent once closed, also when that happens within a callback", async () => {
        let heard = 0;
        const left = openVrrp(lan.left, family, ignore);
        const right = openVrrp(lan.right, family, () => {
          heard += 1;
          right.close();
        });
        for (let count = 0; count < 3; count += 1) must(left.send(message(count)));
        await lan.quiet();
        assert.equal(heard, 1);
        assert.equal(right.drain(), 0);
        const result = right.send({ ...message(1), source: from(lan.right) });
        assert.equal(result.ok ? "sent" : result.error.code, "EBADF");
        right.close();
      });

      it("says that the link is down, and works again when it is up", async () => {
        const heard: number[] = [];
        const left = openVrrp(lan.left, family, ignore);
        openVrrp(lan.right, family, ({ payload }) => heard.push(payload[0] ?? -1));
        lan.left.setLink(false);
        const result = left.send(message(1));
        assert.ok(!result.ok);
        assert.match(result.error.code, /^E(?:NETDOWN|NETUNREACH|INVAL|ADDRNOTAVAIL)$/);
        lan.left.setLink(true);
        await lan.settle(() => left.send(message(2)).ok && heard.length > 0);
        assert.equal(heard[0], 2);
      });
    });

    describe(`neighbours over ${family}`, () => {
      const claimed = (neighbour: NeighbourMessage): string => {
        if (neighbour.type === "arp") {
          const arp = decodeArp(neighbour.payload);
          return arp.ok ? `${arp.value.senderAddress} at ${arp.value.senderMac}` : arp.reason;
        }
        const ndp = decodeNdp(neighbour.payload, neighbour);
        return ndp.ok ? `${ndp.value.target} at ${ndp.value.mac}` : ndp.reason;
      };

      it("tells who claims a watched address, and of nobody else", async () => {
        const heard: string[] = [];
        const [one, other] = VIRTUAL[family];
        const left = openNeighbour(lan.left, family, ignore);
        const right = openNeighbour(lan.right, family, (neighbour) => heard.push(claimed(neighbour)));
        must(left.send(claim(one)));
        must(right.watch([other, one]));
        must(left.send(claim(FOREIGN[family])));
        for (const address of [one, other]) must(left.send(claim(address)));
        await lan.settle(() => heard.length > 1);
        assert.deepEqual(heard, [`${one} at ${RIVAL}`, `${other} at ${RIVAL}`]);
        must(right.watch([other]));
        for (const address of [one, other]) must(left.send(claim(address)));
        await lan.settle(() => heard.length > 2);
        assert.deepEqual(heard.slice(2), [`${other} at ${RIVAL}`]);
      });

      it("does not hear its own announcements", async () => {
        const self: NeighbourMessage[] = [];
        const [one] = VIRTUAL[family];
        const left = openNeighbour(lan.left, family, (neighbour) => self.push(neighbour));
        must(left.watch([one]));
        must(left.send(claim(one)));
        await lan.quiet();
        assert.deepEqual(self, []);
      });

      it("watches 255 addresses", async () => {
        const heard: string[] = [];
        const prefix = family === "IPv4" ? "203.0.113." : "2001:db8:1::";
        const many = Array.from({ length: 255 }, (_, index) => ip(`${prefix}${index}`));
        const left = openNeighbour(lan.left, family, ignore);
        const right = openNeighbour(lan.right, family, (neighbour) => heard.push(claimed(neighbour)));
        must(right.watch(many));
        for (const address of [many[0], many[254]]) must(left.send(claim(ip(String(address)))));
        await lan.settle(() => heard.length > 1);
        assert.deepEqual(heard, [`${many[0]} at ${RIVAL}`, `${many[254]} at ${RIVAL}`]);
      });
    });
  }
};
