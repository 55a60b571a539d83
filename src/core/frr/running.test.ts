import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { planLines } from "./plan.ts";
import { parseRunning } from "./running.ts";
import { parseTree } from "./tree.ts";

const RUNNING = `Building configuration...

Current configuration:
!
frr version 8.4.4
frr defaults traditional
!
ip prefix-list theirs seq 5 permit 10.0.0.0/8
!
router bgp 65001
 neighbor 10.1.1.1 remote-as 65002
 neighbor fabric peer-group
 neighbor 2001:DB8::1 peer-group fabric
 !
 address-family ipv4 unicast
  network 10.0.0.0/8
 exit-address-family
exit
!
router bgp 64500 view steelyard-node:64500
 neighbor 10.0.0.1 remote-as 64501
exit
!
router bgp 65003 vrf red
 neighbor 10.0.0.3 remote-as 64501
exit
!
router bgp 64500 view steelyard-nodes
 neighbor 10.0.0.2 remote-as 64501
exit
!
route-map steelyard-tor-in-ipv4 permit 10
exit
!
route-map steelyard-node:in deny 10
exit
!
bfd
 profile theirs
  transmit-interval 100
 exit
 !
 profile steelyard-node:tor
  transmit-interval 200
 exit
 !
 peer 10.1.1.1
 exit
 !
exit
!
end
`;

describe("what FRR runs with", () => {
  it("is ours by name only, and others' neighbours are known", () => {
    const { own, neighbours } = parseRunning(RUNNING);
    assert.deepEqual(
      [...own.keys()],
      [
        "router bgp 64500 view steelyard-node:64500",
        "route-map steelyard-node:in deny 10",
        "profile steelyard-node:tor",
      ],
    );
    assert.deepEqual([...neighbours], ["10.1.1.1", "2001:db8::1", "10.0.0.2"]);
  });

  it("knows whether bfdd runs, where FRR says what does", () => {
    assert.equal(parseRunning(RUNNING).bfd, "runs");
    assert.equal(parseRunning(`${RUNNING} zebra bgpd bfdd watchfrr\n`).bfd, "runs");
    const without = parseRunning(`${RUNNING} zebra bgpd watchfrr staticd\n`);
    assert.equal(without.bfd, "missing");
    assert.equal(without.own.size, 3);
  });

  it("loses exactly what is ours when nothing is wanted", () => {
    assert.deepEqual(planLines(new Map(), parseRunning(RUNNING).own), [
      "no router bgp 64500 view steelyard-node:64500",
      "no route-map steelyard-node:in deny 10",
      "bfd",
      " no profile steelyard-node:tor",
      "exit",
    ]);
  });

  it("is read without throwing, whatever it is, and is bounded in depth", () => {
    const depth = (tree: ReturnType<typeof parseTree>): number =>
      1 + Math.max(0, ...[...tree.values()].map(depth));
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (lines) => {
        parseRunning(lines.join("\n"));
        assert.ok(depth(parseTree(lines.map((line, index) => " ".repeat(index) + line).join("\n"))) <= 10);
      }),
    );
  });
});
