import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, instant, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { address } from "#testing/values";
import { renderDaemonConfig, syncedAddresses } from "./daemon-config.ts";
import { hear, judge, parseStatistics } from "./statistics.ts";

const server = (mode: VirtualServer["mode"], ...backends: readonly string[]): VirtualServer => ({
  ...{ name: mode, address: address("192.0.2.100"), protocol: "tcp", ports: { first: 80, last: 80 }, mode },
  scheduler: { type: "round-robin" },
  backends: backends.map((text) => ({ name: text, address: address(text), port: 80, weight: 1 })),
});

const CONFIG = {
  ...{ name: "state", interface: "eth1", port: 3780 },
  ...{ address: address("198.51.100.1"), peer: address("198.51.100.2") },
};
const FILES = { lock: "/run/steelyard/conntrackd.lock", socket: "/run/steelyard/conntrackd.sock" };

describe("what the daemon is told", () => {
  it("is to keep the connections to backends of the modes that translate, and to sorry servers", () => {
    const sorry = {
      ...server("nat", "192.0.2.12"),
      sorryServer: { address: address("192.0.2.99"), port: 80 },
    };
    assert.deepEqual(
      syncedAddresses([server("masquerade", "192.0.2.11", "192.0.2.12"), sorry, server("dsr", "192.0.2.13")]),
      ["192.0.2.11", "192.0.2.12", "192.0.2.99"],
    );
  });

  it("names both boxes, the files and every address, each in its family's word", () => {
    const addresses = [address("192.0.2.11"), address("2001:db8::11")];
    const text = renderDaemonConfig(CONFIG, { addresses, files: FILES });
    for (const line of [
      "    IPv4_address 198.51.100.1",
      "    IPv4_Destination_Address 198.51.100.2",
      "    Interface eth1",
      "  LockFile /run/steelyard/conntrackd.lock",
      "      IPv4_address 192.0.2.11",
      "      IPv6_address 2001:db8::11",
    ]) {
      assert(text.split("\n").includes(line), line);
    }
  });

  it("is the same for the same servers in another order", () => {
    const [one, two] = [server("nat", "192.0.2.11"), server("masquerade", "192.0.2.10")];
    assert.deepEqual(syncedAddresses([one, two]), syncedAddresses([two, one]));
  });
});

/** As conntrackd 1.4.7 says it. */
const GENERAL = `cache internal:
current active connections:\t          12
connections created:\t\t          40\tfailed:\t           0

external inject:
connections created:\t\t           7\tfailed:\t           0
connections updated:\t\t           0\tfailed:\t           0

UDP traffic (active device=eth0):
                  64 Bytes sent                   48 Bytes recv
                   4 Pckts sent                    3 Pckts recv
                   0 Error send                    0 Error recv
`;
const QUEUE = `queue errorq:
current elements:\t\t           9
maximum elements:\t\t         128

queue rsqueue:
current elements:\t\t           1
maximum elements:\t\t      131072
`;

describe("what the daemon says", () => {
  it("is read", () => {
    assert.deepEqual(parseStatistics({ general: GENERAL, queue: QUEUE }), {
      ...{ ours: 12, theirs: 7, heard: 3, unconfirmed: 1 },
    });
  });

  it("is nothing when a part is missing, and never an exception", () => {
    assert.equal(parseStatistics({ general: GENERAL, queue: "" }), undefined);
    assert.equal(
      parseStatistics({ general: GENERAL.replace("external inject", "x"), queue: QUEUE }),
      undefined,
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), (general, queue) => {
        parseStatistics({ general: `cache internal:${general}`, queue });
      }),
    );
  });
});

describe("the state of the synchronisation", () => {
  const at = (second: number) => after(instant(0), seconds(second));
  const sample = (heard: number, unconfirmed = 0) => ({ ours: 0, theirs: 0, heard, unconfirmed });

  it("is `starting` until the peer is heard, and then `in-sync`", () => {
    const first = hear(undefined, 0, at(0));
    assert.equal(judge(first, sample(0), at(2)), "starting");
    assert.equal(judge(hear(first, 2, at(4)), sample(2), at(4)), "in-sync");
  });

  it("is `peer-silent` when nothing more is heard for six seconds, and not before", () => {
    const heard = hear(hear(undefined, 0, at(0)), 5, at(2));
    assert.equal(judge(hear(heard, 5, at(8)), sample(5), at(8)), "in-sync");
    assert.equal(judge(hear(heard, 5, at(9)), sample(5), at(9)), "peer-silent");
    assert.equal(judge(hear(undefined, 0, at(0)), sample(0), at(7)), "peer-silent");
  });

  it("is `in-sync` again once the peer is heard", () => {
    const silent = hear(hear(undefined, 3, at(0)), 3, at(60));
    assert.equal(judge(hear(silent, 4, at(62)), sample(4), at(62)), "in-sync");
  });

  it("is `behind` while more than two thousand messages are unconfirmed", () => {
    const heard = hear(undefined, 5, at(0));
    assert.equal(judge(heard, sample(5, 2_001), at(1)), "behind");
    assert.equal(judge(heard, sample(5, 2_000), at(1)), "in-sync");
  });
});
