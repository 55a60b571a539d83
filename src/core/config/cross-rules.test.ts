import { check, resource, router, rows, server } from "#testing/config-rows";

rows("resources together", [
  {
    that: "have names of their own within a kind",
    given: [router({}, "a"), router({ vrid: 52, addresses: ["192.0.2.11/24"] }, "a"), server({}, "a")],
    found: ["error 1 metadata.name: there is another VirtualRouter named a"],
  },
  {
    that: "use a vrid once per interface and family",
    given: [
      router({}, "a"),
      router({ addresses: ["192.0.2.11/24"] }, "b"),
      router({ interface: "eth1", addresses: ["192.0.2.12/24"] }, "c"),
      router({ addresses: ["fe80::10/64"] }, "d"),
    ],
    found: ["error 1 spec.vrid: uses vrid 51 for IPv4 on eth0, and so does a"],
  },
  {
    that: "hold an address once, link-local ones once per link",
    given: [
      router({ unadvertisedAddresses: ["192.0.2.10/32", "fe80::1/64"] }, "a"),
      router({ vrid: 52, addresses: ["192.0.2.10/24"] }, "b"),
      router(
        {
          vrid: 53,
          addresses: ["192.0.2.12/24"],
          unadvertisedAddresses: [{ address: "fe80::1/64", device: "eth1" }],
        },
        "c",
      ),
    ],
    found: [
      "error 0 spec.unadvertisedAddresses[0]: holds 192.0.2.10 twice",
      "error 1 spec.addresses[0]: holds 192.0.2.10, and so does a",
    ],
  },
  {
    that: "serve an address, protocol and port once, and an address that some router holds",
    given: [
      router({}),
      server({}, "a"),
      server({ backends: [{ address: "10.0.0.1" }] }, "b"),
      server({ protocol: "UDP", health: { tcp: {}, port: 1 } }, "c"),
      server({ address: "192.0.2.99" }, "d"),
    ],
    found: [
      "error 2 spec.port: serves tcp port 80 of 192.0.2.10, and so does a",
      "warning 4 spec.address: 192.0.2.99 is held by no VirtualRouter",
    ],
  },
  {
    that: "share no port of an address, except that one port may lie in a range and either in all",
    given: [
      router({}),
      server({ port: "8000-8099", health: { port: 1 } }, "a"),
      server({ port: "8099-8100", health: { port: 1 } }, "b"),
      server({ port: 8001 }, "c"),
      server({ port: "all", health: { port: 1 } }, "d"),
      server({ port: "1-65535", health: { port: 1 } }, "e"),
      server({ port: "8050-8060", protocol: "UDP", health: { port: 1 } }, "f"),
    ],
    found: [
      "error 2 spec.port: serves tcp ports 8099-8100 of 192.0.2.10, and 8000-8099 belong to a",
      "error 5 spec.port: serves tcp ports all of 192.0.2.10, and so does d",
    ],
  },
  {
    that: "masquerade behind an address that moves with the server's, and where answers are not taken for requests",
    given: [
      router({}),
      router({ vrid: 52, addresses: ["192.0.2.11/24"] }, "other"),
      server({ masqueradeAddress: "192.0.2.10" }, "a"),
      server({ port: 81, masqueradeAddress: "192.0.2.11" }, "b"),
      server({ port: 82, masqueradeAddress: "192.0.2.12" }, "c"),
      server({ port: 83, mode: "dsr", masqueradeAddress: "192.0.2.10" }, "d"),
      server({ port: 53, protocol: "UDP", mode: "dsr", health: { port: 53 } }, "e"),
      server({ port: 54, protocol: "UDP", masqueradeAddress: "192.0.2.10", health: { port: 53 } }, "f"),
      server({ port: 84, masqueradeAddress: "2001:db8::1" }, "g"),
    ],
    found: [
      "error 2 spec.masqueradeAddress: a dsr server of 192.0.2.10 would take the answers",
      "error 3 spec.masqueradeAddress: 192.0.2.11 does not move together with 192.0.2.10",
      "warning 4 spec.masqueradeAddress: 192.0.2.12 does not move together with 192.0.2.10",
      "error 5 spec.masqueradeAddress: means nothing to mode dsr",
      "error 7 spec.masqueradeAddress: a dsr server of 192.0.2.10 would take the answers",
      "error 8 spec.masqueradeAddress: 2001:db8::1 is IPv6, but the server's is IPv4",
    ],
  },
  {
    that: "show no backend an address that it holds itself for a dsr server, of whatever protocol",
    given: [
      router({ addresses: ["192.0.2.10/24", "192.0.2.11/24"] }),
      server({ port: 53, protocol: "UDP", mode: "dsr", health: { port: 53 } }, "a"),
      server({ port: 53 }, "b"),
      server({ port: 81, masqueradeAddress: "192.0.2.10" }, "c"),
      server({ port: 82, masqueradeAddress: "192.0.2.10", backends: [{ address: "192.0.2.22" }] }, "d"),
    ],
    found: [
      "error 3 spec.masqueradeAddress: 192.0.2.21 holds 192.0.2.10 itself, for a dsr server, and would drop what comes from it",
    ],
  },
  {
    that: "are doubted where no address is left to show",
    given: [
      router({}),
      server({ port: 53, protocol: "UDP", mode: "dsr", health: { port: 53 } }, "a"),
      server({ port: 53 }, "b"),
      server({ port: 54, backends: [{ address: "192.0.2.22" }] }, "c"),
    ],
    found: [
      "warning 2 spec.mode: 192.0.2.21 holds 192.0.2.10 itself, for a dsr server, so it gets connections from the edge's own address, and they break in a takeover",
    ],
  },
  {
    that: "keep something in sync: connections, or the clients of a dsr server",
    given: [
      router({}),
      server({ mode: "dsr", persistence: { timeout: "1m" } }),
      resource("ConnectionSync", "s", { interface: "eth1", address: "198.51.100.1", peer: "198.51.100.2" }),
    ],
    found: [],
  },
  {
    that: "do not keep what there is none of in sync",
    given: [
      router({}),
      server({ mode: "dsr" }),
      resource("ConnectionSync", "s", { interface: "eth1", address: "198.51.100.1", peer: "198.51.100.2" }),
    ],
    found: ["warning 2 spec: has nothing to keep: no server uses masquerade, nat or persistence"],
  },
  {
    that: "read a secret from an absolute path only",
    given: [
      router({}),
      server({}),
      resource("ConnectionSync", "s", {
        ...{ interface: "eth1", address: "198.51.100.1", peer: "198.51.100.2" },
        pinSecretFile: "pins.secret",
      }),
    ],
    found: ['error 2 spec.pinSecretFile: "pins.secret" is not accepted here'],
  },
  {
    that: "track checks that exist, and leave none untracked",
    given: [
      router({ track: { checks: [{ name: "uplnk" }] } }),
      check("uplink"),
      check("ask", { tcp: {}, port: 3 }),
    ],
    found: [
      "error 0 spec.track.checks[0].name: there is no TrackedCheck named uplnk",
      "warning 1 metadata.name: is tracked by no VirtualRouter",
      "error 2 spec.address: is missing",
      "warning 2 metadata.name: is tracked by no VirtualRouter",
    ],
  },
  {
    that: "do not call a check missing that is only wrong",
    given: [router({ track: { checks: [{ name: "uplink" }] } }), check("uplink", { interval: 3 })],
    found: ["error 1 spec.interval: 3 has no unit"],
  },
  {
    that: "have sync groups of two or more, without owners among others",
    given: [
      router({ syncGroup: "lonely" }, "a"),
      router({ vrid: 52, addresses: ["192.0.2.11/24"], syncGroup: "g", priority: 255 }, "b"),
      router({ vrid: 53, addresses: ["192.0.2.12/24"], syncGroup: "g" }, "c"),
    ],
    found: [
      "warning 0 spec.syncGroup: lonely has no other member",
      "error 1 spec.syncGroup: g mixes an owner (priority 255) with others, which cannot change state together",
    ],
  },
]);
