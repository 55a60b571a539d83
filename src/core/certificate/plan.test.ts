import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type WallTime, wallTime } from "#base/time";
import type { CertificateFacts, Contents, HeldSecret, ServingFacts } from "./held.ts";
import { encodePem } from "./pem.ts";
import { dueAt, OVERLAP, type PlanInput, planCertificate, SETTLING } from "./plan.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse("2030-06-01T00:00:00Z");
const NAMES = ["steelyard-webhook.metallb-system.svc", "steelyard-webhook.metallb-system.svc.cluster.local"];

const authority = (id: number, madeAt: number): CertificateFacts => ({
  pem: encodePem(Uint8Array.of(id)),
  notBefore: wallTime(madeAt - HOUR),
  notAfter: wallTime(madeAt - HOUR + 3_652 * DAY),
});

const serving = (madeAt: number, overrides: Partial<ServingFacts> = {}): ServingFacts => ({
  pem: encodePem(Uint8Array.of(99)),
  notBefore: wallTime(madeAt - HOUR),
  notAfter: wallTime(madeAt - HOUR + 365 * DAY),
  names: NAMES,
  signedBy: 0,
  isOurs: true,
  ...overrides,
});

const OLD = authority(1, NOW - 365 * DAY);
const NEW = authority(2, NOW - HOUR);

type Usable = Extract<Contents, { state: "usable" }>;
const usable = (overrides: Partial<Usable> = {}): Contents => ({
  state: "usable",
  serving: serving(NOW - 10 * DAY),
  authorities: [OLD],
  signer: 0,
  ...overrides,
});

const present = (contents: Contents, stampedAt: number | "never" = NOW - DAY): HeldSecret => ({
  type: "present",
  resourceVersion: "7",
  stampedAt: stampedAt === "never" ? undefined : wallTime(stampedAt),
  contents,
});

const planned = (held: HeldSecret, overrides: Partial<PlanInput> = {}) =>
  planCertificate({
    wanted: { names: NAMES },
    held,
    clock: { now: wallTime(NOW), serverNow: wallTime(NOW) },
    bundles: [],
    ...overrides,
  });

const at = (time: number): { clock: { now: WallTime; serverNow: WallTime } } => ({
  clock: { now: wallTime(time), serverNow: wallTime(time) },
});

describe("a Secret with nothing to serve with", () => {
  it("is filled when it is absent or a placeholder, and no bundle is touched meanwhile", () => {
    for (const held of [{ type: "absent" } as const, present({ state: "empty" })]) {
      const plan = planned(held);
      assert.deepEqual(plan.change, { type: "create", reason: "absent", keep: [] });
      assert.equal(plan.bundle, undefined);
      assert.deepEqual(plan.notes, []);
    }
  });

  it("is replaced when it holds garbage, which is said; authorities that could be read stay trusted", () => {
    const past = authority(3, NOW - 4_000 * DAY);
    const plan = planned(
      present({ state: "unusable", reason: "key-of-another-certificate", authorities: [past, OLD] }),
    );
    assert.deepEqual(plan.change, { type: "create", reason: "unusable", keep: [OLD.pem] });
    assert.deepEqual(plan.notes, [{ type: "secret-unusable", reason: "key-of-another-certificate" }]);
  });
});

describe("a serving certificate", () => {
  it("is left alone while more than a third of its life is left, to the millisecond", () => {
    const due = dueAt(serving(NOW - 10 * DAY));
    const before = planned(present(usable()), at(due - 1));
    assert.equal(before.change, undefined);
    assert.equal(before.again, due);
    assert.deepEqual(before.bundle, [OLD.pem]);
    const after = planned(present(usable()), at(due));
    assert.deepEqual(after.change, { type: "issue", reason: "due", signer: OLD.pem, keep: [OLD.pem] });
  });

  it("is issued at once when it is broken", () => {
    const cases: readonly (readonly [Partial<ServingFacts>, string])[] = [
      [{ signedBy: undefined }, "unknown-authority"],
      [{ names: NAMES.slice(1) }, "names"],
      [{ notAfter: wallTime(NOW) }, "expired"],
      [{ notBefore: wallTime(NOW + 1) }, "not-yet-valid"],
    ];
    for (const [fault, reason] of cases) {
      const { change } = planned(present(usable({ serving: serving(NOW - DAY, fault) })));
      assert.deepEqual(change, { type: "issue", reason, signer: OLD.pem, keep: [OLD.pem] });
    }
  });

  it("may have names that another release wants: two releases that roll over do not fight", () => {
    const more = serving(NOW - DAY, { names: [...NAMES, "more.example"] });
    assert.equal(planned(present(usable({ serving: more }))).change, undefined);
  });

  it("is looked at again within a day", () => {
    assert.equal(planned(present(usable())).again, NOW + DAY);
  });
});

describe("an authority", () => {
  const old = authority(1, NOW - 2_700 * DAY);

  it("is joined by a new one with a third of its life left", () => {
    const due = dueAt(OLD);
    const fresh = usable({ serving: serving(due - DAY) });
    assert.equal(planned(present(fresh, due - DAY), at(due - 1)).change, undefined);
    const { change } = planned(present(fresh, due - DAY), at(due));
    assert.deepEqual(change, { type: "add-authority", reason: "authority-due", keep: [OLD.pem] });
  });

  it("is joined by a new one when its key is lost", () => {
    const plan = planned(present(usable({ signer: undefined })));
    assert.deepEqual(plan.change, {
      type: "add-authority",
      reason: "authority-key-missing",
      keep: [OLD.pem],
    });
  });

  it("is replaced with what it signed when that is broken as well", () => {
    const broken = serving(NOW - DAY, { notAfter: wallTime(NOW - 1) });
    const { change } = planned(present(usable({ serving: broken, signer: undefined })));
    assert.deepEqual(change, { type: "create", reason: "authority-key-missing", keep: [OLD.pem] });
    const over = authority(1, NOW - 3_653 * DAY);
    const { change: other } = planned(present(usable({ authorities: [over] })));
    assert.deepEqual(other, { type: "create", reason: "authority-expired", keep: [] });
  });

  const both = usable({ authorities: [NEW, old], serving: serving(NOW - 10 * DAY, { signedBy: 1 }) });
  const trusting = [NEW.pem + old.pem, `${old.pem}${NEW.pem}`];

  it("is not served by before every place trusts it, and both are trusted meanwhile", () => {
    for (const bundles of [[old.pem], [NEW.pem, old.pem], [""]]) {
      const plan = planned(present(both), { bundles });
      assert.equal(plan.change, undefined);
      assert.deepEqual(plan.bundle, [NEW.pem, old.pem]);
      assert.equal(plan.again, NOW + SETTLING);
    }
    const { change } = planned(present(both), { bundles: trusting });
    assert.deepEqual(change, {
      type: "issue",
      reason: "authority-replaced",
      signer: NEW.pem,
      keep: [NEW.pem, old.pem],
    });
  });

  it("is not served by before servers have had the time to learn of it, to the millisecond", () => {
    const settled = NEW.notBefore + HOUR + SETTLING;
    const before = planned(present(both), { bundles: trusting, ...at(settled - 1) });
    assert.equal(before.change, undefined);
    assert.equal(planned(present(both), { bundles: trusting, ...at(settled) }).change?.type, "issue");
  });

  it("goes a day after nothing that it signed is served any more", () => {
    const moved = usable({ authorities: [NEW, old], serving: serving(NOW) });
    const before = planned(present(moved), { bundles: trusting, ...at(NOW + OVERLAP - 1) });
    assert.equal(before.change, undefined);
    assert.equal(before.again, NOW + OVERLAP);
    const { change } = planned(present(moved), { bundles: trusting, ...at(NOW + OVERLAP) });
    assert.deepEqual(change, { type: "drop-authorities", keep: [NEW.pem] });
  });

  it("never has more than three others beside it", () => {
    const many = [1, 2, 3, 4, 5].map((id) => authority(id, NOW - id * DAY));
    const { change } = planned(present(usable({ authorities: many, signer: undefined })));
    assert.ok(change?.type === "add-authority");
    assert.equal(change.keep.length, 3);
  });
});

describe("a Secret that somebody else keeps", () => {
  const foreign = (overrides: Partial<ServingFacts>): HeldSecret =>
    present(usable({ signer: undefined, serving: serving(NOW - DAY, { isOurs: false, ...overrides }) }));

  it("is never written, and its authority is trusted", () => {
    const plan = planned(foreign({}));
    assert.equal(plan.change, undefined);
    assert.deepEqual(plan.bundle, [OLD.pem]);
    assert.deepEqual(plan.notes, []);
  });

  it("is told of when the API server will refuse it", () => {
    const ends = wallTime(NOW - 1);
    assert.deepEqual(planned(foreign({ notAfter: ends })).notes, [
      { type: "foreign-expired", notAfter: ends },
    ]);
    const soon = wallTime(NOW + DAY);
    const late = foreign({ notBefore: wallTime(NOW - 364 * DAY), notAfter: soon });
    assert.deepEqual(planned(late).notes, [{ type: "foreign-expiring", notAfter: soon }]);
    const [asked = ""] = NAMES;
    assert.deepEqual(planned(foreign({ names: ["x"] })).notes, [
      { type: "foreign-lacks-names", names: [asked] },
    ]);
    assert.deepEqual(planned(foreign({ names: ["*.metallb-system.svc"] })).notes, []);
    assert.deepEqual(planned(foreign({ signedBy: undefined })).notes, [
      { type: "foreign-authority-unknown" },
    ]);
  });

  it("without an authority leaves the bundles to whoever keeps it", () => {
    const held = present(
      usable({
        signer: undefined,
        authorities: [],
        serving: serving(NOW - DAY, { isOurs: false, signedBy: undefined }),
      }),
    );
    const plan = planned(held);
    assert.deepEqual([plan.bundle, plan.change, plan.notes], [undefined, undefined, []]);
  });
});

describe("clocks", () => {
  const alone = (now: number) => ({ clock: { now: wallTime(now), serverNow: undefined } });

  it("of ours that are wrong are said and not gone by, if the API server's is known", () => {
    for (const wrong of [NOW + 365 * DAY, NOW - 365 * DAY]) {
      const plan = planned(present(usable()), { clock: { now: wallTime(wrong), serverNow: wallTime(NOW) } });
      assert.equal(plan.change, undefined);
      assert.equal(plan.time, NOW);
      assert.deepEqual(plan.notes, [{ type: "clock-differs", by: wrong - NOW }]);
    }
  });

  it("may differ by an hour, as much as certificates are dated back", () => {
    const clock = { now: wallTime(NOW + HOUR), serverNow: wallTime(NOW) };
    assert.deepEqual(planned(present(usable()), { clock }).notes, []);
  });

  it("that are behind what the API server stamped renew nothing", () => {
    const due = present(usable(), NOW);
    const plan = planned(due, alone(NOW - 365 * DAY));
    assert.equal(plan.change, undefined);
    assert.deepEqual(plan.notes, [{ type: "clock-behind", by: 365 * DAY }]);
    assert.deepEqual(plan.bundle, [OLD.pem]);
    assert.equal(plan.time, NOW);
  });

  it("that were ahead when they wrote are not written by again", () => {
    const year = 365 * DAY;
    const wrong = present(
      usable({ authorities: [authority(1, NOW + year)], serving: serving(NOW + year) }),
      NOW,
    );
    // Neither by whoever is still ahead, nor by whoever is right and cannot know it.
    for (const now of [NOW + year, NOW + 2 * year, NOW]) {
      const plan = planned(wrong, alone(now));
      assert.equal(plan.change, undefined);
      assert.equal(plan.notes[0]?.type, "certificate-from-the-future");
    }
    // With the API server's time it is put right.
    assert.equal(planned(wrong).change?.type, "create");
  });

  it("are not doubted where the API server's stamps were taken away", () => {
    assert.equal(planned(present(usable(), "never"), alone(NOW)).notes.length, 0);
    assert.equal(planned(present({ state: "empty" }, "never"), alone(NOW)).change?.type, "create");
  });

  it("do not keep anybody from filling a Secret, by the latest time that is known", () => {
    const plan = planned(present({ state: "empty" }, NOW), alone(NOW - 365 * DAY));
    assert.equal(plan.change?.type, "create");
    assert.equal(plan.time, NOW);
  });
});
