import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeGeneric, type GenericMessage } from "#core/genetlink/message";
import { decodeAttributes } from "#core/netlink/attributes";
import { MessageBuilder } from "#core/netlink/builder";
import { decodeMessages, isAcknowledgement, type NetlinkMessage } from "#core/netlink/message";
import { readExchange } from "#testing/exchange";
import { address } from "#testing/values";
import { encodeChange, type IpvsChange } from "./change.ts";
import { IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_SERVICE } from "./constants.ts";
import { decodeDaemon, encodeDaemonDump } from "./daemon.ts";
import { decodeDestination, encodeDestinationDump } from "./destination.ts";
import type { IpvsDestination, IpvsService, ServiceAddress } from "./model.ts";
import { decodeService, encodeServiceDump } from "./service.ts";

const WEB: ServiceAddress = { address: address("192.0.2.10"), protocol: "tcp", port: 80 };
const DNS: ServiceAddress = { address: address("2001:db8::10"), protocol: "udp", port: 53 };
const SERVICES: readonly IpvsService[] = [
  { ...WEB, scheduler: "wrr", flags: 1, persistence: 300, prefixLength: 24 },
  { ...DNS, scheduler: "mh", flags: 0x18, persistence: 0, prefixLength: 128 },
  {
    ...{ address: address("192.0.2.11"), protocol: "tcp", port: 443 },
    ...{ scheduler: "wlc", flags: 0, persistence: 0, prefixLength: 32 },
  },
];
const destination = (text: string, port: number, weight: number): IpvsDestination => ({
  ...{ address: address(text), port, weight, forwarding: "direct", limited: false },
});
const NAT: IpvsDestination = { ...destination("192.0.2.21", 8080, 5), forwarding: "nat" };

const messagesIn = (file: string, name: "Question" | "Answer"): readonly NetlinkMessage[] =>
  readExchange(new URL(`testdata/${file}.hex`, import.meta.url))
    .filter((dump) => dump.name === name)
    .flatMap(({ bytes }) => {
      const messages = decodeMessages(bytes);
      assert.ok(messages.ok);
      return messages.value.filter((message) => !isAcknowledgement(message));
    });

const generic = (message: NetlinkMessage): GenericMessage => {
  const read = decodeGeneric(message.body);
  assert.ok(read.ok);
  return read.value;
};

const encoded = (encode: (builder: MessageBuilder) => void): NetlinkMessage => {
  const builder = new MessageBuilder();
  encode(builder);
  const messages = decodeMessages(builder.bytes());
  assert.ok(messages.ok && messages.value[0]);
  return messages.value[0];
};

const ENVELOPE = { family: 0x1c, sequence: 1 };
const message = (change: IpvsChange): NetlinkMessage =>
  encoded((builder) => encodeChange(builder, ENVELOPE, change));

describe("services", () => {
  const golden = messagesIn("services", "Question");

  it("are added and edited byte for byte as ipvsadm does it", () => {
    const [wrr, mh, wlc] = SERVICES;
    assert.ok(wrr && mh && wlc);
    const changes: readonly IpvsChange[] = [
      ...[wrr, mh, wlc].map((service) => ({ type: "add-service" as const, service })),
      { type: "edit-service", service: { ...wlc, scheduler: "sh", flags: 0x8 } },
    ];
    for (const [index, change] of changes.entries()) {
      const ours = message(change);
      assert.deepEqual([ours.flags, ours.body], [golden[index]?.flags, golden[index]?.body], change.type);
    }
  });

  it("are read as the kernel lists them, without those by firewall mark and of other protocols", () => {
    const listed = messagesIn("list", "Answer")
      .map(generic)
      .filter(({ attributes }) => attributes.has(IPVS_CMD_ATTR_SERVICE))
      .map(({ attributes }) => decodeService(attributes))
      .map((service) => (service.ok ? service.value : service.reason));
    const edited = { ...SERVICES[2], scheduler: "sh", flags: 0x8 };
    const expected = ["foreign-kind", "foreign-kind", SERVICES[0], SERVICES[1], edited];
    const text = (values: readonly unknown[]): string[] =>
      values.map((value) => JSON.stringify(value)).sort();
    const sorted = (value: unknown): unknown =>
      typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).sort()) : value;
    assert.deepEqual(text(listed.map(sorted)), text(expected.map(sorted)));
  });

  it("are asked for and removed as ipvsadm does it", () => {
    const dump = encoded((builder) => encodeServiceDump(builder, ENVELOPE));
    assert.ok(messagesIn("list", "Question").some(({ body }) => Buffer.compare(body, dump.body) === 0));
    const removal = generic(message({ type: "remove-service", service: WEB }));
    const theirs = messagesIn("removals", "Question").map(generic)[1];
    assert.equal(removal.command, theirs?.command);
    assertWithin(removal, theirs, IPVS_CMD_ATTR_SERVICE);
  });
});

/** Whether every attribute that we send is in their message with the same value: they send some that mean nothing. */
const assertWithin = (ours: GenericMessage, theirs: GenericMessage | undefined, nest: number): void => {
  const [mine, other] = [ours, theirs].map((message) => {
    const attributes = decodeAttributes(message?.attributes.get(nest) ?? new Uint8Array(0));
    assert.ok(attributes.ok);
    return attributes.value;
  });
  assert.ok(mine && other && mine.size > 0);
  for (const [type, value] of mine) assert.deepEqual(value, other.get(type), `attribute ${type}`);
};

describe("destinations", () => {
  it("are added, edited and removed as ipvsadm does it", () => {
    const changes: readonly IpvsChange[] = [
      { type: "add-destination", service: WEB, destination: NAT },
      { type: "add-destination", service: WEB, destination: destination("192.0.2.22", 80, 0) },
      { type: "add-destination", service: DNS, destination: destination("2001:db8::21", 53, 1) },
      { type: "edit-destination", service: WEB, destination: { ...NAT, weight: 0 } },
      { type: "remove-destination", service: WEB, destination: NAT },
    ];
    const golden = [
      ...messagesIn("destinations", "Question").filter((_, index) => index !== 3),
      ...messagesIn("removals", "Question").slice(0, 1),
    ].map(generic);
    for (const [index, change] of changes.entries()) {
      const ours = generic(message(change));
      assert.equal(ours.command, golden[index]?.command);
      assertWithin(ours, golden[index], IPVS_CMD_ATTR_SERVICE);
      assertWithin(ours, golden[index], IPVS_CMD_ATTR_DEST);
    }
  });

  it("are read as the kernel lists them", () => {
    const listed = messagesIn("list", "Answer")
      .map(generic)
      .filter(({ attributes }) => attributes.has(IPVS_CMD_ATTR_DEST))
      .map(({ attributes }) => decodeDestination(attributes, WEB))
      .map((entry) => (entry.ok ? entry.value : entry.reason));
    const expected = [
      { ...NAT, weight: 0 },
      destination("192.0.2.22", 80, 0),
      destination("2001:db8::21", 53, 1),
      { ...destination("192.0.2.23", 80, 1), forwarding: "other", limited: true },
    ];
    for (const entry of expected)
      assert.ok(
        listed.some((found) => matches(found, entry)),
        JSON.stringify(listed),
      );
    assert.equal(listed.length, expected.length);
  });

  it("are asked for with their service", () => {
    const dump = encoded((builder) => encodeDestinationDump(builder, ENVELOPE, WEB));
    const asked = messagesIn("list", "Question").map(generic);
    const theirs = asked.find(({ command, attributes }) => command === 8 && matchesService(attributes, WEB));
    assertWithin(generic(dump), theirs, IPVS_CMD_ATTR_SERVICE);
  });
});

const matches = (found: unknown, wanted: object): boolean => {
  try {
    assert.deepEqual(found, wanted);
    return true;
  } catch {
    return false;
  }
};

const matchesService = (attributes: GenericMessage["attributes"], service: ServiceAddress): boolean => {
  const nested = attributes.get(IPVS_CMD_ATTR_SERVICE);
  const dump = encoded((builder) => encodeDestinationDump(builder, ENVELOPE, service));
  const ours = generic(dump).attributes.get(IPVS_CMD_ATTR_SERVICE);
  return (
    nested !== undefined &&
    ours !== undefined &&
    Buffer.compare(nested.subarray(0, 40), ours.subarray(0, 40)) === 0
  );
};

describe("the sync daemon", () => {
  const MASTER = { state: "master", interface: "edge0", id: 7 } as const;
  const BACKUP = { ...MASTER, state: "backup" } as const;

  it("is started byte for byte as ipvsadm does it", () => {
    const golden = messagesIn("daemons", "Question");
    for (const [index, daemon] of [MASTER, BACKUP].entries()) {
      assert.deepEqual(message({ type: "start-daemon", daemon }).body, golden[index]?.body);
    }
    const dump = encoded((builder) => encodeDaemonDump(builder, ENVELOPE));
    assert.deepEqual(dump.body, golden[2]?.body);
  });

  it("is stopped by its state", () => {
    const golden = messagesIn("daemons", "Question").map(generic)[3];
    const stop = generic(message({ type: "stop-daemon", daemon: MASTER }));
    assert.equal(stop.command, golden?.command);
  });

  it("is read as the kernel tells of it", () => {
    const told = messagesIn("daemons", "Answer").map((answer) => decodeDaemon(generic(answer).attributes));
    assert.deepEqual(
      told.map((daemon) => (daemon.ok ? daemon.value : daemon.reason)),
      [MASTER, BACKUP],
    );
  });
});

describe("IPVS decoders", () => {
  const decode = (body: Uint8Array): void => {
    const read = decodeGeneric(body);
    if (!read.ok) return;
    decodeService(read.value.attributes);
    decodeDestination(read.value.attributes, WEB);
    decodeDaemon(read.value.attributes);
  };

  it("never throw on arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decode));
  });

  it("never throw on captured messages that were cut or damaged", () => {
    const bodies = ["list", "daemons"].flatMap((file) => messagesIn(file, "Answer").map(({ body }) => body));
    for (const body of bodies) for (let end = 0; end < body.length; end += 1) decode(body.subarray(0, end));
    const damage = fc.record({
      body: fc.constantFrom(...bodies),
      at: fc.nat(),
      value: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(damage, ({ body, at, value }) => {
        const damaged = body.slice();
        damaged[at % damaged.length] = value;
        decode(damaged);
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuse a service of another address family and one with attributes of another size", () => {
    const [first] = messagesIn("list", "Answer").filter(({ body }) => decodeOk(body));
    assert.ok(first);
    const unix = first.body.slice();
    unix[12] = 1;
    const nested = decodeGeneric(unix);
    assert.ok(nested.ok);
    assert.deepEqual(decodeService(nested.value.attributes), { ok: false, reason: "bad-attribute" });
  });
});

const decodeOk = (body: Uint8Array): boolean => {
  const read = decodeGeneric(body);
  return read.ok && decodeService(read.value.attributes).ok;
};
