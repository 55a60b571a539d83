import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SpeakerStatus } from "#api/speaker";
import { speakerStatusLines } from "./speaker-status.ts";

const STATUS: SpeakerStatus = {
  ...{ role: "speaker", version: "0.1.0", now: 100_000, node: "node-a" },
  wire: { pid: 1, startedAt: 10_000 },
  agent: { pid: 2, startedAt: 11_000 },
  ...{ isSynced: true, company: "accompanied", placements: 3 },
  addresses: [
    {
      ...{ address: "192.0.2.10", state: "holding", since: 40_000, cause: "holder-dead", peer: "node-b" },
      ...{ interfaces: ["eth0", "eth1"], outage: 361.7 },
    },
    {
      ...{ address: "192.0.2.11", state: "standby", since: 40_000, cause: "preferred-alive" },
      interfaces: [],
    },
    { address: "2001:db8::10", state: "yielding", since: 99_000, cause: "leaving", interfaces: ["eth0"] },
  ],
  members: [
    { node: "node-b", standing: "dead", since: 39_000, cause: "silent" },
    { node: "node-c", standing: "alive", since: 12_000, hearsUs: "yes" },
    {
      node: "node-d",
      standing: "alive",
      since: 99_000,
      hearsUs: "unknown",
      address: "192.0.2.4",
      api: "ready",
    },
    { node: "node-e", standing: "alive", since: 99_000, hearsUs: "no" },
  ],
  ...{ duplicates: [], unreachable: [], flapping: [], linksDown: [], refused: [], trouble: [] },
  ...{
    waitingWrites: 0,
    bgp: { engine: "own", peers: [], refusedPeers: [], refused: [], damped: [], troubles: [] },
  },
};

describe("the status of a speaker", () => {
  it("says what it answers for, since when and why, and how the other nodes are", () => {
    assert.deepEqual(speakerStatusLines(STATUS), [
      "steelyard 0.1.0 speaker on node-a, running for 1m30s, hears other speakers",
      "",
      "3 addresses announced in the cluster, 2 of them here",
      "",
      "ADDRESS       STATE     SINCE  BECAUSE                                INTERFACES",
      "192.0.2.10    holding   1m     holder-dead node-b, silent for 362 ms  eth0 eth1",
      "2001:db8::10  yielding  1s     leaving                                eth0",
      "",
      "NODE    STANDING  SINCE  BECAUSE",
      "node-b  dead      1m1s   silent",
      "node-c  alive     1m28s",
      "node-d  alive     1s     not heard",
      "node-e  alive     1s     does not hear this node",
    ]);
  });

  it("does not say how many addresses there are where that is not known", () => {
    const { placements: _, ...rest } = STATUS;
    assert.equal(speakerStatusLines(rest)[2], "2 addresses here");
  });

  it("marks what wants attention, and commands no terminal", () => {
    const lines = speakerStatusLines({
      ...STATUS,
      ...{ isSynced: false, company: "isolated", waitingWrites: 4 },
      trouble: ["nodes: connection refused"],
      refused: ["IPAddressPool a: bad\u001b[2J"],
      linksDown: ["eth2"],
      duplicates: (["held", "used", "unused"] as const).map((stage, index) => ({
        ...{ address: `192.0.2.${8 + index}`, mac: "02:00:00:00:00:63", stage },
      })),
      flapping: ["192.0.2.11"],
      unreachable: [{ address: "192.0.2.12", obstacle: "not-resolved" }],
    });
    assert.match(lines[0] ?? "", /hears neither other speakers nor its gateway, and holds nothing$/);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("!")),
      [
        "! the cluster has not been read yet: it goes on from what is on disk",
        "! cannot read nodes: connection refused",
        "! refused, what was in force stays: IPAddressPool a: bad\ufffd[2J",
        "! link eth2 is down",
        "! 192.0.2.8 is answered for by 02:00:00:00:00:63, which is no node of this cluster, and by this node",
        "! 192.0.2.9 is answered for by 02:00:00:00:00:63, which is no node of this cluster, so this node does not take it",
        "! 192.0.2.10 is answered for by 02:00:00:00:00:63, which is no node of this cluster, and was to be used for the first time, which it is not",
        "! 192.0.2.11 moves too often, and is not taken back for a while",
        "! 192.0.2.12 cannot be reached from here: not-resolved",
        "! 4 writes wait",
      ],
    );
  });
});
