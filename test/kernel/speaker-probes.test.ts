/** The self-probe on real sockets, answered by real kernels on a real switch. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { instant, millis } from "#base/time";
import type { Verdict } from "#core/reachability/machine";
import { openDoor } from "#native/door";
import type { ProbeDuty } from "#roles/speaker/messages";
import { address } from "#testing/values";
import { quiet } from "./namespaces.ts";
import { type Host, inProbesBed, macOf, ProberWire, type ProbesBed } from "./probes-bed.ts";
import { NodeWire } from "./responder-bed.ts";

const door = openDoor();
/** A round is due within ten seconds and takes three and a half at most. */
const PATIENCE_MICROS = 15_000_000;

const FAMILIES = ["IPv4", "IPv6"] as const;
const numbered = (family: (typeof FAMILIES)[number], last: number): IpAddress =>
  address(family === "IPv4" ? `192.0.2.${last}` : `2001:db8::${last}`);
const both = (last: number): readonly IpAddress[] => FAMILIES.map((family) => numbered(family, last));

/** Gives a host an address as its own. */
const bind = ({ net }: ProbesBed, host: Host, target: IpAddress): void => {
  net.ip(
    host,
    target.includes(":") ? `addr add ${target}/128 dev eth0 nodad` : `addr add ${target}/32 dev eth0`,
  );
};

/** What a verdict is, in few words. */
const wordOf = (verdict: Verdict | undefined): string => {
  if (verdict === undefined) return "none";
  if (verdict.type === "reachable") return `reachable at ${verdict.mac}`;
  if (verdict.type === "unknown") return "unknown";
  const { obstacle } = verdict;
  if (obstacle.type === "not-resolved") return obstacle.type;
  return obstacle.type === "answered-twice"
    ? `${obstacle.type} by ${obstacle.macs.join(" and ")}`
    : `${obstacle.type} at ${obstacle.mac}`;
};

const until = async (done: () => boolean): Promise<boolean> => {
  const end = door.monotonicMicros() + PATIENCE_MICROS;
  while (!done()) {
    if (door.monotonicMicros() > end) return false;
    await quiet(10);
  }
  return true;
};

/** Asks for addresses until there is a verdict of each. */
const probe = async (
  bed: ProbesBed,
  duties: readonly ProbeDuty[],
  check: (prober: ProberWire) => void | Promise<void>,
): Promise<void> => {
  const prober = new ProberWire(bed.net);
  try {
    prober.probes.setDuties(duties, instant(prober.now()));
    await until(() => duties.every(({ address: each }) => prober.verdicts.has(each)));
    await check(prober);
  } finally {
    prober.close();
  }
};

/** Kube-proxy's part: what comes for an address on a port goes to the pod, from this node. */
const SERVICE = `table inet service {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 192.0.2.110 tcp dport 80 dnat ip to 10.9.0.2:8080
    ip6 daddr 2001:db8::110 tcp dport 80 dnat ip6 to [fd09::2]:8080
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "pod0" masquerade
  }
}`;

/** What a careful firewall does with answers to what it has not seen. */
const SUSPICIOUS = `table inet suspicious {
  chain prerouting {
    type filter hook prerouting priority mangle;
    ct state invalid drop;
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established accept;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;
  }
}`;

/** What connection tracking of a host knows of our addresses. */
const connectionsOf = ({ net }: ProbesBed, host: Host): readonly string[] =>
  execFileSync("ip", ["netns", "exec", net.name(host), "cat", "/proc/net/nf_conntrack"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(" tcp "));

describe("the self-probe", () => {
  it("tells an open port, a closed one, a dropping and a rejecting firewall, nobody, and two machines apart", async () => {
    await inProbesBed(async (bed) => {
      const accepted = bed.serve("n", 80);
      bed.filter(
        "n",
        `table inet firewall {
          chain input {
            type filter hook input priority filter;
            tcp dport 82 drop;
            tcp dport 83 reject;
            tcp dport 84 reject with icmpx type admin-prohibited;
          }
        }`,
      );
      const rows = [
        { last: 100, port: 80, expected: `reachable at ${macOf("n")}`, hosts: ["n"] },
        { last: 101, port: 81, expected: `refused at ${macOf("n")}`, hosts: ["n"] },
        { last: 102, port: 82, expected: `silent at ${macOf("n")}`, hosts: ["n"] },
        { last: 103, port: 83, expected: `refused at ${macOf("n")}`, hosts: ["n"] },
        { last: 104, port: 84, expected: `refused at ${macOf("n")}`, hosts: ["n"] },
        { last: 105, port: 80, expected: "not-resolved", hosts: [] },
        {
          last: 106,
          port: 80,
          expected: `answered-twice by ${macOf("n")} and ${macOf("s")}`,
          hosts: ["n", "s"],
        },
        { last: 107, port: undefined, expected: `reachable at ${macOf("s")}`, hosts: ["s"] },
      ] as const;
      const cases = rows.flatMap((row) => both(row.last).map((target) => ({ ...row, target })));
      for (const { target, hosts } of cases) for (const host of hosts) bind(bed, host, target);
      await probe(
        bed,
        cases.map(({ target, port }) => ({ address: target, port })),
        async ({ verdicts, counts }) => {
          assert.deepEqual(
            cases.map(({ target }) => `${target} ${wordOf(verdicts.get(target))}`),
            cases.map(({ target, expected }) => `${target} ${expected}`),
            JSON.stringify([...counts]),
          );
          for (const target of both(100)) {
            const verdict = verdicts.get(target);
            assert.ok(verdict?.type === "reachable" && verdict.connected !== undefined);
            assert.ok(verdict.resolved < millis(500) && verdict.connected < millis(500));
          }
          // The handshake was taken back before anybody was given a connection.
          await quiet(100);
          assert.equal(accepted(), 0);
          // The prober's kernel had no part in it: it looked for nobody, and remembers no connection.
          assert.equal(bed.net.ip("p", "neigh show 192.0.2.100").trim(), "");
          assert.equal(bed.net.ip("p", "neigh show 2001:db8::100").trim(), "");
        },
      );
    });
  });

  it("goes the way of a client: an address that is bound nowhere, answered by a responder, and balanced to a pod", async () => {
    await inProbesBed(async (bed) => {
      const accepted = bed.serve("b", 8080);
      bed.filter("n", SERVICE);
      const node = new NodeWire(bed.net, "n");
      try {
        node.hold(...both(110));
        await probe(
          bed,
          both(110).map((target) => ({ address: target, port: 80 })),
          ({ verdicts, events }) => {
            for (const target of both(110)) {
              assert.equal(wordOf(verdicts.get(target)), `reachable at ${macOf("n")}`);
            }
            assert.deepEqual(events, []);
          },
        );
        assert.equal(accepted(), 0);
        assert.deepEqual(node.told, []);
        // On the node it is a connection as any other.
        assert.ok(connectionsOf(bed, "n").length > 0);
      } finally {
        node.close();
      }
    });
  });

  it("hears answers that its own node would not take: a suspicious firewall, and the address as its own, as IPVS binds it", async () => {
    await inProbesBed(async (bed) => {
      bed.serve("n", 80);
      bed.filter("p", SUSPICIOUS);
      for (const target of both(120)) {
        bind(bed, "n", target);
        bed.net.ip("p", `addr add ${target} dev lo${target.includes(":") ? " nodad" : ""}`);
      }
      await probe(
        bed,
        both(120).map((target) => ({ address: target, port: 80 })),
        ({ verdicts }) => {
          for (const target of both(120)) {
            assert.equal(wordOf(verdicts.get(target)), `reachable at ${macOf("n")}`);
          }
          assert.deepEqual(connectionsOf(bed, "p"), []);
        },
      );
    });
  });
});
