/** What every BFD driver must do: two systems on one link, the real one and the fake. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, type IpFamily, parseAddress } from "#base/address";
import { micros, seconds } from "#base/time";
import type { Datagram } from "#core/bfd/admission";
import { SOURCE_PORTS } from "#core/bfd/constants";
import { encode } from "#core/bfd/packet";
import type { BfdError, BfdListener, BfdPort, BfdResult, BfdSender } from "./port.ts";

/** One end of the link. It has all its addresses; `setLink(false)` takes the link down. */
export type BfdStation = {
  readonly port: BfdPort;
  readonly link: { readonly index: number; readonly name: string };
  readonly address: Readonly<Record<IpFamily | "link-local", IpAddress>>;
  readonly setLink: (up: boolean) => void;
};

/** Two stations and how packets get from one to the other. */
export type BfdLan = {
  readonly left: BfdStation;
  readonly right: BfdStation;
  /** Lets packets arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  /** Gives packets that should not arrive the time to do so. */
  readonly quiet: () => Promise<void>;
  readonly close: () => void;
};

const must = <Value>(result: BfdResult<Value>): Value => {
  assert.ok(result.ok, result.ok ? "" : `${result.error.operation}: ${result.error.code}`);
  return result.value;
};

const foreign = (family: IpFamily): IpAddress => {
  const address = parseAddress(family === "IPv4" ? "198.51.100.9" : "2001:db8:ff::9");
  assert.ok(address !== undefined);
  return address;
};

/** A packet that a discriminator tells from others: of a session that is down, or of one that is up, which is nothing new. */
const packet = (myDiscriminator: number, state: "down" | "up" = "down"): Uint8Array =>
  encode({
    ...{ state, diagnostic: "none", poll: false, final: false },
    ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 3, myDiscriminator },
    ...{ yourDiscriminator: 1, desiredMinTxInterval: seconds(1), requiredMinRxInterval: seconds(1) },
    requiredMinEchoRxInterval: micros(0),
  });

type Way = {
  readonly family: IpFamily;
  readonly kind: IpFamily | "link-local";
  readonly path: Datagram["path"];
};

const WAYS: readonly Way[] = [
  { family: "IPv4", kind: "IPv4", path: "single-hop" },
  { family: "IPv4", kind: "IPv4", path: "multihop" },
  { family: "IPv6", kind: "IPv6", path: "single-hop" },
  { family: "IPv6", kind: "IPv6", path: "multihop" },
  { family: "IPv6", kind: "link-local", path: "single-hop" },
];

/** Registers the tests. `open` builds a fresh link for each. */
export const bfdContract = (open: () => BfdLan): void => {
  let lan: BfdLan;
  let sockets: { close(): void }[] = [];
  let errors: BfdError[] = [];
  beforeEach(() => {
    lan = open();
    sockets = [];
    errors = [];
  });
  afterEach(() => {
    for (const socket of sockets) socket.close();
    lan.close();
    assert.deepEqual(errors, []);
  });

  for (const way of WAYS) {
    const { family, kind, path } = way;
    const listen = (
      station: BfdStation,
      onDatagram: (datagram: Datagram) => void,
      onRead: (count: number) => void = () => undefined,
    ): BfdListener => {
      const onError = (error: BfdError): void => void errors.push(error);
      const listener = must(station.port.listen({ family, path, onDatagram, onRead, onError }));
      sockets.push(listener);
      return listener;
    };
    const requestFrom = (station: BfdStation, peer: BfdStation) => ({
      path: path === "single-hop" ? { type: path, link: station.link } : { type: path, minimumHopLimit: 250 },
      localAddress: station.address[kind],
      peer: peer.address[kind],
    });
    const openSender = (station: BfdStation, peer: BfdStation): BfdSender => {
      const sender = must(station.port.openSender(requestFrom(station, peer)));
      sockets.push(sender);
      return sender;
    };

    describe(`${path} over ${kind}`, () => {
      it("carries a packet with 255 hops and says where it came from, by which link, to which address (RFC 5881 §4, RFC 5883 §5)", async () => {
        const heard: Datagram[] = [];
        listen(lan.right, (datagram) => heard.push({ ...datagram, payload: datagram.payload.slice() }));
        const sender = openSender(lan.left, lan.right);
        must(sender.send(packet(7)));
        await lan.settle(() => heard.length > 0);
        const { link, address } = lan.right;
        const waited = heard[0]?.waited ?? -1;
        assert.ok(waited >= 0 && waited < seconds(60), `${waited}`);
        assert.deepEqual(heard, [
          {
            payload: packet(7),
            source: lan.left.address[kind],
            destination: address[kind],
            hopLimit: 255,
            path,
            linkIndex: link.index,
            vrf: undefined,
            waited,
          },
        ]);
        assert.deepEqual(sender.counters(), { sent: 1, sendErrors: new Map() });
      });

      it("sends each session from another port of the range (RFC 5881 §4)", () => {
        const senders = Array.from({ length: 20 }, () => openSender(lan.left, lan.right));
        const ports = senders.map(({ sourcePort }) => sourcePort);
        assert.equal(new Set(ports).size, 20);
        for (const port of ports) assert.ok(port >= SOURCE_PORTS.first && port <= SOURCE_PORTS.last);
      });

      it("reads what is queued when told to drain, in order, before it returns", () => {
        const heard: number[] = [];
        let nested = 0;
        const listener = listen(lan.right, ({ payload }) => {
          heard.push(payload[7] ?? -1);
          nested += listener.drain();
        });
        const sender = openSender(lan.left, lan.right);
        // The first finds out where the peer is; the others may not overtake it.
        for (let count = 1; count <= 100; count += 1) must(sender.send(packet(count)));
        assert.equal(listener.drain(), 100);
        assert.deepEqual([heard.length, heard[0], heard.at(-1)], [100, 1, 100]);
        assert.deepEqual([nested, listener.drain(), listener.counters().received], [0, 0, 100]);
      });

      it("holds back what says nothing new, and reads it in order with the first that does", async () => {
        const heard: number[] = [];
        const read: number[] = [];
        const listener = listen(
          lan.right,
          ({ payload }) => heard.push(payload[7] ?? -1),
          (count) => read.push(count),
        );
        const sender = openSender(lan.left, lan.right);
        must(sender.send(packet(1, "up")));
        await lan.settle(() => heard.length > 0);
        assert.deepEqual([heard, read], [[1], [1]]);
        listener.holdBack(true);
        // More than are read at once.
        for (let count = 2; count <= 40; count += 1) must(sender.send(packet(count, "up")));
        await lan.quiet();
        assert.deepEqual([heard, read], [[1], [1]]);
        for (const state of ["down", "up", "up"] as const)
          must(sender.send(packet(50 + heard.length, state)));
        await lan.settle(() => heard.length > 42);
        const all = Array.from({ length: 40 }, (_, index) => index + 1);
        assert.deepEqual(heard, [...all, 51, 51, 51]);
        assert.equal(
          read.reduce((sum, count) => sum + count, 0),
          43,
        );
        must(sender.send(packet(60, "up")));
        assert.deepEqual([listener.drain(), heard.at(-1)], [1, 60]);
        must(sender.send(packet(61, "up")));
        await lan.quiet();
        assert.equal(heard.at(-1), 60);
        listener.holdBack(false);
        await lan.settle(() => heard.at(-1) === 61);
        assert.equal(heard.at(-1), 61);
      });

      it("does not open from an address that is not its own", () => {
        const request = { ...requestFrom(lan.left, lan.right), localAddress: foreign(family) };
        const result = lan.left.port.openSender(request);
        assert.equal(result.ok ? "opened" : result.error.code, "EADDRNOTAVAIL");
      });

      it("has one listener at a time", () => {
        const first = listen(lan.right, () => undefined);
        const nothing = { onDatagram: () => undefined, onRead: () => undefined, onError: () => undefined };
        const again = { family, path, ...nothing };
        const second = lan.right.port.listen(again);
        assert.equal(second.ok ? "opened" : second.error.code, "EADDRINUSE");
        first.close();
        sockets.push(must(lan.right.port.listen(again)));
      });

      it("is silent once closed, also when that happens within a callback", async () => {
        let heard = 0;
        const listener = listen(lan.right, () => {
          heard += 1;
          listener.close();
        });
        const sender = openSender(lan.left, lan.right);
        for (let count = 1; count <= 3; count += 1) must(sender.send(packet(count)));
        await lan.settle(() => heard > 0);
        await lan.quiet();
        assert.equal(heard, 1);
        assert.equal(listener.drain(), 0);
        sender.close();
        sender.close();
        const result = sender.send(packet(9));
        assert.equal(result.ok ? "sent" : result.error.code, "EBADF");
      });

      it("goes on when nobody listens at the other end, and loses nothing once somebody does", async () => {
        const sender = openSender(lan.left, lan.right);
        for (let count = 0; count < 5; count += 1) must(sender.send(packet(1)));
        await lan.quiet();
        const heard: number[] = [];
        listen(lan.right, ({ payload }) => heard.push(payload[7] ?? -1));
        for (let count = 11; count <= 15; count += 1) must(sender.send(packet(count)));
        await lan.settle(() => heard.length === 5);
        assert.deepEqual(heard, [11, 12, 13, 14, 15]);
      });

      it("says that the link is down, and counts it", () => {
        const sender = openSender(lan.left, lan.right);
        lan.left.setLink(false);
        const result = sender.send(packet(1));
        lan.left.setLink(true);
        assert.ok(!result.ok);
        assert.match(result.error.code, /^E(?:NETDOWN|NETUNREACH|INVAL|ADDRNOTAVAIL|HOSTUNREACH)$/);
        assert.deepEqual(sender.counters(), { sent: 0, sendErrors: new Map([[result.error.code, 1]]) });
      });
    });
  }
};
