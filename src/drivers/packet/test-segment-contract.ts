/** What every segment driver must do: two stations on one link, the real one and the fake. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type IpAddress, type IpFamily, parseAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { decodeRefusal } from "#core/tcp/refusal";
import { decode, encodeSyn } from "#core/tcp/segment";
import { answerSegment, rejectSegment } from "#testing/segments";
import type { PacketError, PacketLink } from "./port.ts";
import type { SegmentPort, SegmentSocket } from "./segment-port.ts";

/** One end of the link. */
export type SegmentStation = {
  readonly port: SegmentPort;
  readonly link: PacketLink;
  readonly mac: MacAddress;
  readonly address: Readonly<Record<IpFamily, IpAddress>>;
  readonly setLink: (up: boolean) => void;
};

/** Two stations and how packets get from one to the other. */
export type SegmentLan = {
  readonly left: SegmentStation;
  readonly right: SegmentStation;
  /** Lets packets arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  /** Gives packets that should not arrive the time to do so. */
  readonly quiet: () => Promise<void>;
  readonly close: () => void;
};

const PORTS = { low: 61_000, high: 61_009 };

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
};

/** What a packet says of whom, and to which port of ours. */
const wordsOf = (packet: Uint8Array): string => {
  const segment = decode(packet);
  if (segment.ok) return `${segment.value.kind} ${segment.value.source} ${segment.value.destinationPort}`;
  const refusal = decodeRefusal(packet);
  return refusal.ok ? `refusal ${refusal.value.destination} ${refusal.value.sourcePort}` : refusal.reason;
};

/** What the tests of one family share. */
type Bench = {
  readonly family: IpFamily;
  readonly lan: () => SegmentLan;
  readonly errors: () => readonly PacketError[];
  /** Opens a socket that is closed when the test ends. */
  readonly open: (
    station: SegmentStation,
    onPacket?: (packet: Uint8Array, sender: MacAddress) => void,
  ) => SegmentSocket;
  /** Three addresses, the last of them far from the others. */
  readonly addresses: readonly [IpAddress, IpAddress, IpAddress];
};

/** The first segment of a handshake from the right station to an address. */
const synTo = ({ lan, family }: Bench, destination: IpAddress, sourcePort = PORTS.low): Uint8Array =>
  encodeSyn({ source: lan().right.address[family], destination, sourcePort, destinationPort: 80 }, 0xfeed);

const hearingTests = (bench: Bench): void => {
  const [one, other, far] = bench.addresses;

  it("hears what answers its segments, from the addresses that it listens for, and nothing else", async () => {
    const heard: string[] = [];
    const answerer = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, (packet, sender) => {
      heard.push(wordsOf(packet));
      assert.equal(sender, bench.lan().left.mac);
    });
    const { mac: destination } = bench.lan().right;
    const say = (payload: Uint8Array): void => assert.ok(answerer.send({ destination, payload }).ok);
    say(answerSegment(synTo(bench, one), "syn-ack"));
    await bench.lan().quiet();
    assert.ok(socket.listen([one, other]).ok);
    for (const target of [far, one, other]) {
      say(answerSegment(synTo(bench, target), "syn-ack"));
      say(answerSegment(synTo(bench, target, PORTS.high), "reset"));
      say(rejectSegment(synTo(bench, target, PORTS.low + 1), bench.lan().left.address[bench.family]));
      // To a port of somebody else, and no answer at all.
      say(answerSegment(synTo(bench, target, PORTS.high + 1), "syn-ack"));
      say(synTo(bench, target));
    }
    const expected = [one, other].flatMap((target) => [
      `syn-ack ${target} ${PORTS.low}`,
      `reset ${target} ${PORTS.high}`,
      `refusal ${target} ${PORTS.low + 1}`,
    ]);
    await bench.lan().settle(() => heard.length >= expected.length);
    await bench.lan().quiet();
    assert.deepEqual(heard, expected);
    assert.ok(socket.listen([far]).ok);
    for (const target of [one, far]) say(answerSegment(synTo(bench, target), "reset"));
    await bench.lan().settle(() => heard.length > expected.length);
    assert.deepEqual(heard.slice(expected.length), [`reset ${far} ${PORTS.low}`]);
  });

  it("hears neither itself nor what is for another machine", async () => {
    let heard = 0;
    const answerer = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
    });
    assert.ok(socket.listen([one]).ok);
    const payload = answerSegment(synTo(bench, one), "syn-ack");
    const stranger = parseMac("02:00:00:00:07:77") ?? assert.fail("no MAC address");
    assert.ok(answerer.send({ destination: stranger, payload }).ok);
    assert.ok(socket.send({ destination: bench.lan().right.mac, payload }).ok);
    assert.ok(socket.send({ destination: bench.lan().left.mac, payload }).ok);
    await bench.lan().quiet();
    assert.equal(heard, 0);
  });

  it("listens for thousands of addresses in many places", async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => {
      const [high, low] = [Math.floor(index / 10), (index % 10) * 2];
      return ip(
        bench.family === "IPv4"
          ? `10.${high >>> 8}.${high & 255}.${low}`
          : `2001:db8:2::${high.toString(16)}:${low.toString(16)}`,
      );
    });
    const heard = new Set<string>();
    const answerer = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, (packet) => heard.add(wordsOf(packet)));
    assert.ok(socket.listen(many).ok);
    const sample = many.filter((_, index) => index % 100 === 0);
    for (const target of sample) {
      const payload = answerSegment(synTo(bench, target), "syn-ack");
      assert.ok(answerer.send({ destination: bench.lan().right.mac, payload }).ok);
    }
    await bench.lan().settle(() => heard.size === sample.length);
    for (const target of sample) assert.ok(heard.has(`syn-ack ${target} ${PORTS.low}`), target);
  });
};

const endingTests = (bench: Bench): void => {
  const [one] = bench.addresses;

  it("is silent once closed, also when that happens within a callback", async () => {
    let heard = 0;
    const answerer = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
      socket.close();
    });
    assert.ok(socket.listen([one]).ok);
    const frame = {
      destination: bench.lan().right.mac,
      payload: answerSegment(synTo(bench, one), "syn-ack"),
    };
    for (let count = 0; count < 3; count += 1) assert.ok(answerer.send(frame).ok);
    await bench.lan().settle(() => heard > 0);
    await bench.lan().quiet();
    assert.equal(heard, 1);
    assert.equal(socket.drain(), 0);
    const result = socket.send(frame);
    assert.equal(result.ok ? "sent" : result.error.code, "EBADF");
    assert.ok(socket.listen([one]).ok);
    socket.close();
  });

  it("says that the link is down, and hears again when it is up", async () => {
    let heard = 0;
    const answerer = bench.open(bench.lan().left);
    const socket = bench.open(bench.lan().right, () => {
      heard += 1;
    });
    assert.ok(socket.listen([one]).ok);
    bench.lan().right.setLink(false);
    const frame = { destination: bench.lan().left.mac, payload: synTo(bench, one) };
    const result = socket.send(frame);
    assert.equal(result.ok ? "sent" : result.error.code, "ENETDOWN");
    assert.deepEqual([...socket.counters().sendErrors], [["ENETDOWN", 1]]);
    bench.lan().right.setLink(true);
    const answer = {
      destination: bench.lan().right.mac,
      payload: answerSegment(synTo(bench, one), "reset"),
    };
    await bench.lan().settle(() => answerer.send(answer).ok && heard > 0);
    assert.ok(heard > 0);
    for (const error of bench.errors()) assert.equal(error.code, "ENETDOWN");
  });
};

/** Registers the tests. `open` builds a fresh link for each. */
export const segmentContract = (open: () => SegmentLan): void => {
  let lan: SegmentLan;
  let sockets: SegmentSocket[] = [];
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

  it("takes ports that nobody has, each once, and gives them back", () => {
    const { port } = lan.left;
    const [low, high] = [PORTS.low, PORTS.low + 1];
    const first = port.reservePorts({ low, high });
    assert.ok(first.ok);
    assert.deepEqual(first.value.ports, [low, high]);
    const none = port.reservePorts({ low, high });
    assert.deepEqual(none, { ok: false, error: { code: "EADDRINUSE", operation: `take port ${high}` } });
    const rest = port.reservePorts({ low, high: high + 1 });
    assert.ok(rest.ok);
    assert.deepEqual(rest.value.ports, [high + 1]);
    for (const each of [first, first, rest]) each.value.close();
    const again = port.reservePorts({ low, high });
    assert.ok(again.ok);
    assert.deepEqual(again.value.ports, [low, high]);
    again.value.close();
  });

  for (const family of ["IPv4", "IPv6"] as const) {
    const openOn: Bench["open"] = ({ port, link }, onPacket = () => undefined) => {
      const onError = (error: PacketError) => errors.push(error);
      const opened = port.openSegments({ link, family, ports: PORTS, onPacket, onError });
      assert.ok(opened.ok, opened.ok ? "" : `${opened.error.operation}: ${opened.error.code}`);
      sockets.push(opened.value);
      return opened.value;
    };
    const prefix = family === "IPv4" ? "203.0.113." : "2001:db8:1::";
    const bench: Bench = {
      ...{ family, lan: () => lan, errors: () => errors, open: openOn },
      addresses: [ip(`${prefix}1`), ip(`${prefix}9`), ip(`${prefix}99`)],
    };
    describe(`a segment socket for ${family}`, () => {
      hearingTests(bench);
      endingTests(bench);
    });
  }
};
