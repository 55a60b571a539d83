/** What every BGP driver must do: two hosts, the real ones and the fakes. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { familyOf, type IpFamily } from "#base/address";
import { concatBytes } from "#base/bytes";
import { millis } from "#base/time";
import { Bed, type BgpLan, bytesOf, foreign, type Kind, PORT } from "./contract-bed.ts";
import type { BgpHops } from "./port.ts";

const carrying = (bed: () => Bed, kind: Kind, family: IpFamily): void => {
  it("carries bytes both ways and knows both ends", async () => {
    const { lan, listen, caller, connect } = bound(bed());
    listen(family, caller(kind));
    const { near, far } = await connect(kind);
    near.connection.write(bytesOf(3_000));
    near.connection.write(bytesOf(19));
    far.connection.write(bytesOf(50));
    await lan.settle(() => far.heard().length === 3_019 && near.heard().length === 50);
    assert.deepEqual(far.heard(), concatBytes(bytesOf(3_000), bytesOf(19)));
    assert.deepEqual(near.heard(), bytesOf(50));
    assert.equal(near.connection.local.address, lan.near.address[kind]);
    assert.deepEqual(near.connection.remote, { address: lan.far.address[kind], port: PORT });
    assert.deepEqual(far.connection.local, near.connection.remote);
    assert.deepEqual(far.connection.remote, near.connection.local);
    assert.equal(near.connection.linkIndex, kind === "link-local" ? lan.near.link.index : 0);
    assert.equal(far.connection.linkIndex, kind === "link-local" ? lan.far.link.index : 0);
  });

  it("sends what was written before it was closed, then tells the other end, once", async () => {
    const { lan, listen, caller, connect } = bound(bed());
    listen(family, caller(kind));
    const { near, far } = await connect(kind);
    near.connection.write(bytesOf(60_000));
    near.connection.close();
    near.connection.close();
    assert.equal(near.connection.write(bytesOf(10)), 0);
    await lan.settle(() => far.closed.length > 0);
    assert.deepEqual([far.heard(), far.closed], [bytesOf(60_000), [{ type: "ended" }]]);
    await lan.pass(millis(50));
    assert.deepEqual([near.closed, far.closed.length], [[], 1]);
  });

  it("resets, which the other end sees as an error, once", async () => {
    const { lan, listen, caller, connect } = bound(bed());
    listen(family, caller(kind));
    const { near, far } = await connect(kind);
    far.connection.reset();
    far.connection.reset();
    far.connection.close();
    await lan.settle(() => near.closed.length > 0);
    await lan.pass(millis(50));
    assert.deepEqual([near.closed, far.closed], [[{ type: "error", code: "ECONNRESET" }], []]);
    assert.equal(near.connection.write(bytesOf(10)), 0);
  });
};

const refusing = (bed: () => Bed, kind: Kind, family: IpFamily): void => {
  it("says that nobody listens", async () => {
    const { call, outcome } = bound(bed());
    assert.equal(await outcome(call(kind)), "ECONNREFUSED");
  });

  it("resets strangers and those whom nobody wants, and counts them", async () => {
    const { lan, listen, caller, call, outcome } = bound(bed());
    const listener = listen(family);
    const stranger = call(kind);
    await lan.settle(() => listener.counters().refused === 1);
    assert.deepEqual(listener.counters(), { accepted: 0, refused: 1 });
    // The reset may be there before it is seen that there was a connection.
    const code = await outcome(stranger);
    assert.match(code, /^(?:ECONNRESET|connected)$/);
    if (code === "connected") {
      await lan.settle(() => stranger.held().closed.length > 0);
      assert.deepEqual(stranger.held().closed, [{ type: "error", code: "ECONNRESET" }]);
    }
    listener.setCallers([caller(kind)]);
    call(kind);
    await lan.settle(() => listener.counters().accepted === 1);
    assert.deepEqual(listener.counters(), { accepted: 1, refused: 1 });
  });

  it("forgets an attempt that is cancelled", async () => {
    const { lan, listen, caller, call } = bound(bed());
    listen(family, caller(kind));
    const cancelled = call(kind);
    cancelled.attempt.cancel();
    cancelled.attempt.cancel();
    await lan.pass(millis(600));
    assert.equal(cancelled.outcome(), "pending");
  });

  it("has one listener at a time, and says in words what that means", () => {
    const { lan, listen } = bound(bed());
    const first = listen(family);
    const request = {
      family,
      port: PORT,
      vrf: undefined,
      onConnection: () => undefined,
      onError: () => undefined,
    };
    const second = lan.far.port.listen(request);
    assert.ok(!second.ok);
    assert.deepEqual(second.error, {
      code: "EADDRINUSE",
      operation: `listen on TCP port ${PORT} for ${family}, which another BGP daemon has`,
    });
    first.close();
    first.close();
    listen(family);
  });
};

const signing = (bed: () => Bed, kind: Kind, family: IpFamily): void => {
  it("connects with the right password only (RFC 2385)", async () => {
    const { lan, listen, caller, call, connect, outcome } = bound(bed());
    const listener = listen(family, caller(kind, { password: "correct horse" }));
    assert.equal(await outcome(call(kind, { password: "wrong" })), "ETIMEDOUT");
    assert.equal(await outcome(call(kind)), "ETIMEDOUT");
    const { near, far } = await connect(kind, { password: "correct horse" });
    near.connection.write(bytesOf(100));
    await lan.settle(() => far.heard().length === 100);
    assert.deepEqual(listener.counters(), { accepted: 1, refused: 0 });
  });

  it("changes passwords while it runs; connections that there are stay", async () => {
    const { lan, listen, caller, call, connect, outcome } = bound(bed());
    const listener = listen(family, caller(kind, { password: "old" }));
    const first = await connect(kind, { password: "old" });
    assert.deepEqual(listener.setCallers([caller(kind, { password: "new" })]), []);
    assert.equal(await outcome(call(kind, { password: "old" })), "ETIMEDOUT");
    await connect(kind, { password: "new" });
    assert.deepEqual(listener.setCallers([caller(kind)]), []);
    assert.equal(await outcome(call(kind, { password: "new" })), "ETIMEDOUT");
    await connect(kind);
    first.near.connection.write(bytesOf(10));
    await lan.settle(() => first.far.heard().length === 10);
    assert.deepEqual(first.far.heard(), bytesOf(10));
  });

  it("refuses passwords that are none, or too long, with whose they are", async () => {
    const { listen, caller, call, outcome } = bound(bed());
    const listener = listen(family);
    for (const password of ["", "x".repeat(81)]) {
      const problems = listener.setCallers([caller(kind, { password })]);
      assert.deepEqual(problems, [
        { code: "EINVAL", operation: `sign what goes to ${caller(kind).address}` },
      ]);
      assert.equal(await outcome(call(kind, { password })), "EINVAL");
    }
    assert.deepEqual(listener.setCallers([caller(kind, { password: "x".repeat(80) })]), []);
  });
};

const measuring = (bed: () => Bed, kind: Kind, family: IpFamily): void => {
  it("does not let in, or get in, with fewer hops left than are demanded (RFC 5082)", async () => {
    const { lan, listen, caller, call, connect, outcome } = bound(bed());
    const near: BgpHops = { send: 255, least: 255 };
    const listener = listen(family, caller(kind, { hops: near }));
    assert.equal(await outcome(call(kind, { hops: { send: 64, least: undefined } })), "ETIMEDOUT");
    const { near: left, far } = await connect(kind, { hops: near });
    far.connection.write(bytesOf(7));
    await lan.settle(() => left.heard().length === 7);
    assert.deepEqual([left.heard(), listener.counters()], [bytesOf(7), { accepted: 1, refused: 0 }]);
  });

  it("answers one neighbour with one hop while another is far away", async () => {
    const { lan, listen, caller, connect } = bound(bed());
    listen(family, caller(kind, { hops: { send: 1, least: undefined } }), {
      ...caller(kind),
      address: foreign(family),
    });
    const { near, far } = await connect(kind, { hops: { send: 1, least: undefined } });
    far.connection.write(bytesOf(7));
    await lan.settle(() => near.heard().length === 7);
    assert.deepEqual(near.heard(), bytesOf(7));
  });
};

const sourcing = (bed: () => Bed, family: IpFamily): void => {
  it("connects from the address that it is told, and from no other's", async () => {
    const { lan, listen, caller, call, connect, outcome } = bound(bed());
    const source = lan.near.second[family];
    listen(family, caller(family, { address: source }));
    const { near, far } = await connect(family, { source });
    assert.deepEqual([near.connection.local.address, far.connection.remote.address], [source, source]);
    assert.equal(await outcome(call(family, { source: foreign(family) })), "EADDRNOTAVAIL");
  });
};

/** The methods of a bed, to be called without it. */
const bound = (bed: Bed) => ({
  lan: bed.lan,
  listen: bed.listen.bind(bed),
  caller: bed.caller.bind(bed),
  call: bed.call.bind(bed),
  connect: bed.connect.bind(bed),
  outcome: bed.outcome.bind(bed),
});

/** Registers the tests. `open` builds fresh hosts for each, with so many routers in between. */
export const bgpContract = (open: (routers: 0 | 1) => BgpLan): void => {
  let bed: Bed;
  for (const kind of ["IPv4", "IPv6", "link-local"] as const) {
    describe(`BGP's TCP over ${kind}`, () => {
      const family = kind === "IPv4" ? "IPv4" : "IPv6";
      beforeEach(() => {
        bed = new Bed(open(0));
      });
      afterEach(() => bed.close());
      carrying(() => bed, kind, family);
      refusing(() => bed, kind, family);
      signing(() => bed, kind, family);
      measuring(() => bed, kind, family);
      if (kind !== "link-local") sourcing(() => bed, family);
    });
  }
  for (const family of ["IPv4", "IPv6"] as const) {
    describe(`BGP's TCP through a router over ${family}`, () => {
      beforeEach(() => {
        bed = new Bed(open(1));
      });
      afterEach(() => bed.close());

      it("gets there with enough hops, and not with one", async () => {
        const { listen, caller, call, connect, outcome } = bound(bed);
        assert.equal(familyOf(caller(family).address), family);
        listen(family, caller(family, { hops: { send: 64, least: 200 } }));
        assert.notEqual(await outcome(call(family, { hops: { send: 1, least: undefined } })), "connected");
        await connect(family, { hops: { send: 255, least: 254 } });
      });

      it("lets nobody in who must be a neighbour", async () => {
        const { listen, caller, call, outcome } = bound(bed);
        listen(family, caller(family, { hops: { send: 255, least: 255 } }));
        assert.equal(await outcome(call(family, { hops: { send: 255, least: undefined } })), "ETIMEDOUT");
      });
    });
  }
};
