import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderResult } from "../report.ts";
import { CONTESTANTS, type Contestant, PACKETS, reportDuel, type Sample } from "./duel-report.ts";

const ROUNDS = 9;
const NANOS: Readonly<Record<Contestant, number>> = {
  "drawing alone": 40,
  steelyard: 80,
  "steelyard, 65,537 slots": 90,
  Katran: 200,
  "Katran, F_LRU_BYPASS": 120,
};

/** Every round is a little slower for all, as on a machine that has other work. */
const samples = (change: Partial<Record<Contestant, number>> = {}): readonly Sample[] =>
  PACKETS.flatMap((packets) =>
    CONTESTANTS.flatMap((contestant) =>
      Array.from({ length: ROUNDS }, (_, round) => ({
        ...packets,
        contestant,
        round,
        nanos: (change[contestant] ?? NANOS[contestant]) + round,
      })),
    ),
  );

const report = (change?: Partial<Record<Contestant, number>>) =>
  reportDuel(samples(change), { version: "commit abc", rounds: ROUNDS });

describe("the report on our program beside Katran's", () => {
  it("gives what a packet costs each without the drawing of its flow, round by round, and with it", () => {
    const { table } = report();
    assert.deepEqual(table.rows[0], [
      ...["IPv4, 2^10 open connections", "44.0", "40.0 (84.0)", "50.0 (94.0)", "160 (204)", "80.0 (124)"],
    ]);
    assert.equal(table.rows.length, PACKETS.length);
    assert.match(table.notes?.[0] ?? "", /commit abc/);
  });

  it("has a bar for each family and for each way of Katran's, on the ratio of what is their own", () => {
    const { bars } = report();
    assert.deepEqual(
      bars.map(({ measured, met }) => [measured, met]),
      [
        ["4.000 (4.00 to 4.00)", true],
        ["2.000 (2.00 to 2.00)", true],
        ["4.000 (4.00 to 4.00)", true],
        ["2.000 (2.00 to 2.00)", true],
      ],
    );
    assert.match(bars[1]?.what ?? "", /F_LRU_BYPASS .* IPv4/);
  });

  it("says that a bar is missed when Katran is faster in one of its ways", () => {
    const { bars } = report({ "Katran, F_LRU_BYPASS": 75 });
    assert.deepEqual(
      bars.map(({ met }) => met),
      [true, false, true, false],
    );
  });

  it("does not depend on the order in which was measured", () => {
    const backwards = reportDuel(samples().toReversed(), { version: "commit abc", rounds: ROUNDS });
    assert.deepEqual(backwards, report());
  });

  it("can be read", () => {
    const { table, bars } = report();
    const text = renderResult({ bench: "xdp", tables: [table], bars, measurements: undefined });
    assert.match(text, /\| IPv6, 2\^20 connections, SYN +\| 44\.0/);
  });
});
