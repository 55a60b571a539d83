import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bgpFindings } from "#core/doctor/bgp";
import { OWN } from "./names.ts";
import { readSessions } from "./sessions.ts";

/** What FRR 8.4 printed of three sessions: one with a wrong number, one that is up, one with nobody at the other end. */
const PRINTED = readFileSync(new URL("testdata/neighbours.json", import.meta.url), "utf8");

const sessionAt = (address: string) =>
  readSessions(PRINTED).find((session) => session.address === address) ?? assert.fail(address);

describe("sessions in FRR", () => {
  it("are all that our views have, and no others", () => {
    assert.deepEqual(
      readSessions(PRINTED).map(({ address, state }) => `${address} ${state}`),
      ["10.9.0.2 idle", "fd09::2 established", "10.0.0.3 active"],
    );
    assert.deepEqual(readSessions(PRINTED.replaceAll(OWN, "another:")), []);
  });

  it("say what was agreed on, what was sent, and for how long they are up", () => {
    const { upMs, agreed, routesSent, sent, received, ups, failure, bfd } = sessionAt("fd09::2");
    assert.deepEqual(agreed, {
      ...{ asn: 64_501, routerId: "10.9.0.2", families: ["IPv4", "IPv6"] },
      ...{ holdMs: 0, keepaliveMs: 0, keepsRoutesMs: 120_000 },
    });
    assert.deepEqual([upMs, routesSent, ups, failure, bfd], [11_000, 1, 1, undefined, "down"]);
    assert.deepEqual(sent, { open: 1, update: 3, notification: 0, keepalive: 1, "route-refresh": 2 });
    assert.deepEqual(received, { open: 1, update: 4, notification: 0, keepalive: 1, "route-refresh": 4 });
  });

  it("say what went wrong in the words of our own speaker, so that the doctor knows it", () => {
    const { failure } = sessionAt("10.9.0.2");
    assert.deepEqual(failure, {
      text: "the peer sent a NOTIFICATION: OPEN Message Error: Bad Peer AS",
      agoMs: 15_000,
    });
    const peer = { name: "tor", address: undefined, isEstablished: false, lasting: 1e9, bfd: undefined };
    const bgp = { peers: [{ ...peer, trouble: failure.text, leftOut: [] }], refusedPeers: [], troubles: [] };
    const facts = { ...{ node: "n", links: undefined, kubeProxy: undefined, pools: undefined, bgp } };
    const none = { otherBalancers: undefined, bfdPortTakenBy: undefined, neverHeard: undefined };
    const rest = {
      bgpPortTakenBy: undefined,
      md5Drops: undefined,
      spread: undefined,
      routing: undefined,
      bindsAddresses: false,
    };
    assert.deepEqual(
      bgpFindings({ ...facts, ...none, ...rest }).map(({ code }) => code),
      ["bgp-wrong-asn"],
    );
    assert.equal(sessionAt("10.0.0.3").failure, undefined);
  });

  it("are none where nothing can be read, and nothing throws", () => {
    assert.deepEqual(readSessions(""), []);
    fc.assert(
      fc.property(fc.json(), (json) => {
        readSessions(json);
        readSessions(`{"${OWN}1":${json}}`);
        readSessions(`{"${OWN}1":{"10.0.0.1":${json}}}`);
      }),
    );
    const odd = `{"${OWN}1":{"10.0.0.1":{"lastResetDueTo":"a\\n\\u001b[2J${"x".repeat(1_000)}"}}}`;
    const text = readSessions(odd)[0]?.failure?.text ?? "";
    assert.ok(text.length < 300);
    assert.doesNotMatch(text, /\p{Cc}/u);
  });
});
