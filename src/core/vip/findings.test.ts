import { resource, router, rows } from "#testing/config-rows";

const CA = { caFile: "/ca.crt" };
const endpoint = (change: Readonly<Record<string, unknown>>, name = "api") =>
  resource("ControlPlaneEndpoint", name, {
    ...{ addresses: ["192.0.2.10"], interface: "eth0", peers: ["192.0.2.1", "192.0.2.2"], apiServer: CA },
    ...change,
  });

rows("a ControlPlaneEndpoint", [
  {
    that: "is right with an address, an interface, hosts and an authority",
    given: [endpoint({})],
    found: [],
  },
  { that: "is right without hosts", given: [endpoint({ peers: [] })], found: [] },
  {
    that: "is warned of when it verifies no certificate",
    given: [endpoint({ apiServer: {} })],
    found: [
      "warning 0 spec.apiServer: has no caFile, so whatever answers on the port counts as an API server",
    ],
  },
  {
    that: "reports everything at once, under its own keys",
    given: [
      endpoint({
        addresses: ["192.0.2.0/24", "224.0.0.1"],
        peers: ["192.0.2.1", "192.0.2.1", "2001:db8::1"],
        advertisementInterval: "205ms",
        apiServer: { address: "224.0.0.1", check: "tcp", caFile: "/ca.crt" },
      }),
    ],
    found: [
      "warning 0 spec.addresses[0]: 192.0.2.0/24 is the network's own address",
      "error 0 spec.addresses[1]: 224.0.0.1 cannot be a host's address",
      "error 0 spec.peers[1]: 192.0.2.1 is given twice",
      "warning 0 spec.peers[2]: 2001:db8::1 means nothing: there is no IPv6 address to hold",
      "error 0 spec.advertisementInterval: 205ms is not a multiple of 10ms, the step of version 3",
      "error 0 spec.apiServer.address: 224.0.0.1 cannot be a host's address",
      "error 0 spec.apiServer.address: 224.0.0.1 is the address that moves, so it may be another host's server that answers",
      "error 0 spec.apiServer.caFile: is given although check: tcp sees no certificate",
    ],
  },
  {
    that: "must not list the address that moves among the hosts, nor twice",
    given: [endpoint({ addresses: ["192.0.2.10", "192.0.2.10/24"], peers: ["192.0.2.10"] })],
    found: [
      "error 0 spec.addresses[1]: 192.0.2.10 is given twice",
      "error 0 spec.peers[0]: 192.0.2.10 is the address that moves",
      "error 0 spec.addresses[1]: holds 192.0.2.10 twice",
    ],
  },
  {
    that: "must know hosts of both families or of none",
    given: [endpoint({ addresses: ["192.0.2.10", "2001:db8::10"] })],
    found: ["error 0 spec.peers: lists no host's IPv6 address, and there is an IPv6 address to hold"],
  },
  {
    that: "must know whom to spread over",
    given: [endpoint({ peers: [], balance: true })],
    found: ["error 0 spec.balance: is true, but peers lists nobody to spread over"],
  },
  {
    that: "must not need a name that is taken, nor a VRRP identifier",
    given: [
      router({ vrid: 52, addresses: ["192.0.2.11/24"] }, "api-ipv4"),
      router({ vrid: 53, addresses: ["192.0.2.12/24"] }, "front"),
      endpoint({}),
    ],
    found: [
      "error 2 metadata.name: it needs the name api-ipv4, which a VirtualRouter has",
      "error 2 spec.vrid: uses vrid 53 for IPv4 on eth0, and so does front",
    ],
  },
  {
    that: "knows its keys",
    given: [endpoint({ address: "192.0.2.10", apiserver: {} })],
    found: ["error 0 spec.address: is not a known key", "error 0 spec.apiserver: is not a known key"],
  },
]);
