import { resource, router, rows, server } from "#testing/config-rows";

rows("a virtual router", [
  {
    that: "has an interval in steps of 10 ms in version 3 (RFC 9568 §5.2.7)",
    given: [router({ advertisementInterval: "255ms" })],
    found: ["error 0 spec.advertisementInterval: 255ms is not a multiple of 10ms, the step of version 3"],
  },
  {
    that: "may advertise every 40.95 s in version 3",
    given: [router({ advertisementInterval: "40.95s" })],
    found: [],
  },
  {
    that: "cannot say 40.96 s in version 3",
    given: [router({ advertisementInterval: "40.96s" })],
    found: ["error 0 spec.advertisementInterval: 40.96s is above 40.95s, the most version 3 can say"],
  },
  {
    that: "has an interval in whole seconds in version 2 (RFC 3768 §5.3.7)",
    given: [router({ version: 2, advertisementInterval: "1500ms" })],
    found: ["error 0 spec.advertisementInterval: 1.5s is not whole seconds, all that version 2 can say"],
  },
  {
    that: "cannot speak version 2 with IPv6 addresses",
    given: [router({ version: 2, addresses: ["fe80::1/64"] })],
    found: ["error 0 spec.version: is 2, which knows IPv4 only"],
  },
  {
    that: "has no password in version 3 (RFC 9568 §9)",
    given: [router({ authentication: { simplePassword: "x" } })],
    found: ["error 0 spec.authentication: does not exist in version 3 (RFC 9568 §9)"],
  },
  {
    that: "cannot be an owner that loses priority or does not preempt (RFC 9568 §6.1)",
    given: [router({ priority: 255, preempt: false, track: { interfaces: [{ name: "eth1", weight: 5 }] } })],
    found: [
      "error 0 spec.track.interfaces[0].weight: cannot lower the priority of an owner (255)",
      "error 0 spec.preempt: is false, but an owner (priority 255) always takes over (RFC 9568 §6.1)",
    ],
  },
  {
    that: "needs peers for unicast",
    given: [router({ unicast: { peers: [] } })],
    found: ["error 0 spec.unicast.peers: has 0 entries"],
  },
  {
    that: "has peers of its own family, once each, and not itself",
    given: [
      router({
        sourceAddress: "192.0.2.1",
        unicast: { peers: ["192.0.2.1", "fe80::2", "192.0.2.3", "192.0.2.3"] },
      }),
    ],
    found: [
      "error 0 spec.unicast.peers[0]: 192.0.2.1 is this box's own sourceAddress",
      "error 0 spec.unicast.peers[1]: fe80::2 is IPv6, but the router is IPv4",
      "error 0 spec.unicast.peers[3]: 192.0.2.3 is given twice",
    ],
  },
  {
    that: "advertises addresses of one family and real hosts only",
    given: [router({ addresses: ["192.0.2.10/24", "fe80::1/64", "224.0.0.18/32", "0.0.0.0/0"] })],
    found: [
      "error 0 spec.addresses[1]: fe80::1 is IPv6, but the first one is IPv4",
      "error 0 spec.addresses[2]: 224.0.0.18 cannot be a host's address",
      "error 0 spec.addresses[3]: 0.0.0.0 cannot be a host's address",
      "warning 0 spec.addresses[3]: 0.0.0.0/0 is the network's own address",
    ],
  },
  {
    that: "has labels that start with the device, on IPv4 addresses only",
    given: [
      router({
        addresses: [
          { address: "192.0.2.10/24", label: "eth1:x" },
          { address: "192.0.2.11/24", device: "eth1", label: "eth1:x" },
        ],
        unadvertisedAddresses: [{ address: "2001:db8::1/64", label: "eth0:x" }],
      }),
    ],
    found: [
      'error 0 spec.addresses[0].label: "eth1:x" does not start with its device',
      "error 0 spec.unadvertisedAddresses[0].label: is given to an IPv6 address, which cannot carry one",
    ],
  },
  {
    that: "has labels of at most 15 characters",
    given: [router({ addresses: [{ address: "192.0.2.10/24", label: "eth0:01234567890" }] })],
    found: ['error 0 spec.addresses[0].label: "eth0:01234567890" is not accepted here'],
  },
  {
    that: "tracks each subject once, with one effect",
    given: [
      router({
        track: {
          interfaces: [
            { name: "a" },
            { name: "a" },
            { name: "b", weight: 3, fault: true },
            { name: "c", fault: false },
          ],
        },
      }),
    ],
    found: [
      "error 0 spec.track.interfaces[1].name: a is given twice",
      "error 0 spec.track.interfaces[2]: has both a weight and fault: true",
      "error 0 spec.track.interfaces[3].fault: is false, and there is no weight",
    ],
  },
  {
    that: "is doubted when its first IPv6 address is not link-local (RFC 9568 §5.2.9)",
    given: [router({ addresses: ["2001:db8::10/64"], preempt: false, preemptDelay: "5s" })],
    found: [
      "warning 0 spec.preemptDelay: has no effect with preempt: false",
      "warning 0 spec.addresses[0]: 2001:db8::10 is not link-local, as the first IPv6 address should be (RFC 9568 §5.2.9)",
    ],
  },
]);

rows("a virtual server", [
  {
    that: "has a prime table with a slot for every backend",
    given: [
      router({}),
      server({ tableSize: 1000 }, "a"),
      server(
        {
          port: 81,
          tableSize: 7,
          backends: Array.from({ length: 8 }, (_, i) => ({ address: `10.0.0.${i + 1}` })),
        },
        "b",
      ),
      server({ port: 82, tableSize: 11, backends: [{ address: "10.0.0.1" }, { address: "10.0.0.2" }] }, "c"),
      server({ port: 83, tableSize: 11, scheduler: "weighted" }, "d"),
    ],
    found: [
      "error 1 spec.tableSize: 1000 is not a prime",
      "error 2 spec.tableSize: 7 slots cannot serve 8 backends",
      "warning 3 spec.tableSize: 11 slots are few for 2 backends",
      "error 4 spec.tableSize: means nothing to weighted",
    ],
  },
  {
    that: "has in dsr mode backends on its own port only",
    given: [
      router({}),
      server({
        mode: "dsr",
        backends: [
          { address: "192.0.2.21", port: 8080 },
          { address: "192.0.2.22", port: 80 },
        ],
      }),
    ],
    found: ["error 1 spec.backends[0].port: 8080 differs from the server's 80, and dsr cannot rewrite ports"],
  },
  {
    that: "has backends of its own family, each once, and not itself",
    given: [
      router({}),
      server({
        backends: [
          { address: "2001:db8::1" },
          { address: "192.0.2.10" },
          { name: "x", address: "192.0.2.21" },
          { name: "x", address: "192.0.2.22" },
          { name: "y", address: "192.0.2.21" },
        ],
      }),
    ],
    found: [
      "error 1 spec.backends[0].address: 2001:db8::1 is IPv6, but the server's is IPv4",
      "error 1 spec.backends[1].address: 192.0.2.10 is the virtual server's own address",
      "error 1 spec.backends[3].name: x is given twice",
      "error 1 spec.backends[4].address: y is the same machine and port as x",
    ],
  },
  {
    that: "limits and proxies what it can see",
    given: [
      router({}),
      server({ limits: {} }, "a"),
      server({ port: 81, mode: "dsr", limits: { connectionsPerSource: 1 }, synProxy: true }, "b"),
      server(
        {
          port: 82,
          mode: "dsr",
          protocol: "UDP",
          limits: { newConnectionsPerSource: { rate: 1 } },
          health: { port: 1 },
        },
        "c",
      ),
      server({ port: 83, protocol: "UDP", synProxy: true, health: { port: 1 } }, "d"),
    ],
    found: [
      "error 1 spec.limits: limits nothing",
      "warning 1 spec.mode: 192.0.2.21 holds 192.0.2.10 itself, for a dsr server, so it gets connections from the edge's own address, and they break in a takeover",
      "error 2 spec.limits.connectionsPerSource: cannot be counted in dsr, where this box does not see connections end",
      "error 2 spec.synProxy: cannot be in dsr, where answers do not pass this box",
      "error 3 spec.limits.newConnectionsPerSource: cannot be told in dsr for UDP, where no packet says that it opens a flow",
      "error 4 spec.synProxy: means nothing to UDP",
      "warning 4 spec.mode: 192.0.2.21 holds 192.0.2.10 itself, for a dsr server, so it gets connections from the edge's own address, and they break in a takeover",
    ],
  },
  {
    that: "keeps clients in every mode",
    given: [router({}), server({ mode: "dsr", persistence: { timeout: "10m" } })],
    found: [],
  },
  {
    that: "has a sorry server that is another machine, of its family, and in dsr on its own port",
    given: [
      router({}),
      server({ sorryServer: { address: "192.0.2.10" } }, "a"),
      server({ port: 81, sorryServer: { address: "192.0.2.21" } }, "b"),
      server(
        {
          ...{ port: 82, mode: "dsr", backends: [{ address: "192.0.2.29" }] },
          sorryServer: { address: "192.0.2.22", port: 83 },
        },
        "c",
      ),
      server({ port: 83, sorryServer: { address: "2001:db8::1" } }, "d"),
      server({ port: 84, sorryServer: { address: "192.0.2.21", port: 99 } }, "e"),
      server({ port: 85, backends: [], sorryServer: { address: "192.0.2.21" } }, "f"),
    ],
    found: [
      "error 1 spec.sorryServer.address: 192.0.2.10 is the virtual server's own address",
      "error 2 spec.sorryServer: is the same machine and port as the backend 192.0.2.21:81",
      "error 3 spec.sorryServer.port: 83 differs from the server's 82, and dsr cannot rewrite ports",
      "error 4 spec.sorryServer.address: 2001:db8::1 is IPv6, but the server's is IPv4",
      "warning 6 spec.backends: lists nobody: every connection will go to the sorry server",
    ],
  },
  {
    that: "asks in one way, by an absolute program, and verifies what it has an authority for",
    given: [
      router({}),
      server({ health: { tcp: {}, script: { command: ["check.sh"] }, port: 1 } }, "a"),
      server({ port: 81, health: { https: { verify: false, caFile: "/ca.pem" } } }, "b"),
      server({ port: 53, protocol: "UDP" }, "c"),
    ],
    found: [
      "error 1 spec.health: asks in 2 ways: tcp, script",
      'error 1 spec.health.script.command[0]: "check.sh" is not an absolute path',
      "warning 1 spec.health.port: means nothing to a script",
      "error 2 spec.health.https.caFile: is given although nothing is verified",
      "warning 3 spec.health: asks over TCP for a UDP service",
    ],
  },
  {
    that: "keeps the ports that clients ask for when it has several, and says which of them to check",
    given: [
      router({}),
      server({ port: "8000-8099", backends: [{ address: "10.0.0.1", port: 8000 }], health: { port: 8000 } }),
      server({ port: "all" }, "b"),
      server({ port: "7-9", health: { script: { command: ["/bin/true"] } } }, "c"),
      server({ port: "9-8" }, "d"),
      server({ port: 0 }, "e"),
    ],
    found: [
      "error 1 spec.backends[0].port: 8000 is one port, but the server has 8000-8099",
      "error 2 spec.health: does not say which of the ports all to ask",
      'error 4 spec.port: "9-8" is not a port, a range of ports or all',
      "error 5 spec.port: 0 is not a port, a range of ports or all",
    ],
  },
  {
    that: "takes connections from networks of its family, each given once and without host bits",
    given: [
      router({}),
      server({ sourceRanges: ["10.0.0.0/8", "192.0.2.7", "10.0.0.1/8", "2001:db8::/32", "10.0.0.0/8"] }),
    ],
    found: [
      "error 1 spec.sourceRanges[2]: 10.0.0.1/8 is a host in a network",
      "error 1 spec.sourceRanges[3]: 2001:db8:: is IPv6, but the server's is IPv4",
      "error 1 spec.sourceRanges[4]: 10.0.0.0/8 is given twice",
    ],
  },
  {
    that: "is doubted without backends, with weights that do nothing, and without a health check",
    given: [
      router({}),
      server({ backends: [] }, "a"),
      server({ port: 81, backends: [{ address: "10.0.0.1", weight: 0 }] }, "b"),
      server(
        {
          port: 82,
          scheduler: "round-robin",
          backends: [{ address: "10.0.0.1", weight: 2 }, { address: "10.0.0.2" }],
        },
        "c",
      ),
      resource("VirtualServer", "d", {
        address: "192.0.2.10",
        port: 83,
        backends: [{ address: "10.0.0.1" }],
      }),
    ],
    found: [
      "warning 1 spec.backends: lists nobody: every connection will be refused",
      "warning 2 spec.backends: has only weights of 0: every new connection will be refused",
      "warning 3 spec.scheduler: is round-robin, which ignores weights",
      "warning 4 spec: has no health check: a dead backend keeps its share",
    ],
  },
]);
