import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, micros, seconds } from "#base/time";
import { Liveness, type Member, type StandingChange } from "./liveness.ts";
import { reportOf } from "./report.ts";
import { type ApiWord, judge, type SessionReport, type Standing } from "./standing.ts";

const T0 = instant(1_000_000);
const GRACE = seconds(5);
const UP: SessionReport = { state: "up" };
const LEAVING: SessionReport = { state: "leaving" };
const UNKNOWN: SessionReport = { state: "unknown" };
const down = (cause: "detected" | "signalled" | "vacated"): SessionReport => ({ state: "down", cause });

const brief = (standing: Standing | undefined): string => {
  if (standing === undefined) return "none";
  if (standing.name === "alive") return `alive ${standing.hearsUs}`;
  return standing.name === "dead" ? `dead ${standing.cause}` : standing.name;
};
const shown = (changes: readonly StandingChange[]): readonly string[] =>
  changes.map(({ node, standing }) => `${node} ${brief(standing)}`);
const member = (name: string, api: ApiWord = "ready", isWatched = true): Member => ({ name, isWatched, api });

/** A liveness that watches a, b and c since T0. */
const watching = (api: ApiWord = "ready"): Liveness => {
  const liveness = new Liveness(GRACE);
  liveness.setMembers([member("a", api), member("b", api), member("c", api)], T0);
  return liveness;
};

describe("the standing of a member", () => {
  const rows: readonly (readonly [SessionReport | undefined, ApiWord, string])[] = [
    [UP, "not-ready", "alive yes"],
    [LEAVING, "ready", "leaving"],
    [down("detected"), "ready", "dead silent"],
    [down("vacated"), "ready", "dead vacated"],
    [down("signalled"), "ready", "alive no"],
    [undefined, "ready", "alive unknown"],
    [undefined, "unheard", "alive unknown"],
    [undefined, "not-ready", "dead not-ready"],
  ];
  for (const [session, api, standing] of rows) {
    it(`is ${standing} with session ${JSON.stringify(session)} and a node that is ${api}, whatever the time`, () => {
      for (const isGraceOver of [false, true]) {
        for (const isBfdProven of [false, true]) {
          assert.equal(brief(judge({ session, api, isGraceOver, isBfdProven }, T0)), standing);
        }
      }
    });
  }

  const unknown: readonly (readonly [ApiWord, string, string, string])[] = [
    // API's word, in the grace, after it where BFD passes, after it where it never did
    ["ready", "alive unknown", "dead never-heard", "alive unknown"],
    ["not-ready", "dead not-ready", "dead never-heard", "dead not-ready"],
    ["unheard", "alive unknown", "dead never-heard", "dead never-heard"],
  ];
  for (const [api, grace, proven, unproven] of unknown) {
    it(`whose session never came up is ${grace}, then ${proven} or ${unproven}, when its node is ${api}`, () => {
      const of = (isGraceOver: boolean, isBfdProven: boolean) =>
        brief(judge({ session: UNKNOWN, api, isGraceOver, isBfdProven }, T0));
      assert.deepEqual(
        [of(false, false), of(false, true), of(true, true), of(true, false)],
        [grace, grace, proven, unproven],
      );
    });
  }
});

describe("liveness", () => {
  it("believes everybody alive right after it has started", () => {
    const liveness = new Liveness(GRACE);
    const changes = liveness.setMembers([member("a", "unheard"), member("b", "ready")], T0);
    assert.deepEqual(shown(changes), ["a alive unknown", "b alive unknown"]);
    assert.deepEqual(liveness.sessions(), { up: 0, leaving: 0, missing: 2 });
  });

  it("calls dead who was not heard in its grace, once BFD is known to pass, and not a microsecond earlier", () => {
    const liveness = watching();
    const end = after(T0, GRACE);
    assert.deepEqual(shown(liveness.report("a", UP, after(T0, seconds(1)))), ["a alive yes"]);
    assert.equal(liveness.deadline(), end);
    assert.deepEqual(liveness.timer(after(end, micros(-1))), []);
    assert.deepEqual(shown(liveness.timer(end)), ["b dead never-heard", "c dead never-heard"]);
    assert.equal(liveness.deadline(), undefined);
  });

  it("waits for the API server's word where no session was ever up, and stops when the first comes up", () => {
    const liveness = watching();
    assert.deepEqual(liveness.timer(after(T0, GRACE)), []);
    assert.equal(liveness.deadline(), undefined);
    const members = [member("a", "not-ready"), member("b"), member("c")];
    assert.deepEqual(shown(liveness.setMembers(members, after(T0, seconds(40)))), ["a dead not-ready"]);
    assert.deepEqual(shown(liveness.report("b", UP, after(T0, seconds(50)))), [
      "a dead never-heard",
      "b alive yes",
      "c dead never-heard",
    ]);
  });

  it("calls everybody dead after the grace when it has only a list of members and hears nobody", () => {
    const liveness = watching("unheard");
    const changes = liveness.timer(after(T0, GRACE));
    assert.deepEqual(shown(changes), ["a dead never-heard", "b dead never-heard", "c dead never-heard"]);
  });

  it("gives a member that comes later a grace of its own", () => {
    const liveness = watching();
    liveness.report("a", UP, T0);
    liveness.timer(after(T0, GRACE));
    const later = after(T0, seconds(60));
    const members = [member("a"), member("b"), member("c"), member("d")];
    assert.deepEqual(shown(liveness.setMembers(members, later)), ["d alive unknown"]);
    assert.equal(liveness.deadline(), after(later, GRACE));
  });

  it("keeps the time of a death while its cause is the same", () => {
    const liveness = watching();
    liveness.report("a", UP, T0);
    const death = after(T0, seconds(9));
    liveness.report("a", down("detected"), death);
    assert.deepEqual(liveness.report("a", down("detected"), after(death, seconds(1))), []);
    liveness.setMembers([member("a", "not-ready"), member("b"), member("c")], after(death, seconds(2)));
    assert.deepEqual(liveness.standings().get("a"), { name: "dead", since: death, cause: "silent" });
  });

  it("does not call dead who said that it leaves before it fell silent, but does who came back and then did", () => {
    const liveness = watching();
    liveness.report("a", UP, T0);
    assert.deepEqual(shown(liveness.report("a", LEAVING, T0)), ["a leaving"]);
    assert.deepEqual(liveness.report("a", down("detected"), T0), []);
    assert.deepEqual(liveness.sessions(), { up: 0, leaving: 1, missing: 2 });
    assert.deepEqual(shown(liveness.report("a", UP, T0)), ["a alive yes"]);
    assert.deepEqual(shown(liveness.report("a", down("detected"), T0)), ["a dead silent"]);
  });

  it("moves nothing when the API server's words change for those that are watched", () => {
    const liveness = watching();
    for (const name of ["a", "b", "c"]) liveness.report(name, UP, T0);
    const members = [member("a", "not-ready"), member("b", "unheard"), member("c", "not-ready")];
    assert.deepEqual(liveness.setMembers(members, after(T0, seconds(40))), []);
  });

  it("forgets who is no member any more, and passes over what a session says of it", () => {
    const liveness = watching();
    assert.deepEqual(shown(liveness.setMembers([member("b"), member("c")], T0)), ["a dead not-a-member"]);
    assert.deepEqual(liveness.report("a", UP, T0), []);
    assert.equal(liveness.standings().has("a"), false);
  });

  it("goes by the API server's word for who is not watched any more", () => {
    const liveness = watching();
    liveness.report("a", UP, T0);
    liveness.report("a", down("detected"), T0);
    assert.deepEqual(
      shown(liveness.setMembers([member("a", "ready", false), member("b"), member("c")], T0)),
      ["a alive unknown"],
    );
    assert.deepEqual(liveness.report("a", UP, T0), []);
  });
});

describe("the report of a session", () => {
  it("is none when the peer's packet was overtaken by one that took the session down", () => {
    const remote = { state: "up", diagnostic: "none" } as const;
    assert.equal(reportOf({ name: "down", remote }, { wasUp: true }), undefined);
  });

  it("is none while this end is leaving", () => {
    const remote = { state: "up", diagnostic: "none" } as const;
    assert.equal(reportOf({ name: "admin-down", remote }, { wasUp: true }), undefined);
  });

  const peer = (state: "admin-down" | "down" | "init" | "up", diagnostic = "none") => ({ state, diagnostic });
  const rows = [
    ["up", peer("up"), UP],
    ["down", peer("admin-down", "administratively-down"), LEAVING],
    ["down", undefined, down("detected")],
    ["down", peer("down", "detection-time-expired"), down("signalled")],
    ["init", peer("down", "detection-time-expired"), down("signalled")],
    ["down", peer("down", "neighbour-signalled-down"), down("signalled")],
    ["down", peer("down", "none"), down("vacated")],
    ["init", peer("down", "path-down"), down("vacated")],
  ] as const;
  for (const [name, remote, report] of rows) {
    it(`of one in state ${name} that hears ${JSON.stringify(remote)} is ${JSON.stringify(report)}`, () => {
      assert.deepEqual(reportOf({ name, remote }, { wasUp: true }), report);
      const first = report.state === "down" ? UNKNOWN : report;
      assert.deepEqual(reportOf({ name, remote }, { wasUp: false }), first);
    });
  }
});
