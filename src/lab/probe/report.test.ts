import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros } from "#base/time";
import { followsPattern, patternBytes } from "./pattern.ts";
import type { HttpRequest } from "./records.ts";
import { longestGap, recoveryTime, reportDownloads, reportRequests, splitRequests } from "./report.ts";

const request = (at: number, took: number, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  at: instant(at),
  took: micros(took),
  ...rest,
});

const window = (from: number, to: number) => ({ from: instant(from), to: instant(to) });
const answers = (...at: readonly number[]) => at.map(instant);

describe("reporting requests", () => {
  const requests = [
    request(5, 10, { backend: "n1" }),
    request(8, 100, { error: "ECONNRESET" }),
    request(10, 7, { backend: "n2" }),
    request(20, 9, { error: "timeout" }),
    request(21, 500, { backend: "n1" }),
  ];

  it("counts those begun in the window, both ends included", () => {
    assert.deepEqual(reportRequests({ requests }, window(10, 20)), {
      requests: 2,
      errors: 1,
      errorsByReason: { timeout: 1 },
      slowest: 9,
      byBackend: { n2: 1 },
    });
  });

  it("tells those under way in a window from the others, both ends included", () => {
    const { caught, others } = splitRequests({ requests }, [window(15, 19)]);
    assert.deepEqual(
      [caught.map(({ at }) => at), others.map(({ at }) => at)],
      [
        [5, 8, 10],
        [20, 21],
      ],
    );
    assert.deepEqual(
      splitRequests({ requests }, [window(18, 20)]).caught.map(({ at }) => at),
      [8, 20],
    );
    assert.deepEqual(splitRequests({ requests }, []).others, requests);
  });
});

describe("the longest gap", () => {
  it("lies between two answers", () => {
    assert.deepEqual(longestGap(answers(1, 2, 9, 10), window(0, 11)), { length: 7, endsAt: 9 });
  });

  it("begins with the window when nothing came before, and ends with it when nothing came after", () => {
    assert.deepEqual(longestGap(answers(6), window(0, 8)), { length: 6, endsAt: 6 });
    assert.deepEqual(longestGap(answers(1), window(0, 8)), { length: 7, endsAt: 8 });
    assert.deepEqual(longestGap([], window(3, 8)), { length: 5, endsAt: 8 });
  });

  it("leaves out answers outside of the window", () => {
    assert.deepEqual(longestGap(answers(1, 5, 30), window(4, 10)), { length: 5, endsAt: 10 });
  });
});

describe("the recovery time", () => {
  const fault = { fault: instant(100), to: instant(200), noticeable: micros(10) };

  it("runs from the fault to the end of the gap", () => {
    assert.equal(recoveryTime(answers(99, 101, 150, 155, 160, 170, 180, 190, 199), fault), 50);
  });

  it("is 0 when nobody noticed", () => {
    assert.equal(
      recoveryTime(answers(...Array.from({ length: 20 }, (_, index) => 95 + index * 6)), fault),
      0,
    );
  });

  it("is undefined when nothing came back", () => {
    assert.equal(recoveryTime(answers(99, 101), fault), undefined);
  });
});

describe("downloads", () => {
  it("are whole only when they say so", () => {
    const one = { at: instant(0), took: micros(1), bytes: 1 };
    assert.deepEqual(
      reportDownloads({
        downloads: [
          { ...one, whole: true },
          { ...one, whole: false },
        ],
      }),
      {
        all: 2,
        whole: 1,
      },
    );
  });

  it("notice a byte that is lost, doubled or changed", () => {
    const bytes = patternBytes(1_000, 3_000);
    assert(followsPattern(bytes, 1_000));
    assert(!followsPattern(bytes, 1_001));
    assert(!followsPattern(bytes.with(2_999, 0xff ^ (bytes.at(-1) ?? 0)), 1_000));
  });

  it("notice a lost packet or a doubled one", () => {
    for (const packet of [536, 1_220, 1_448, 4_096, 65_536]) {
      assert(!followsPattern(patternBytes(packet, 64), 0), `a lost packet of ${packet} bytes`);
    }
  });
});
