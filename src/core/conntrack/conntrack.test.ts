import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MessageBuilder } from "#core/netlink/builder";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import { readExchange } from "#testing/exchange";
import { address } from "#testing/values";
import { CT_NEW } from "./constants.ts";
import { decodeFlow } from "./flow.ts";
import { decodeUsage, encodeFlowDump, encodeFlowEnd, encodeUsage } from "./request.ts";
import { createTargetFinder, keyOfAddress } from "./selector.ts";

type Exchange = { readonly questions: readonly Uint8Array[]; readonly answers: readonly NetlinkMessage[] };

const exchange = (file: string): Exchange => {
  const dumps = readExchange(new URL(`testdata/${file}.hex`, import.meta.url));
  return {
    questions: dumps.filter(({ name }) => name === "Question").map(({ bytes }) => bytes),
    answers: dumps
      .filter(({ name }) => name === "Answer")
      .flatMap(({ bytes }) => {
        const messages = decodeMessages(bytes);
        return messages.ok ? messages.value : assert.fail(messages.reason);
      }),
  };
};

const WEB = { address: address("192.0.2.10"), protocol: "udp", firstPort: 80, lastPort: 80 } as const;
const flowsOf = (file: string) =>
  exchange(file).answers.flatMap((message) => {
    const flow = decodeFlow(message);
    return flow.ok ? [flow.value] : [];
  });

describe("the connection tracking codec", () => {
  it("asks for the flows of one server as the kernel understood it", () => {
    const builder = new MessageBuilder();
    encodeFlowDump(builder, 1, [WEB]);
    assert.deepEqual(builder.bytes(), exchange("count").questions[0]);
  });

  it("reads captured flows: what the client spoke to and who answers", () => {
    const ends = flowsOf("count").map(({ original, reply, open }) => ({
      to: `${[...original.destination].join(".")}:${original.destinationPort}`,
      by: `${[...reply.source].join(".")}:${reply.sourcePort}`,
      same: original.sourcePort === reply.destinationPort,
      open,
    }));
    const flow = (by: string) => ({ to: "192.0.2.10:80", by, same: true, open: true });
    const first = flow("192.0.2.21:8021");
    assert.deepEqual(
      ends.toSorted((left, right) => left.by.localeCompare(right.by)),
      [first, first, flow("192.0.2.22:8022")],
    );
  });

  it("ends a flow by its addresses, ports and identifier, as the kernel accepted it", () => {
    const builder = new MessageBuilder();
    const ended = flowsOf("end").filter(({ reply }) => reply.sourcePort === 8021);
    for (const [index, flow] of ended.entries()) encodeFlowEnd(builder, 3 + index, flow);
    assert.deepEqual(builder.bytes(), exchange("end").questions[1]);
  });

  it("asks for and reads the usage of the table", () => {
    const { questions, answers } = exchange("usage");
    const builder = new MessageBuilder();
    encodeUsage(builder, 5);
    const [question] = questions;
    assert.ok(question);
    // The sequence number is that of the capture.
    assert.deepEqual(builder.bytes().with(8, 0), question.with(8, 0));
    const [answer] = answers;
    assert.ok(answer);
    assert.deepEqual(decodeUsage(answer), { ok: true, value: { entries: 1, limit: 262_144 } });
  });

  it("leaves the port to us where a server has a range of them", () => {
    const builder = new MessageBuilder();
    encodeFlowDump(builder, 1, [{ ...WEB, lastPort: 90 }]);
    assert.equal(builder.bytes().length, (exchange("count").questions[0]?.length ?? 0) - 8);
  });

  it("leaves IPv6 addresses to us, which the kernel would compare the wrong way round", () => {
    const builder = new MessageBuilder();
    encodeFlowDump(builder, 1, [{ ...WEB, address: address("2001:db8::10") }]);
    assert.equal(builder.bytes().length, (exchange("count").questions[0]?.length ?? 0) - 12);
  });

  it("refuses every truncation of an entry, and never throws on arbitrary bytes", () => {
    const [entry] = exchange("count").answers;
    assert.ok(entry);
    const whole = (length: number): boolean =>
      decodeFlow({ ...entry, body: entry.body.subarray(0, length) }).ok;
    const lengths = Array.from({ length: entry.body.length }, (_, length) => length).filter(whole);
    // Entries can do without what follows the identifier, attribute by attribute.
    assert.ok(
      lengths.length > 0 && lengths.every((length) => length % 4 === 0 && length >= 120),
      `${lengths}`,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        decodeFlow({ type: CT_NEW, flags: 0, sequence: 0, port: 0, body });
        decodeUsage({ type: 0x105, flags: 0, sequence: 0, port: 0, body });
      }),
    );
  });

  it("never throws on an entry with one byte changed", () => {
    const [entry] = exchange("count").answers;
    assert.ok(entry);
    for (let index = 0; index < entry.body.length; index += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const flow = decodeFlow({ ...entry, body: entry.body.with(index, value) });
        if (flow.ok) assert.equal(flow.value.original.source.length, 4);
      }
    }
  });
});

describe("finding who answers a flow", () => {
  it("goes by address and port, or by the port that the client asked for", () => {
    const find = createTargetFinder([
      { address: address("192.0.2.21"), port: 80 },
      { address: address("192.0.2.21"), port: 81 },
      { address: address("2001:db8::21"), port: undefined },
    ]);
    const four = Uint8Array.of(192, 0, 2, 21);
    const six = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21);
    assert.deepEqual(
      [find(four, 80, 1), find(four, 81, 1), find(four, 82, 82), find(six, 99, 99), find(six, 98, 99)],
      [0, 1, undefined, 2, undefined],
    );
  });

  it("tells every two addresses apart", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (left, right) => {
        const same = keyOfAddress(address(left)) === keyOfAddress(address(right));
        assert.equal(same, address(left) === address(right));
      }),
    );
  });
});
