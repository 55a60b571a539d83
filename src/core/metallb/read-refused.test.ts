import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatObjectProblem } from "./problem.ts";
import { type Read, readConfiguration } from "./read.ts";
import { bgp, community, l2, peer, pool, profile, reservation } from "./test-objects.ts";

const read = (objects: readonly unknown[]): Read => readConfiguration({ objects, namespaces: new Map() });

const dup = [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }];
const expression = (over: object) => [
  { matchExpressions: [{ key: "a", operator: "In", values: ["b"], ...over }] },
];

/** What is refused, and a piece of what is said of it. */
const REFUSED: readonly (readonly [string, readonly unknown[], RegExp])[] = [
  ["no addresses", [pool("a", { addresses: [] })], /metallb-system\/a, spec\.addresses: is empty/],
  ["addresses that are missing", [pool("a", { addresses: undefined })], /spec\.addresses: is missing/],
  ["no spec of a pool", [{ ...pool("a"), spec: undefined }], /spec\.addresses: is missing/],
  [
    "a single address without length",
    [pool("a", { addresses: ["192.0.2.1"] })],
    /addresses\[0\]: "192.0.2.1" has no prefix length/,
  ],
  ["a range backwards", [pool("a", { addresses: ["192.0.2.9-192.0.2.1"] })], /ends before it starts/],
  ["a range over both families", [pool("a", { addresses: ["192.0.2.9-::1"] })], /different families/],
  ["a length out of range", [pool("a", { addresses: ["192.0.2.0/33"] })], /prefix length that its family/],
  ["text that is no prefix", [pool("a", { addresses: ["ten"] })], /neither a prefix nor a range/],
  ["an address that is a number", [pool("a", { addresses: [7] })], /addresses\[0\]: 7 is not text/],
  [
    "addresses that overlap inside a pool",
    [pool("a", { addresses: ["192.0.2.0/24", "192.0.2.5-192.0.2.7"] })],
    /addresses\[1\]: 192.0.2.5-192.0.2.7 overlaps with 192.0.2.0\/24 of the same pool/,
  ],
  ["a pool twice the same block", [pool("a", { addresses: ["192.0.2.0/24", "192.0.2.0/24"] })], /overlaps/],
  [
    "pools that overlap",
    [pool("b"), pool("a", { addresses: ["192.0.0.0/16"] })],
    /system\/b, spec\.addresses\[0\]: 192.0.2.0\/24 overlaps with 192.0.0.0\/16 of pool "a"/,
  ],
  [
    "IPv6 pools that overlap",
    [pool("a", { addresses: ["2001:db8::/64"] }), pool("b", { addresses: ["2001:db8::5-2001:db8::6"] })],
    /overlaps/,
  ],
  [
    "two pools of one name",
    [pool("a"), { ...pool("a", { addresses: ["10.0.0.0/24"] }) }],
    /another IPAddressPool named "a"/,
  ],
  [
    "a namespace twice",
    [pool("a", { serviceAllocation: { namespaces: ["x", "x"] } })],
    /namespaces\[1\]: "x" is there twice/,
  ],
  [
    "a namespace selector twice",
    [pool("a", { serviceAllocation: { namespaceSelectors: dup } })],
    /namespaceSelectors\[1\]: is the same selector as \[0\]/,
  ],
  [
    "a service selector twice",
    [pool("a", { serviceAllocation: { serviceSelectors: dup } })],
    /serviceSelectors\[1\]: is the same/,
  ],
  [
    "the same selector with its values in another order",
    [
      l2("a", {
        nodeSelectors: [...expression({ values: ["x", "y"] }), ...expression({ values: ["y", "x"] })],
      }),
    ],
    /nodeSelectors\[1\]: is the same/,
  ],
  [
    "a value twice",
    [l2("a", { nodeSelectors: expression({ values: ["b", "b"] }) })],
    /values\[1\]: "b" is there twice/,
  ],
  [
    "a condition twice",
    [
      l2("a", {
        nodeSelectors: [
          {
            matchExpressions: [
              { key: "a", operator: "Exists" },
              { key: "a", operator: "Exists" },
            ],
          },
        ],
      }),
    ],
    /matchExpressions\[1\]: is the same condition/,
  ],
  [
    "In without values",
    [l2("a", { nodeSelectors: expression({ values: [] }) })],
    /values: is empty, and In needs values/,
  ],
  [
    "Exists with values",
    [l2("a", { nodeSelectors: expression({ operator: "Exists" }) })],
    /and Exists takes none/,
  ],
  [
    "an operator that does not exist",
    [l2("a", { nodeSelectors: expression({ operator: "Gt" }) })],
    /operator: "Gt" is not known here/,
  ],
  [
    "a label that cannot be one",
    [l2("a", { nodeSelectors: [{ matchLabels: { "a b": "c" } }] })],
    /"a b" is not the name of a label/,
  ],
  [
    "a label's value that cannot be one",
    [pool("a", { serviceAllocation: { serviceSelectors: [{ matchLabels: { a: "x y" } }] } })],
    /"x y" is not the value of a label/,
  ],
  [
    "a pool twice in an advertisement",
    [l2("a", { ipAddressPools: ["x", "x"] })],
    /ipAddressPools\[1\]: "x" is there twice/,
  ],
  ["a pool selector twice", [bgp("a", { ipAddressPoolSelectors: dup })], /ipAddressPoolSelectors\[1\]/],
  [
    "a weight of 0",
    [l2("a", { preferredNodeSelectors: [{ weight: 0, preference: {} }] })],
    /weight: 0 is below 1/,
  ],
  [
    "a preference that cannot be one",
    [l2("a", { preferredNodeSelectors: [{ weight: 1, preference: { matchLabels: { "": "c" } } }] })],
    /preference\.matchLabels/,
  ],
  [
    "a community twice",
    [bgp("a", { communities: ["1:2", "1:2"] })],
    /communities\[1\]: "1:2" is there twice/,
  ],
  ["a peer twice", [bgp("a", { peers: ["x", "x"] })], /peers\[1\]/],
  ["a community out of range", [bgp("a", { communities: ["70000:1"] })], /"70000:1" is not a community/],
  ["a large community without its marker", [bgp("a", { communities: ["huge:1:2:3"] })], /is not a community/],
  [
    "more communities than a message holds",
    [
      bgp("a", { communities: Array.from({ length: 300 }, (_, index) => `1:${index}`) }),
      bgp("b", { communities: Array.from({ length: 300 }, (_, index) => `2:${index}`), localPref: 0 }),
    ],
    /BGPAdvertisement \S*b, spec.communities: with this, .* more than 500 standard communities/,
  ],
  [
    "more large communities than a message holds",
    [bgp("a", { communities: Array.from({ length: 101 }, (_, index) => `large:1:1:${index}`) })],
    /more than 100 large communities/,
  ],
  [
    "a community that nobody named",
    [bgp("a", { communities: ["nobody"] })],
    /no Community resource gives the name "nobody"/,
  ],
  [
    "a name for what is no community",
    [community("a", { communities: [{ name: "x", value: "y" }] })],
    /communities\[0\]\.value: "y" is not a community/,
  ],
  [
    "a name that is given twice",
    [
      community("a", { communities: [{ name: "x", value: "1:1" }] }),
      community("b", { communities: [{ name: "x", value: "1:2" }] }),
    ],
    /system\/b, spec\.communities\[0\]\.name: "x" is given twice/,
  ],
  ["an aggregation above 32", [bgp("a", { aggregationLength: 33 })], /33 is above 32/],
  [
    "an aggregation shorter than an entry of the pool",
    [pool("a", { addresses: ["192.0.2.0/25", "192.0.2.128/26"] }), bgp("b", { aggregationLength: 25 })],
    /aggregationLength: 25 is shorter than the \/26 of "192.0.2.128\/26" in pool "a"/,
  ],
  [
    "an IPv6 aggregation shorter than an entry",
    [pool("a", { addresses: ["2001:db8::/64"] }), bgp("b", { aggregationLengthV6: 63 })],
    /aggregationLengthV6: 63 is shorter than the \/64/,
  ],
  [
    "an aggregation shorter than all prefixes of a range",
    [pool("a", { addresses: ["192.0.2.1-192.0.2.2"] }), bgp("b", { aggregationLength: 31 })],
    /31 is shorter than the \/32/,
  ],
  [
    "serviceSelectors with an aggregation",
    [bgp("a", { aggregationLength: 24, serviceSelectors: [{}] })],
    /aggregationLength: is 24, and an advertisement with serviceSelectors/,
  ],
  [
    "serviceSelectors with an IPv6 aggregation",
    [bgp("a", { aggregationLengthV6: 64, serviceSelectors: [{}] })],
    /aggregationLengthV6: is 64/,
  ],
  [
    "different local preferences for the same",
    [pool("a"), bgp("b", { localPref: 1 }), bgp("c", { localPref: 2 })],
    /system\/c, spec\.localPref: is 2, and "b" asks for 1 for the same prefixes of pool "a"/,
  ],
  [
    "different local preferences for a common peer",
    [pool("a"), bgp("b", { localPref: 1, peers: ["x", "y"] }), bgp("c", { peers: ["y"] })],
    /localPref: is 0/,
  ],
  [
    "different local preferences where one family has the same length",
    [
      pool("a", { addresses: ["192.0.2.0/24", "2001:db8::/64"] }),
      bgp("b", { localPref: 1 }),
      bgp("c", { localPref: 2, aggregationLength: 24 }),
    ],
    /localPref/,
  ],
  ["myASN of 0", [peer("a", { myASN: 0 })], /myASN: 0 is not the number/],
  ["no myASN", [peer("a", { myASN: undefined })], /myASN: is missing/],
  ["no spec of a peer", [{ ...peer("a"), spec: undefined }], /myASN: is missing/],
  ["neither peerASN nor dynamicASN", [peer("a", { peerASN: 0 })], /peerASN: is not given, nor is dynamicASN/],
  [
    "both peerASN and dynamicASN",
    [peer("a", { dynamicASN: "external" })],
    /dynamicASN: is given besides peerASN/,
  ],
  [
    "a dynamicASN that does not exist",
    [peer("a", { peerASN: 0, dynamicASN: "any" })],
    /"any" is not known here\. Use one of internal, external/,
  ],
  ["localASN of 0", [peer("a", { localASN: 0 })], /localASN: 0 is below 1/],
  ["a number of more than 32 bits", [peer("a", { peerASN: 4294967296 })], /is above 4294967295/],
  [
    "ebgpMultiHop inside an autonomous system",
    [peer("a", { peerASN: 64500, ebgpMultiHop: true })],
    /ebgpMultiHop/,
  ],
  [
    "neither address nor interface",
    [peer("a", { peerAddress: "" })],
    /peerAddress: is not given, nor is interface/,
  ],
  [
    "both address and interface",
    [peer("a", { interface: "eth0" })],
    /interface: is given besides peerAddress/,
  ],
  ["an address that is none", [peer("a", { peerAddress: "router" })], /"router" is not an address/],
  ["a source that is none", [peer("a", { sourceAddress: "x" })], /sourceAddress: "x" is not an address/],
  ["a port above 16384", [peer("a", { peerPort: 16385 })], /16385 is above 16384/],
  [
    "a hold time of two seconds",
    [peer("a", { holdTime: "2s" })],
    /holdTime: makes a hold time of 2s, less than 3s/,
  ],
  [
    "a keepalive time that makes such a hold time",
    [peer("a", { keepaliveTime: "500ms" })],
    /keepaliveTime: makes a hold time of 1.5s/,
  ],
  [
    "a keepalive time above the hold time",
    [peer("a", { holdTime: "3s", keepaliveTime: "4s" })],
    /keepaliveTime: 4s is longer than the hold time, 3s/,
  ],
  [
    "a keepalive time without hold time",
    [peer("a", { holdTime: "0s", keepaliveTime: "1s" })],
    /longer than the hold time/,
  ],
  ["a duration without unit", [peer("a", { holdTime: "90" })], /"90" is not a duration/],
  ["a negative duration", [peer("a", { holdTime: "-5s" })], /is not a duration/],
  [
    "a connect time that is no whole number of seconds",
    [peer("a", { connectTime: "1500ms" })],
    /connectTime: 1.5s is not a whole number/,
  ],
  ["a connect time of 0", [peer("a", { connectTime: "0s" })], /connectTime/],
  [
    "a password and a Secret",
    [peer("a", { password: "x", passwordSecret: { name: "y" } })],
    /passwordSecret: is given besides password/,
  ],
  ["a password with a line break", [peer("a", { password: "x\nneighbor" })], /password: holds a line break/],
  [
    "an interface with a line break",
    [peer("a", { peerAddress: "", interface: "x\r" })],
    /interface: holds a line break/,
  ],
  ["a VRF with a line break", [peer("a", { vrf: "x\n" })], /vrf: holds a line break/],
  [
    "a BFDProfile that is not there",
    [peer("a", { bfdProfile: "fast" })],
    /bfdProfile: there is no BFDProfile named "fast"/,
  ],
  ["a node selector twice", [peer("a", { nodeSelectors: dup })], /nodeSelectors\[1\]: is the same/],
  [
    "two peers for one router",
    [peer("a"), peer("b")],
    /system\/b, spec\.peerAddress: is that of peer "a" too/,
  ],
  [
    "two peers for one interface",
    [peer("a", { peerAddress: "", interface: "eth0" }), peer("b", { peerAddress: "", interface: "eth0" })],
    /spec\.interface: is that of peer "a" too/,
  ],
  [
    "two router identifiers on a node",
    [peer("a"), peer("b", { peerAddress: "198.51.100.2", routerID: "192.0.2.1" })],
    /routerID: differs from that of peer "a"/,
  ],
  [
    "two numbers of the own system in a VRF",
    [peer("a"), peer("b", { peerAddress: "198.51.100.2", myASN: 64502 })],
    /myASN: 64502 differs from 64500 of peer "a"/,
  ],
  ["a receive interval of 9 ms", [profile("a", { receiveInterval: 9 })], /receiveInterval: 9 is below 10/],
  ["a multiplier of 1", [profile("a", { detectMultiplier: 1 })], /detectMultiplier: 1 is below 2/],
  ["a TTL of 255", [profile("a", { minimumTtl: 255 })], /minimumTtl: 255 is above 254/],
  [
    "echoMode for a peer that hears of IPv6",
    [
      pool("a", { addresses: ["2001:db8::/64"] }),
      profile("b", { echoMode: true }),
      peer("c", { bfdProfile: "b" }),
      bgp("d", { peers: ["c"] }),
    ],
    /BGPAdvertisement metallb-system\/d, spec: announces IPv6 addresses of pool "a" to peer "c"/,
  ],
  ["a reservation without addresses", [reservation("a", { addresses: [] })], /addresses: has 0 entries/],
  [
    "a reservation of 65 addresses",
    [reservation("a", { addresses: Array.from({ length: 65 }, (_, i) => `10.0.0.${i}`) })],
    /has 65 entries, more than 64/,
  ],
  [
    "a reserved address that is none",
    [reservation("a", { addresses: ["10.0.0.0/24"] })],
    /addresses\[0\]: "10.0.0.0\/24" is not an address/,
  ],
  [
    "an address reserved twice in one reservation",
    [reservation("a", { addresses: ["::1", "0::1"] })],
    /addresses\[1\]: "::1" is there twice/,
  ],
  [
    "an address that two reservations keep",
    [reservation("a", { addresses: ["192.0.2.1"] }), reservation("b", { addresses: ["192.0.2.1"] })],
    /system\/b, spec\.addresses\[0\]: 192.0.2.1 is kept by reservation "a" too/,
  ],
  [
    "a reservation for a Service without name",
    [reservation("a", { addresses: ["::1"], service: { namespace: "x", name: "" } })],
    /service\.name: is empty/,
  ],
  [
    "an object without name",
    [{ ...pool("a"), metadata: {} }],
    /IPAddressPool #1, metadata\.name: is missing/,
  ],
  [
    "a version that does not exist",
    [{ ...pool("a"), apiVersion: "metallb.io/v9" }],
    /apiVersion: "metallb.io\/v9" is not known\. Write metallb\.io\/v1beta1/,
  ],
  ["text instead of an object", ["pool"], /object #1: "pool" is not an object/],
];

describe("a configuration that is refused", () => {
  for (const [what, objects, said] of REFUSED) {
    it(`has ${what}`, () => {
      const result = read(objects);
      assert.equal(result.ok, false);
      if (!result.ok) assert.match(result.problems.map(formatObjectProblem).join("\n"), said);
    });
  }

  it("is refused as a whole, with all problems of all objects at once", () => {
    const result = read([
      pool("a", { addresses: ["x", "y"] }),
      peer("b", { myASN: 0, peerPort: 179 }),
      pool("c"),
    ]);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ kind, object: key, path }) => `${kind} ${key} ${path.join(".")}`),
      [
        "IPAddressPool metallb-system/a spec.addresses.0",
        "IPAddressPool metallb-system/a spec.addresses.1",
        "BGPPeer metallb-system/b spec.myASN",
      ],
    );
  });

  it("tells at most a hundred problems, and how many there are besides", () => {
    const addresses = Array.from({ length: 5_000 }, () => "192.0.2.0/24");
    const result = read([pool("a", { addresses })]);
    assert.ok(!result.ok);
    assert.equal(result.problems.length, 101);
    assert.match(result.problems.at(-1)?.message ?? "", /there are 4899 more problems/);
  });
});
