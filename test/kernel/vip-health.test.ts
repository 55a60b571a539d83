import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { openAuthority } from "#test/cluster/certificates";
import { holderOf, inVipBed, NAMES, PATIENCE, parted, STANDARD_LINE, startAll, VIP } from "./vip-bed.ts";

/** Several rounds of the check, in milliseconds. */
const ROUNDS = 2_000;

describe("a host keeps the address", () => {
  it("while its API server is slow, busy or knows nobody, and gives it up when that fails or freezes", async (context) => {
    await inVipBed(context, async (bed) => {
      const { hosts, holdings } = bed;
      const first = await startAll(bed);
      const { holder } = parted(bed, first);
      const from = Date.now();
      const remarks = { "slow 300": "", "slow 1200": "", 401: "status 401", 403: "status 403", 429: "" };
      // In this order: the last one takes the remark away, and no verdict has changed.
      for (const mode of ["slow 300", "slow 1200", "401", "403", "429"] as const) {
        await holder.answer(mode);
        await holder.until(
          `says what it is told by ${mode}`,
          ({ checks }) =>
            (checks[0]?.reason ?? "").startsWith(remarks[mode]) &&
            (remarks[mode] !== "" || checks[0]?.reason === undefined),
          PATIENCE,
        );
        await pause(mode === "slow 1200" ? 2 * ROUNDS : ROUNDS);
        assert.deepEqual(holdings.holders(VIP), [first], mode);
      }
      const told = (await holder.events())
        .map(({ event }) => event)
        .filter(({ type }) => type === "check-health");
      assert.equal(
        told.filter((event) => "from" in event && event.from === event.to).length,
        3,
        JSON.stringify(told),
      );
      assert.equal(holdings.vacancy(VIP, { from }), 0);

      await holder.answer("500");
      await holder.until(
        "hears it",
        ({ checks }) => checks[0]?.reason?.includes("status 500") === true,
        PATIENCE,
      );
      const second = await holderOf(holdings);
      assert.notEqual(second, first);
      await holder.answer("200");

      const { holder: frozen } = parted(bed, second);
      await frozen.server("SIGSTOP");
      await frozen.until("gives up", ({ routers }) => routers[0]?.state === "fault", PATIENCE);
      const third = await holderOf(holdings);
      assert.notEqual(third, second);
      assert.match((await frozen.status())?.checks[0]?.reason ?? "", /timeout/);
      await frozen.server("SIGCONT");
      await frozen.until("is well again", ({ routers }) => routers[0]?.state === "backup", PATIENCE);
      await pause(ROUNDS);
      assert.deepEqual(holdings.holders(VIP), [third]);
      assert.equal(hosts.length, 3);
    });
  });
});

describe("a host with --check-timeout 1s --fall 2", () => {
  it("keeps the address while its API server answers after nine tenths of a second", async (context) => {
    await inVipBed(context, async (bed) => {
      const { holdings } = bed;
      const first = await startAll(bed, [...STANDARD_LINE, "--check-timeout", "1s", "--fall", "2"]);
      const { holder } = parted(bed, first);
      // The handshake comes on top.
      await holder.answer("slow 880");
      await pause(5 * ROUNDS);
      assert.deepEqual(holdings.holders(VIP), [first]);
      const failures = (await holder.events()).filter(
        ({ event }) => event.type === "check-health" && event.to === "failed",
      );
      assert.deepEqual(failures, []);
      await holder.server("SIGSTOP");
      await holder.until("gives up", ({ routers }) => routers[0]?.state === "fault", PATIENCE);
    });
  });
});

describe("a host never takes the address", () => {
  it("with a certificate of another authority, or of another name", async (context) => {
    await inVipBed(context, async ({ hosts, holdings, authority, folder }) => {
      const [right, foreign, misnamed] = hosts;
      const other = await openAuthority(folder, "other");
      await foreign.serve(
        await other.issue("foreign", { type: "server", addresses: [foreign.address], names: NAMES }),
      );
      await misnamed.serve(await authority.issue("misnamed", { type: "server", addresses: ["127.0.0.1"] }));
      await Promise.all(hosts.map((each) => each.launch()));
      const failure = async (each: (typeof hosts)[number]): Promise<string> =>
        (await each.until("says why", ({ checks }) => checks[0]?.health === "failed", PATIENCE)).checks[0]
          ?.reason ?? "";
      assert.match(await failure(foreign), /certificate|issuer|signature/);
      assert.match(await failure(misnamed), /kubernetes\.default\.svc/);
      await pause(ROUNDS);
      assert.deepEqual(holdings.tenures(VIP), []);
      await right.serve();
      await holdings.settle(VIP, [right.name], PATIENCE);
    });
  });
});
