import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assert as must } from "#base/assert";
import { parseMac } from "#base/mac";
import { address } from "#testing/values";
import type { WireToAgent } from "../messages.ts";
import { News } from "./news.ts";

const [A, B] = [address("192.0.2.10"), address("192.0.2.11")];
const mac = parseMac("02:00:00:00:00:01");
must(mac !== undefined, "a MAC address");

const bench = () => {
  const interfaces = new Map<string, readonly string[]>();
  const news = new News(
    (of) => interfaces.get(of) ?? [],
    () => [],
  );
  const sent: WireToAgent[] = [];
  let room = Number.POSITIVE_INFINITY;
  const send = (message: WireToAgent): boolean => {
    sent.push(message);
    room -= 1;
    return room > 0;
  };
  return {
    ...{ news, interfaces },
    tell: (limit = Number.POSITIVE_INFINITY) => {
      room = limit;
      const isAll = news.tell(send);
      return { isAll, told: sent.splice(0) };
    },
    tellCounts: () => {
      news.tellCounts(send);
      return sent.splice(0);
    },
  };
};

describe("news for the agent", () => {
  it("are where addresses are answered for, once each time that it changes", () => {
    const { news, interfaces, tell } = bench();
    interfaces.set(A, ["eth0"]);
    news.voicesMayChange([A, B]);
    assert.deepEqual(tell().told, [{ type: "voices", voices: [{ address: A, interfaces: ["eth0"] }] }]);
    news.voicesMayChange([A, B]);
    assert.deepEqual(tell().told, []);
    interfaces.delete(A);
    news.voicesMayChange([A]);
    assert.deepEqual(tell().told, [{ type: "voices", voices: [{ address: A, interfaces: [] }] }]);
    news.voicesMayChange([A]);
    assert.deepEqual(tell().told, []);
  });

  it("are the links when they differ, in whatever order they are known", () => {
    const { news, tell } = bench();
    const one = { name: "eth0", mac, addresses: [] };
    const two = { name: "eth1", mac, addresses: [] };
    news.setLinks([one, two]);
    assert.deepEqual(tell().told, [{ type: "links", links: [one, two] }]);
    news.setLinks([two, one]);
    assert.deepEqual(tell().told, []);
    news.setLinks([]);
    assert.deepEqual(tell().told, [{ type: "links", links: [] }]);
  });

  it("are only the newest of each where the agent is behind", () => {
    const { news, interfaces, tell } = bench();
    const addresses = Array.from({ length: 600 }, (_, index) => address(`10.0.${index >> 8}.${index & 255}`));
    for (const each of addresses) interfaces.set(each, ["eth0"]);
    news.voicesMayChange(addresses);
    const { isAll, told } = tell(1);
    assert.equal(isAll, false);
    assert.deepEqual(
      told.map((message) => message.type === "voices" && message.voices.length),
      [256],
    );
    for (const each of addresses.slice(256)) interfaces.delete(each);
    assert.deepEqual(tell(), { isAll: true, told: [] });
  });

  it("are verdicts of what is asked for still", () => {
    const { news, tell } = bench();
    news.setVerdict(A, { type: "unknown" });
    news.setVerdict(B, { type: "unreachable", obstacle: { type: "not-resolved" } });
    news.setVerdict(B, { type: "unknown" });
    news.keepVerdicts(new Set([B]));
    assert.deepEqual(tell().told, [
      { type: "verdicts", verdicts: [{ address: B, verdict: { type: "unknown" } }] },
    ]);
  });

  it("are counts when they have changed", () => {
    const { news, tellCounts } = bench();
    assert.deepEqual(tellCounts(), []);
    news.count("bfd-packet hop-limit");
    news.count("bfd-packet hop-limit");
    assert.deepEqual(tellCounts(), [{ type: "counts", counts: { "bfd-packet hop-limit": 2 } }]);
    assert.deepEqual(tellCounts(), []);
  });

  it("are everything for a new agent: voices and links with the snapshot, the rest after it", () => {
    const { news, interfaces, tell, tellCounts } = bench();
    interfaces.set(A, ["eth0"]);
    news.voicesMayChange([A]);
    news.setLinks([{ name: "eth0", mac, addresses: [] }]);
    news.setVerdict(B, { type: "unknown" });
    news.count("x");
    tell();
    tellCounts();
    interfaces.set(B, ["eth1"]);
    news.voicesMayChange([B]);
    const { voices, links } = news.begin();
    assert.deepEqual(
      [...voices].sort((one, other) => (one.address < other.address ? -1 : 1)),
      [
        { address: A, interfaces: ["eth0"] },
        { address: B, interfaces: ["eth1"] },
      ],
    );
    assert.equal(links.length, 1);
    assert.deepEqual(
      tell().told.map(({ type }) => type),
      ["verdicts"],
    );
    assert.deepEqual(tellCounts(), [{ type: "counts", counts: { x: 1 } }]);
  });
});
