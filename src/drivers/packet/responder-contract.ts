/** What every responder driver must do: two stations on one segment, the real one and the fake. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, type IpFamily, isIpv4, parseAddress } from "#base/address";
import { BROADCAST_MAC, type MacAddress, macFromBytes, parseMac } from "#base/mac";
import { framesFor } from "#core/announce/frames";
import { decode as decodeArp, encode as encodeArp, whoHas } from "#core/arp/packet";
import { groupMac, solicitedNodeGroup } from "#core/ndp/group";
import { decodePacket, encodePacket } from "#core/ndp/packet";
import type { PacketError, PacketLink } from "./port.ts";
import type { HeardFrame, ResponderPort, ResponderSocket } from "./responder-port.ts";

/** One end of the segment. */
export type ResponderStation = {
  readonly port: ResponderPort;
  readonly link: PacketLink;
  readonly mac: MacAddress;
  readonly address: Readonly<Record<IpFamily, IpAddress>>;
  readonly setLink: (up: boolean) => void;
};

/** Two stations and how frames get from one to the other. */
export type ResponderLan = {
  readonly left: ResponderStation;
  readonly right: ResponderStation;
  /** Lets frames arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  /** Gives frames that should not arrive the time to do so. */
  readonly quiet: () => Promise<void>;
  readonly close: () => void;
};

type Frame = { readonly destination: MacAddress; readonly payload: Uint8Array };

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
};

/** Asks for an address as a host does. */
const question = (target: IpAddress, asker: ResponderStation): Frame => {
  const { mac, address } = asker;
  if (isIpv4(target)) {
    assert.ok(isIpv4(address.IPv4));
    const payload = encodeArp(whoHas(target, { mac, address: address.IPv4 }));
    return { destination: BROADCAST_MAC, payload };
  }
  const group = solicitedNodeGroup(target);
  const context = { source: address.IPv6, destination: group };
  const payload = encodePacket({ type: "solicitation", target, mac }, context);
  return { destination: groupMac(group), payload };
};

/** What a frame is about: who is asked for, or who claims what. */
const wordsOf = (family: IpFamily, { payload, from }: HeardFrame): string => {
  const mac = macFromBytes(from);
  if (family === "IPv4") {
    const arp = decodeArp(payload);
    return arp.ok ? `${arp.value.operation} ${arp.value.targetAddress} from ${mac}` : arp.reason;
  }
  const ndp = decodePacket(payload);
  return ndp.ok ? `${ndp.value.message.type} ${ndp.value.message.target} from ${mac}` : ndp.reason;
};

/** What the tests of one family share. */
type Bench = {
  readonly family: IpFamily;
  readonly lan: () => ResponderLan;
  readonly errors: () => readonly PacketError[];
  /** Opens a socket that is closed when the test ends. */
  readonly open: (station: ResponderStation, onFrame?: (frame: HeardFrame) => void) => ResponderSocket;
  /** Three addresses, the last of them far from the others. */
  readonly addresses: readonly [IpAddress, IpAddress, IpAddress];
};

const askedIn = (family: IpFamily): string => (family === "IPv4" ? "request" : "solicitation");

const hearingTests = (bench: Bench): void => {
  const { family } = bench;
  const [one, other, far] = bench.addresses;
  const asked = askedIn(family);

  it("hears who asks for the addresses it listens for, from whom, and of nobody else", async () => {
    const heard: string[] = [];
    const asker = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, (frame) => heard.push(wordsOf(family, frame)));
    assert.ok(asker.send(question(one, bench.lan().left)).ok);
    await bench.lan().quiet();
    assert.ok(socket.listen([one, other]).ok);
    for (const target of [far, one, other]) assert.ok(asker.send(question(target, bench.lan().left)).ok);
    await bench.lan().settle(() => heard.length > 1);
    assert.deepEqual(
      heard,
      [one, other].map((target) => `${asked} ${target} from ${bench.lan().left.mac}`),
    );
    assert.ok(socket.listen([far]).ok);
    for (const target of [one, far]) assert.ok(asker.send(question(target, bench.lan().left)).ok);
    await bench.lan().settle(() => heard.length > 2);
    assert.deepEqual(heard.slice(2), [`${asked} ${far} from ${bench.lan().left.mac}`]);
  });

  it("hears who claims an address", async () => {
    let heard = 0;
    const claimant = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
    });
    assert.ok(socket.listen([one]).ok);
    const frames = framesFor({ address: one, mac: bench.lan().left.mac, router: false });
    for (const frame of frames) assert.ok(claimant.send(frame).ok);
    await bench.lan().settle(() => heard === frames.length);
    assert.equal(heard, frames.length);
  });

  it("hears a host that asks this link alone, and not one that asks another", async () => {
    const heard: string[] = [];
    const asker = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, (frame) => heard.push(wordsOf(family, frame)));
    assert.ok(socket.listen([one, other]).ok);
    const stranger = parseMac("02:00:00:00:07:77") ?? BROADCAST_MAC;
    assert.ok(asker.send({ ...question(other, bench.lan().left), destination: stranger }).ok);
    assert.ok(asker.send({ ...question(one, bench.lan().left), destination: bench.lan().right.mac }).ok);
    await bench.lan().settle(() => heard.length > 0);
    await bench.lan().quiet();
    assert.deepEqual(heard, [`${asked} ${one} from ${bench.lan().left.mac}`]);
  });
};

const speakingTests = (bench: Bench): void => {
  const { family } = bench;
  const [one] = bench.addresses;
  const asked = askedIn(family);

  it("answers the asker alone", async () => {
    const heard: string[] = [];
    const asker = bench.open(bench.lan().left, (frame) => heard.push(wordsOf(family, frame)));
    assert.ok(asker.listen([one]).ok);
    const socket = bench.open(bench.lan().right);
    const [, frame] = framesFor({ address: one, mac: bench.lan().right.mac, router: false });
    const [only] = framesFor({ address: one, mac: bench.lan().right.mac, router: false });
    const { payload } = frame ?? only ?? assert.fail("no frame");
    assert.ok(socket.send({ payload, destination: bench.lan().left.mac }).ok);
    await bench.lan().settle(() => heard.length > 0);
    assert.equal(heard.length, 1);
  });

  it("does not hear itself", async () => {
    let heard = 0;
    const socket = bench.open(bench.lan().left, () => {
      heard += 1;
    });
    assert.ok(socket.listen([one]).ok);
    for (const frame of framesFor({ address: one, mac: bench.lan().left.mac, router: false })) {
      assert.ok(socket.send(frame).ok);
    }
    assert.ok(socket.send(question(one, bench.lan().left)).ok);
    await bench.lan().quiet();
    assert.equal(heard, 0);
  });

  it("listens for thousands of addresses in many places, and hears each", async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => {
      const [high, low] = [Math.floor(index / 10), (index % 10) * 2];
      return ip(
        family === "IPv4"
          ? `10.${high >>> 8}.${high & 255}.${low}`
          : `2001:db8:2::${high.toString(16)}:${low.toString(16)}`,
      );
    });
    const heard = new Set<string>();
    const asker = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, (frame) => heard.add(wordsOf(family, frame)));
    assert.ok(socket.listen(many).ok);
    const sample = many.filter((_, index) => index % 100 === 0);
    for (const target of sample) assert.ok(asker.send(question(target, bench.lan().left)).ok);
    await bench.lan().settle(() => heard.size === sample.length);
    for (const target of sample)
      assert.ok(heard.has(`${asked} ${target} from ${bench.lan().left.mac}`), target);
    // One among them, and one far from all.
    const more = [ip(family === "IPv4" ? "10.0.0.1" : "2001:db8:2::1"), bench.addresses[0]];
    assert.ok(socket.listenToo(more).ok);
    heard.clear();
    for (const target of [...more, ...sample]) assert.ok(asker.send(question(target, bench.lan().left)).ok);
    await bench.lan().settle(() => heard.size === more.length + sample.length);
    for (const target of more)
      assert.ok(heard.has(`${asked} ${target} from ${bench.lan().left.mac}`), target);
  });
};

const endingTests = (bench: Bench): void => {
  const [one, other] = bench.addresses;

  it("is silent once closed, also when that happens within a callback", async () => {
    let heard = 0;
    const asker = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
      socket.close();
    });
    assert.ok(socket.listen([one]).ok);
    for (let count = 0; count < 3; count += 1) assert.ok(asker.send(question(one, bench.lan().left)).ok);
    await bench.lan().quiet();
    assert.equal(heard, 1);
    assert.equal(socket.drain(), 0);
    const result = socket.send(question(one, bench.lan().right));
    assert.equal(result.ok ? "sent" : result.error.code, "EBADF");
    assert.ok(socket.listen([other]).ok);
    socket.close();
  });

  it("says that the link is down, and hears again when it is up", async () => {
    let heard = 0;
    const asker = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
    });
    assert.ok(socket.listen([one]).ok);
    bench.lan().right.setLink(false);
    const result = socket.send(question(one, bench.lan().right));
    assert.equal(result.ok ? "sent" : result.error.code, "ENETDOWN");
    assert.deepEqual([...socket.counters().sendErrors], [["ENETDOWN", 1]]);
    bench.lan().right.setLink(true);
    await bench.lan().settle(() => asker.send(question(one, bench.lan().left)).ok && heard > 0);
    assert.ok(heard > 0);
    for (const error of bench.errors()) assert.equal(error.code, "ENETDOWN");
  });
};

/** Registers the tests. `open` builds a fresh segment for each. */
export const responderContract = (open: () => ResponderLan): void => {
  let lan: ResponderLan;
  let sockets: ResponderSocket[] = [];
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

  for (const family of ["IPv4", "IPv6"] as const) {
    const openOn: Bench["open"] = ({ port, link }, onFrame = () => undefined) => {
      const onError = (error: PacketError) => errors.push(error);
      const opened = port.openResponder({ link, family, onFrame, onError });
      assert.ok(opened.ok, opened.ok ? "" : `${opened.error.operation}: ${opened.error.code}`);
      sockets.push(opened.value);
      return opened.value;
    };
    const prefix = family === "IPv4" ? "203.0.113." : "2001:db8:1::";
    const bench: Bench = {
      ...{ family, lan: () => lan, errors: () => errors, open: openOn },
      addresses: [ip(`${prefix}1`), ip(`${prefix}9`), ip(`${prefix}99`)],
    };
    describe(`a responder socket for ${family}`, () => {
      hearingTests(bench);
      speakingTests(bench);
      endingTests(bench);
    });
  }
};
