import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { wallTime } from "#base/time";
import { splitPem } from "#core/certificate/pem";
import type { SecretWrite } from "#core/certificate/secret";
import { keepCertificate, type Round, type SecretStore } from "./keep.ts";
import { followServerTime, stampOf } from "./stamp.ts";

const DAY = 86_400_000;
const START = Date.parse("2027-01-01T00:00:00Z");
const NAMES = ["w.n.svc", "w.n.svc.cluster.local"];

type Stored = { metadata: Record<string, unknown>; data: Record<string, string>; type?: unknown };

/** A Secret behind an API server: versions, conflicts, stamps in whole seconds. */
const openStore = (serverNow: () => number) => {
  const state: { stored: Stored | undefined; version: number; writes: number; failing: string | undefined } =
    {
      stored: undefined,
      version: 0,
      writes: 0,
      failing: undefined,
    };
  const conflict = { ok: false, reason: "conflict", message: "changed" } as const;
  const put = (stored: Stored): void => {
    state.version += 1;
    const time = new Date(serverNow()).toISOString().replace(/\.\d+/, "");
    const metadata = {
      creationTimestamp: time,
      ...stored.metadata,
      resourceVersion: String(state.version),
      managedFields: [{ manager: "steelyard", time }],
    };
    state.stored = { ...stored, metadata };
  };
  const store: SecretStore = {
    read: async () => ({ ok: true, object: structuredClone(state.stored) }),
    write: async (write: SecretWrite) => {
      if (state.failing !== undefined) return { ok: false, reason: "failed", message: state.failing };
      const body = write.body as Stored;
      if (write.verb === "create") {
        if (state.stored !== undefined) return conflict;
        put(body);
      } else {
        if (state.stored === undefined) return conflict;
        if (body.metadata.resourceVersion !== state.stored.metadata.resourceVersion) return conflict;
        put({ ...state.stored, data: { ...state.stored.data, ...body.data } });
      }
      state.writes += 1;
      return { ok: true, object: structuredClone(state.stored) };
    },
  };
  return { store, state, put };
};

const opened = () => {
  const time = { now: START, skew: 0 };
  const { store, state, put } = openStore(() => time.now);
  const world = { bundles: [] as string[] };
  const heard = followServerTime(() => time.now);
  const keep = async (overrides: Partial<{ store: SecretStore; knows: boolean }> = {}) => {
    const { knows = true } = overrides;
    const serverTime = knows ? { heard: () => {}, now: () => wallTime(time.now) } : heard;
    const round = await keepCertificate({
      store: overrides.store ?? store,
      namespace: "n",
      name: "steelyard-webhook-cert",
      wanted: { names: NAMES },
      now: () => wallTime(time.now + time.skew),
      serverTime,
      bundles: world.bundles,
    });
    assert.ok("changes" in round, JSON.stringify(round));
    return round;
  };
  return { time, store, state, put, world, keep };
};

const kinds = ({ changes }: Round): readonly string[] => changes.map(({ type }) => type);

/** Whether a client with this bundle takes the certificate at this time, as far as signature, dates and name go. */
const isTaken = (certificate: string, bundle: string, now: number): boolean => {
  const leaf = new X509Certificate(certificate);
  const isDated = (each: X509Certificate) =>
    each.validFromDate.getTime() <= now && now < each.validToDate.getTime();
  return (
    isDated(leaf) &&
    NAMES.every((name) => leaf.checkHost(name) !== undefined) &&
    splitPem(bundle)
      .map((pem) => new X509Certificate(pem))
      .some((root) => isDated(root) && leaf.checkIssued(root) && leaf.verify(root.publicKey))
  );
};

describe("keeping the certificate", () => {
  it("makes one at first, and then has nothing to do", async () => {
    const { keep, state } = opened();
    const first = await keep();
    assert.deepEqual(kinds(first), ["create"]);
    assert.ok(first.identity && isTaken(first.identity.certificate, first.bundle?.join("") ?? "", START));
    const second = await keep();
    assert.deepEqual(kinds(second), []);
    assert.deepEqual([second.identity, second.bundle], [first.identity, first.bundle]);
    assert.equal(state.writes, 1);
  });

  it("replaces garbage and says so, once", async () => {
    const { keep, put } = opened();
    put({ metadata: {}, data: { "tls.crt": "AAAA", "tls.key": "AAAA" } });
    const round = await keep();
    assert.deepEqual(kinds(round), ["create"]);
    assert.deepEqual(round.notes, [{ type: "secret-unusable", reason: "certificate-unreadable" }]);
    assert.deepEqual((await keep()).notes, []);
  });

  it("adopts what another replica wrote first", async () => {
    const { keep, store, state } = opened();
    let winner: Round | undefined;
    // Both have seen that there is no Secret; the other one writes first.
    const late: SecretStore = {
      ...store,
      write: async (write) => {
        winner ??= await keep();
        return store.write(write);
      },
    };
    const loser = await keep({ store: late });
    assert.deepEqual(kinds(loser), []);
    assert.deepEqual(loser.identity, winner?.identity);
    assert.equal(state.writes, 1);
  });

  it("gives up for now when it always comes too late", async () => {
    const { keep, store, state, put } = opened();
    put({ metadata: {}, data: {} });
    const busy: SecretStore = {
      ...store,
      write: async () => ({ ok: false, reason: "conflict", message: "changed" }),
    };
    const round = await keep({ store: busy });
    assert.match(round.failure ?? "", /others write/);
    assert.equal(round.identity, undefined);
    assert.equal(state.writes, 0);
  });

  it("serves what it has while the API server refuses writes", async () => {
    const { keep, state, time } = opened();
    const first = await keep();
    state.failing = "forbidden";
    time.now += 300 * DAY;
    const round = await keep();
    assert.equal(round.failure, "forbidden");
    assert.deepEqual(round.identity, first.identity);
  });

  it("says why the Secret cannot be read", async () => {
    const { store } = opened();
    const failure = { ok: false, reason: "failed", message: "forbidden" } as const;
    const round = await keepCertificate({
      store: { ...store, read: async () => failure },
      namespace: "n",
      name: "s",
      wanted: { names: NAMES },
      now: () => wallTime(START),
      serverTime: followServerTime(() => 0),
      bundles: [],
    });
    assert.deepEqual(round, failure);
  });
});

describe("a clock that is a year wrong", () => {
  for (const skew of [365 * DAY, -365 * DAY]) {
    const side = skew > 0 ? "ahead" : "behind";
    it(`(${side}) is put right by the API server's stamp on the first write`, async () => {
      const { keep, state, time } = opened();
      time.skew = skew;
      const round = await keep({ knows: false });
      assert.ok(round.identity && isTaken(round.identity.certificate, round.bundle?.join("") ?? "", START));
      const writes = state.writes;
      assert.ok(writes <= 2);
      const again = await keep({ knows: false });
      assert.deepEqual(kinds(again), []);
      assert.equal(state.writes, writes);
    });

    it(`(${side}) changes nothing when the API server's time is known, and is said`, async () => {
      const { keep, time, state } = opened();
      await keep();
      time.skew = skew;
      const round = await keep();
      assert.deepEqual(kinds(round), []);
      assert.deepEqual(round.notes, [{ type: "clock-differs", by: skew }]);
      assert.equal(state.writes, 1);
    });
  }
});

describe("a stamp", () => {
  it("that the Secret had before our write is not taken for the time now", async () => {
    const { keep, store, time } = opened();
    await keep({ knows: false });
    const made = time.now;
    time.now += 300 * DAY;
    // As if somebody between us and the API server gave the metadata of long ago.
    const stale: SecretStore = {
      ...store,
      write: async (write) => {
        const written = await store.write(write);
        if (!written.ok) return written;
        const object = structuredClone(written.object) as Stored;
        object.metadata.managedFields = [{ time: new Date(made).toISOString() }];
        return { ok: true, object };
      },
    };
    const round = await keep({ store: stale, knows: false });
    assert.deepEqual(kinds(round), ["issue"]);
    assert.ok(round.identity && isTaken(round.identity.certificate, round.bundle?.join("") ?? "", time.now));
  });
});

describe("twenty years", () => {
  it("pass without a moment in which the API server would refuse us, with two replicas and few writes", async () => {
    const step = fc.record({
      hours: fc.integer({ min: 1, max: 24 * 60 }),
      isTold: fc.boolean(),
      isTogether: fc.boolean(),
    });
    const history = fc.array(step, { minLength: 250, maxLength: 250 });
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const { keep, time, world, state } = opened();
        await keep();
        let bundle = "";
        for (const { hours, isTold, isTogether } of steps) {
          const rounds = isTogether ? await Promise.all([keep(), keep()]) : [await keep()];
          const round = rounds.at(-1);
          assert.ok(round?.identity && round.bundle);
          // A bundle that has changed arrives one round late now and then.
          if (isTold || bundle === "" || rounds[0]?.changes.length === 0) bundle = round.bundle.join("");
          world.bundles = [bundle, bundle];
          const when = new Date(time.now).toISOString();
          assert.ok(isTaken(round.identity.certificate, bundle, time.now), when);
          assert.ok(splitPem(bundle).length <= 2, when);
          time.now += hours * 3_600_000;
        }
        assert.ok(time.now > START + 15 * 365 * DAY);
        // At most forty serving certificates of eight months, and four authorities of three steps each.
        assert.ok(state.writes < 55, `${state.writes} writes`);
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });
});

describe("the API server's time", () => {
  it("goes on by a monotonic clock from the last stamp", () => {
    let monotonic = 1_000;
    const server = followServerTime(() => monotonic);
    assert.equal(server.now(), undefined);
    server.heard({ metadata: {} });
    assert.equal(server.now(), undefined);
    const answer = { metadata: { managedFields: [{ time: new Date(START).toISOString() }] } };
    assert.equal(stampOf(answer), START);
    server.heard(answer);
    monotonic += 5_000;
    assert.equal(server.now(), START + 5_000);
  });
});
