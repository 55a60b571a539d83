import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros, millis } from "#base/time";
import type { HttpRequest } from "../probe/records.ts";
import { broken, cells, type Episode, HEADER, summarize } from "./outcome.ts";

const ms = (n: number) => instant(n * 1_000);
const request = (at: number, took: number, error?: string): HttpRequest => ({
  at: ms(at),
  took: millis(took),
  ...(error === undefined ? { backend: "n1" } : { error }),
});

const cut: Episode = {
  title: "e1 goes silent",
  isHandover: false,
  from: ms(998),
  at: ms(1_000),
  until: ms(3_000),
  gapLimit: millis(1_000),
  settledAfter: millis(640),
  downloads: { downloads: [{ at: ms(0), took: millis(2_500), bytes: 9, whole: true }] },
};
/** An answer every millisecond, except for a gap of `gap` ms from the fault on. */
const answersWithGap = (gap: number) =>
  Array.from({ length: 3_000 }, (_, n) => ms(n)).filter((at) => at <= ms(1_000) || at >= ms(1_000 + gap));
const evidence = (requests: readonly HttpRequest[], gap: number, episode: Episode = cut) => ({
  http: { requests },
  udp: { sent: 3_000, answers: answersWithGap(gap), byBackend: {} },
  udp6: { sent: 3_000, answers: answersWithGap(1), byBackend: {} },
  episodes: [episode],
});

describe("the outcome of the demonstration", () => {
  it("shows what clients saw", () => {
    const [row] = summarize(evidence([request(990, 9, "ECONNRESET"), request(1_001, 1_040)], 641));
    assert(row !== undefined);
    const shown = cells(row);
    assert.deepEqual(shown, ["e1 goes silent", "1", "0", "1.04s", "1, 1", "641ms", "1ms", "640ms", "1 of 1"]);
    assert.equal(shown.length, HEADER.length);
    assert.deepEqual(broken([row]), []);
  });

  it("forgives what a handover catches, and nothing before or after it", () => {
    const handover = { ...cut, isHandover: true };
    const reset = (at: number) => request(at, 5, "ECONNRESET");
    const [row] = summarize(evidence([reset(1_530), reset(1_640), reset(1_700)], 1, handover));
    assert.deepEqual([row?.errors, row?.caught, row?.caughtLost], [2, 1, 1]);
  });

  for (const [what, findings, given] of [
    [
      "a request begun after the fault fails",
      /1 requests failed \(1 timeout\)/,
      evidence([request(1_001, 5, "timeout")], 1),
    ],
    [
      "more requests are lost than there are clients",
      /11 requests under way were lost/,
      evidence([request(1_500, 5), ...Array.from({ length: 11 }, () => request(990, 15, "timeout"))], 1),
    ],
    ["the gap is too long", /a gap of 1\.2s, above 1s/, evidence([request(1_001, 5)], 1_200)],
    ["no request was made", /no request/, evidence([], 1)],
    [
      "a download breaks",
      /1 of 1 downloads broke/,
      evidence([request(1_001, 5)], 1, {
        ...cut,
        downloads: { downloads: [{ at: ms(0), took: micros(1), bytes: 9, whole: false }] },
      }),
    ],
  ] as const) {
    it(`is not as promised when ${what}`, () => {
      assert.match(broken(summarize(given)).join("\n"), findings);
    });
  }
});
