import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes } from "#base/address";
import { millis, seconds } from "#base/time";
import { clientKey, type Pin } from "#core/balance/pin";
import { MessageBuilder } from "#core/netlink/builder";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import { address } from "#testing/values";
import { writeBatch } from "./nfnetlink.ts";
import { decodePinElements, pinChange, writePinRequest } from "./pin-elements.ts";

const WEB = { name: "web", address: address("192.0.2.100"), mode: "nat" } as const;
const pin = (text: string, backend: number, remaining = seconds(40)): Pin => ({
  client: clientKey(addressBytes(address(text))),
  ...{ backend, remaining },
});
const PINS = [pin("198.51.100.1", 0x7fff_ffff), pin("198.51.100.2", 1, millis(1))];

const messagesOf = (builder: MessageBuilder): readonly NetlinkMessage[] => {
  const messages = decodeMessages(builder.bytes());
  assert.ok(messages.ok);
  return messages.value;
};

/** What adds elements has the shape of what lists them. */
const listing = (pins: readonly Pin[], timeout = seconds(60)): NetlinkMessage => {
  const builder = new MessageBuilder();
  writeBatch(builder, [pinChange(WEB, { timeout, replaced: [], pins })], 1);
  const message = messagesOf(builder)[1];
  assert.ok(message);
  return message;
};

describe("the elements of a map of pins", () => {
  it("are read as they are written", () => {
    assert.deepEqual(decodePinElements(listing(PINS)), { ok: true, value: PINS });
    const six = [pin("2001:db8::1", 7)];
    assert.deepEqual(decodePinElements(listing(six)), { ok: true, value: six });
  });

  it("never last longer than the timeout, which the kernel would refuse, nor no time at all", () => {
    const read = decodePinElements(
      listing([pin("198.51.100.1", 1, seconds(61)), pin("198.51.100.2", 1, millis(0))]),
    );
    assert.ok(read.ok);
    assert.deepEqual(
      read.value.map(({ remaining }) => remaining),
      [seconds(60), millis(1)],
    );
  });

  it("are taken out first where they replace others", () => {
    const builder = new MessageBuilder();
    const replaced = PINS.map(({ client }) => client);
    writeBatch(builder, [pinChange(WEB, { timeout: seconds(60), replaced, pins: PINS })], 1);
    // Begin, delete, add, end.
    assert.deepEqual(
      messagesOf(builder).map(({ type }) => type & 0xff),
      [0x10, 14, 12, 0x11],
    );
  });

  it("are in the table of the packets that write them", () => {
    const NFPROTO_INET = 1;
    const NFPROTO_NETDEV = 5;
    for (const [mode, family] of [
      ["masquerade", NFPROTO_INET],
      ["nat", NFPROTO_INET],
      ["dsr", NFPROTO_NETDEV],
    ] as const) {
      const builder = new MessageBuilder();
      writePinRequest(builder, { server: { ...WEB, mode }, sequence: 1 });
      const change = pinChange({ ...WEB, mode }, { timeout: seconds(60), replaced: [], pins: PINS });
      writeBatch(builder, [change], 2);
      const [request, , add] = messagesOf(builder);
      assert.deepEqual([request?.body[0], add?.body[0]], [family, family]);
    }
  });

  it("are left out one by one when something is missing, and other messages are refused", () => {
    const builder = new MessageBuilder();
    writePinRequest(builder, { server: WEB, client: PINS[0]?.client ?? "", sequence: 1 });
    const [question] = messagesOf(builder);
    assert.ok(question);
    assert.deepEqual(decodePinElements(question), { ok: false, reason: "other-message" });
    assert.deepEqual(decodePinElements({ ...question, type: listing(PINS).type }), { ok: true, value: [] });
  });

  it("are never an exception, whatever the bytes are", () => {
    const message = listing(PINS);
    for (let length = 0; length < message.body.length; length += 1) {
      decodePinElements({ ...message, body: message.body.subarray(0, length) });
    }
    fc.assert(
      fc.property(fc.nat(message.body.length - 1), fc.nat(255), (offset, value) => {
        const body = message.body.slice();
        body[offset] = value;
        decodePinElements({ ...message, body });
      }),
    );
  });
});
