import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatObjectProblem } from "./problem.ts";
import { readConfiguration } from "./read.ts";
import { bgp, community, l2, object, peer, pool, profile } from "./test-objects.ts";

const accepted = (objects: readonly unknown[]): void => {
  const result = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatObjectProblem).join("\n"));
};

describe("what MetalLB accepts", () => {
  const ACCEPTED: readonly (readonly [string, readonly unknown[]])[] = [
    ["an L2Advertisement without spec", [l2("a")]],
    ["a BGPAdvertisement with an empty spec", [bgp("a", {})]],
    ["a BFDProfile without spec", [profile("a")]],
    ["a Community without spec", [community("a")]],
    ["null where nothing is meant", [pool("a", { serviceAllocation: null, autoAssign: null })]],
    ["fields of later versions", [pool("a", { later: { more: [1] } }), l2("b", { later: true })]],
    ["spaces round the dash of a range", [pool("a", { addresses: ["192.0.2.1 - 192.0.2.9"] })]],
    ["a prefix whose host bits are set", [pool("a", { addresses: ["192.0.2.77/24"] })]],
    [
      "empty text for what is not given",
      [peer("a", { password: "", vrf: "", interface: "", bfdProfile: "", routerID: "", sourceAddress: "" })],
    ],
    ["an empty reference to a Secret", [peer("a", { password: "x", passwordSecret: {} })]],
    [
      "two peers for one router on nodes that are never the same",
      [
        peer("a", { nodeSelectors: [{ matchLabels: { rack: "1" } }] }),
        peer("b", { nodeSelectors: [{ matchLabels: { rack: "2" } }], routerID: "192.0.2.9", myASN: 64502 }),
      ],
    ],
    [
      "different numbers of the own system in different VRFs",
      [peer("a", {}), peer("b", { vrf: "blue", myASN: 64502 })],
    ],
    [
      "an aggregation that is as long as the entries of the pool",
      [pool("a", { addresses: ["192.0.2.0/26"] }), bgp("b", { aggregationLength: 26 })],
    ],
    [
      "a range that holds one prefix wide enough for the aggregation",
      [pool("a", { addresses: ["192.0.2.1-192.0.2.255"] }), bgp("b", { aggregationLength: 25 })],
    ],
    ["an IPv6 aggregation of 0 while no pool has IPv6", [pool("a"), bgp("b", { aggregationLengthV6: 0 })]],
    [
      "different local preferences for different peers",
      [pool("a"), bgp("b", { localPref: 1, peers: ["x"] }), bgp("c", { localPref: 2, peers: ["y"] })],
    ],
    [
      "different local preferences for different prefixes",
      [pool("a"), bgp("b", { localPref: 1 }), bgp("c", { localPref: 2, aggregationLength: 24 })],
    ],
    [
      "different local preferences for selected Services",
      [
        pool("a"),
        bgp("b", { localPref: 1, serviceSelectors: [{ matchLabels: { a: "b" } }] }),
        bgp("c", { localPref: 2 }),
      ],
    ],
    [
      "two advertisements that say the same",
      [pool("a"), bgp("b", { localPref: 1 }), bgp("c", { localPref: 1 })],
    ],
    [
      "a Community that an advertisement uses",
      [
        community("names", { communities: [{ name: "blackhole", value: "65535:666" }] }),
        bgp("a", { communities: ["blackhole", "large:1:2:3"] }),
      ],
    ],
    [
      "echoMode for peers that hear of IPv4 only",
      [pool("a"), profile("b", { echoMode: true }), peer("c", { bfdProfile: "b" }), bgp("d")],
    ],
    [
      "a hold time of three seconds, and a keepalive time as long",
      [peer("a", { holdTime: "3s", keepaliveTime: "3s" })],
    ],
    ["a hold time of half a second, which counts as 0", [peer("a", { holdTime: "500ms" })]],
    ["a community with leading zeros", [bgp("a", { communities: ["00000064500:01"] })]],
    [
      "a preference that says something twice",
      [
        l2("a", {
          preferredNodeSelectors: [
            {
              weight: 1,
              preference: { matchExpressions: [{ key: "a", operator: "In", values: ["b", "b"] }] },
            },
          ],
        }),
      ],
    ],
    ["status of an object", [{ ...pool("a"), status: { assignedIPv4: 1 } }]],
    [
      "objects that only report",
      [object("ServiceL2Status", "l2-x", { version: "metallb.io/v1beta1", spec: {} })],
    ],
  ];
  for (const [what, objects] of ACCEPTED) {
    it(`is accepted: ${what}`, () => {
      accepted(objects);
    });
  }
});
