import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { seconds } from "#base/time";
import { parseResources } from "#core/config/parse";
import { worstCaseRemoval } from "#core/health/worst-case";
import { translate } from "./translate.ts";

const run = (text: string) => {
  const outcome = translate([{ path: "k", text }], {
    configId: "here",
    include: () => ({ files: [], problems: [] }),
  });
  assert.ok(outcome.ok);
  const parsed = parseResources(outcome.resources.map(({ value }) => value));
  return {
    spec: outcome.resources[0]?.value.spec,
    server: parsed.ok ? parsed.desired.servers[0] : undefined,
    notes: outcome.notes.map(
      ({ place, fate, subject, text: said }) => `${place.line} ${fate} ${subject}: ${said}`,
    ),
  };
};

/** A server with two backends, each checked like this. */
const checked = (checker: string, server = "", backend = "") =>
  run(
    [
      "virtual_server 192.0.2.1 80 {",
      "lvs_sched rr",
      "lvs_method DR",
      server,
      ...["21", "22"].map((last) => `real_server 192.0.2.${last} 80 {\n${backend}\n${checker}\n}`),
      "}",
    ].join("\n"),
  );

describe("virtual_server", () => {
  it("keeps address, port, protocol, backends and weights, and refuses when nobody is left, as IPVS does", () => {
    const { spec, notes } = run(
      "virtual_server 192.0.2.1 80 {\nlvs_sched wrr\nlvs_method DR\nprotocol UDP\nreal_server 192.0.2.2 80 {\nweight 3\n}\nreal_server 192.0.2.3 80 {\nweight 0\n}\n}",
    );
    assert.deepEqual(spec, {
      address: "192.0.2.1",
      port: 80,
      protocol: "UDP",
      mode: "dsr",
      scheduler: "weighted",
      backends: [
        { address: "192.0.2.2", weight: 3 },
        { address: "192.0.2.3", weight: 0 },
      ],
      whenAllFail: "reject",
    });
    assert.deepEqual(notes, []);
  });

  it("is UDP when it names no protocol, as with keepalived", () => {
    const protocol = (line: string) =>
      run(`virtual_server 192.0.2.1 80 {\nlvs_sched rr\n${line}\n}`).server?.protocol;
    assert.deepEqual([protocol(""), protocol("protocol TCP")], ["udp", "tcp"]);
  });

  it("is reached as IPVS does it: NAT keeps the client's address, and is the default", () => {
    const mode = (method: string) =>
      run(`virtual_server 192.0.2.1 80 {\nlvs_sched rr\n${method}\n}`).server?.mode;
    assert.equal(mode(""), "nat");
    assert.equal(mode("lb_kind NAT"), "nat");
    assert.equal(mode("lb_kind DR"), "dsr");
  });

  it("spreads as IPVS does, or says in what it differs", () => {
    const scheduler = (lines: string) => {
      const { server, notes } = run(`virtual_server 192.0.2.1 80 {\n${lines}\n}`);
      return `${server?.scheduler.type} ${notes.length === 0 ? "exactly" : notes.join()}`;
    };
    assert.equal(scheduler("lb_algo rr"), "round-robin exactly");
    assert.equal(scheduler("lb_algo wrr"), "weighted exactly");
    assert.equal(scheduler("lb_algo sh"), "source-hash exactly");
    assert.equal(scheduler("lb_algo mh"), "source-hash exactly");
    assert.equal(scheduler("lb_algo mh\nmh-port"), "consistent-hash exactly");
    assert.match(scheduler("lb_algo dh"), /^source-hash 2 lost lb_algo: dh: /);
    assert.match(scheduler("lb_algo nonsense"), /^weighted 2 lost lb_algo: "nonsense" is no scheduler/);
    assert.equal(scheduler(""), "least-connections exactly");
    assert.equal(scheduler("lb_algo wlc"), "least-connections exactly");
    assert.match(scheduler("lb_algo lc"), /^least-connections 2 changed lb_algo: lc: .* weight/);
    assert.match(scheduler("lb_algo sed"), /^least-connections 2 changed lb_algo: sed: /);
    assert.match(scheduler("lb_kind DR"), /^weighted 1 lost lvs_sched: wlc: in dsr /);
    assert.match(scheduler("lb_algo lc\nlb_kind DR"), /^weighted 2 lost lb_algo: lc: in dsr /);
  });

  it("keeps clients at their backend for as long as keepalived does, where answers pass the edge", () => {
    const kept = (lines: string, front = "192.0.2.1") => {
      const { spec, server, notes } = run(`virtual_server ${front} 80 {\nlvs_sched rr\n${lines}\n}`);
      assert.ok(server !== undefined);
      return {
        persistence: spec !== undefined && "persistence" in spec ? spec.persistence : undefined,
        notes,
      };
    };
    assert.deepEqual(kept("persistence_timeout 600"), { persistence: { timeout: "600s" }, notes: [] });
    assert.deepEqual(kept("persistence_timeout"), { persistence: { timeout: "360s" }, notes: [] });
    assert.deepEqual(kept("persistence_timeout 60\npersistence_granularity 255.255.255.0"), {
      persistence: { timeout: "60s", prefixLengthIpv4: 24 },
      notes: [],
    });
    assert.deepEqual(kept("persistence_timeout 60\npersistence_granularity 64", "2001:db8::1"), {
      persistence: { timeout: "60s", prefixLengthIpv6: 64 },
      notes: [],
    });
    assert.deepEqual(kept("persistence_timeout 100000"), {
      persistence: { timeout: "86400s" },
      notes: ["3 changed persistence_timeout: 86400s instead of 100000s, which is out of range"],
    });
    for (const mask of ["255.0.255.0", "254.0.0.0", "ffff::", "24"]) {
      const { persistence, notes } = kept(`persistence_timeout 60\npersistence_granularity ${mask}`);
      assert.deepEqual(persistence, { timeout: "60s" });
      assert.match(notes.join(), /^4 lost persistence_granularity: "/);
    }
    assert.match(
      kept("persistence_timeout soon").notes.join(),
      /^3 lost persistence_timeout: "soon" is no time/,
    );
    assert.match(kept("persistence_granularity 255.255.255.0").notes.join(), /^3 needless /);
    assert.deepEqual(kept("persistence_timeout 60\nlb_kind DR"), {
      persistence: { timeout: "60s" },
      notes: [],
    });
  });

  it("has a sorry server, at the client's port with direct routing", () => {
    const sorry = (lines: string) => {
      const { spec } = run(`virtual_server 192.0.2.1 80 {\nlvs_sched rr\n${lines}\n}`);
      return spec !== undefined && "sorryServer" in spec ? spec.sorryServer : undefined;
    };
    assert.deepEqual(sorry("sorry_server 192.0.2.9 8080"), { address: "192.0.2.9", port: 8080 });
    assert.deepEqual(sorry("lvs_method DR\nsorry_server 192.0.2.9 8080"), { address: "192.0.2.9" });
  });

  it("without a port serves all of them, and asks backends at the port that the check names", () => {
    const { spec, server, notes } = run(
      "virtual_server 192.0.2.1 {\nlvs_sched rr\nlvs_method DR\nreal_server 192.0.2.2 {\nTCP_CHECK {\nconnect_port 22\n}\n}\n}",
    );
    assert.equal(spec !== undefined && "port" in spec ? spec.port : undefined, "all");
    assert.equal(server?.health?.port, 22);
    assert.deepEqual(notes, []);
  });

  it("without a port to ask has no check, and says so", () => {
    const { server, notes } = run(
      "virtual_server 192.0.2.1 {\nlvs_sched rr\nlvs_method DR\nreal_server 192.0.2.2 {\nTCP_CHECK {\n}\n}\n}",
    );
    assert.equal(server?.health, undefined);
    assert.match(notes.join(), /5 lost TCP_CHECK: names no port to ask/);
  });

  it("keeps the proportion of weights that are too large", () => {
    const { server } = run(
      "virtual_server 192.0.2.1 80 {\nlvs_method DR\nreal_server 192.0.2.2 80 {\nweight 10000\n}\nreal_server 192.0.2.3 80 {\nweight 5000\n}\nreal_server 192.0.2.4 80 {\nweight 1\n}\n}",
    );
    assert.deepEqual(
      server?.backends.map(({ weight }) => weight),
      [256, 128, 1],
    );
  });

  const left: readonly (readonly [front: string, body: string, note: RegExp])[] = [
    ["fwmark 1", "", /1 lost virtual_server: a fwmark is no address/],
    ["group g", "", /1 lost virtual_server: a group is no address/],
    ["192.0.2.1 80", "lvs_method TUN", /2 lost lvs_method: "TUN"/],
    ["192.0.2.1 80", "protocol SCTP", /2 lost protocol: "SCTP"/],
    ["192.0.2.300 80", "", /1 lost virtual_server: "192.0.2.300" is no address/],
    ["192.0.2.1 http", "", /1 lost virtual_server: "http" is no port/],
  ];
  for (const [front, body, note] of left) {
    it(`is left out for ${front} ${body}`, () => {
      const outcome = run(`virtual_server ${front} {\n${body}\nreal_server 192.0.2.2 80 {\n}\n}`);
      assert.equal(outcome.server, undefined);
      assert.match(outcome.notes.join("\n"), note);
    });
  }
});

describe("checks of backends", () => {
  it("have keepalived's defaults: every minute, 5 s, one more attempt after 1 s, and one answer decides", () => {
    assert.deepEqual(checked("TCP_CHECK {\n}").server?.health, {
      probe: { type: "tcp" },
      interval: 60_000_000,
      timeout: 5_000_000,
      retries: 1,
      retryDelay: 1_000_000,
      rise: 1,
      fall: 1,
    });
  });

  it("inherit their timers from the backend, and that from the server", () => {
    const health = checked(
      "TCP_CHECK {\nretry 3\n}",
      "delay_loop 6\nconnect_timeout 2\nretry 1",
      "connect_timeout 4\ndelay_before_retry 0.5",
    ).server?.health;
    assert.deepEqual(
      [health?.interval, health?.timeout, health?.retries, health?.retryDelay],
      [6_000_000, 4_000_000, 3, 500_000],
    );
  });

  it("take a dead backend out as late as keepalived does at the worst", () => {
    fc.assert(
      fc.property(
        fc.record({
          timeout: fc.integer({ min: 1, max: 60 }),
          retry: fc.nat(10),
          pause: fc.nat(60),
          loop: fc.integer({ min: 1, max: 3600 }),
        }),
        ({ timeout, retry, pause, loop }) => {
          const { server } = checked(
            `TCP_CHECK {\nconnect_timeout ${timeout}\nretry ${retry}\ndelay_before_retry ${pause}\ndelay_loop ${loop}\n}`,
          );
          assert.ok(server?.health !== undefined);
          // The operator's formula for keepalived.
          assert.equal(worstCaseRemoval(server.health), seconds(timeout + retry * (timeout + pause)));
          assert.equal(server.health.interval, seconds(loop));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("ask over HTTP and HTTPS for the same things", () => {
    const url = "url {\npath /x?y=1\nvirtualhost app.example.org\nstatus_code 200\nstatus_code 301-302\n}";
    const probe = {
      path: "/x?y=1",
      host: "app.example.org",
      statuses: [
        { from: 200, to: 200 },
        { from: 301, to: 302 },
      ],
      verify: false,
    };
    assert.deepEqual(checked(`HTTP_GET {\n${url}\n}`).server?.health?.probe, { type: "http", ...probe });
    assert.deepEqual(checked(`SSL_GET {\n${url}\n}`).server?.health?.probe, { type: "https", ...probe });
    assert.equal(checked("HTTP_GET {\n}").server?.health?.retryDelay, 3_000_000);
  });

  it("find the virtual host where keepalived does", () => {
    const host = (checker: string, server = "", backend = "") => {
      const probe = checked(checker, server, backend).server?.health?.probe;
      return probe?.type === "http" ? probe.host : undefined;
    };
    assert.equal(host("HTTP_GET {\nurl {\npath /\n}\n}", "virtualhost a.example"), "a.example");
    assert.equal(
      host("HTTP_GET {\nurl {\npath /\n}\n}", "virtualhost a.example", "virtualhost b.example"),
      "b.example",
    );
    assert.equal(
      host("HTTP_GET {\nvirtualhost c.example\nurl {\npath /\n}\n}", "", "virtualhost b.example"),
      "c.example",
    );
  });

  it("name a port only when it is not the backend's own", () => {
    assert.equal(checked("TCP_CHECK {\nconnect_port 80\n}").server?.health?.port, undefined);
    assert.equal(checked("TCP_CHECK {\nconnect_port 8080\n}").server?.health?.port, 8080);
  });

  it("run a script with keepalived's times: no second attempt, the interval as timeout", () => {
    const health = checked('MISC_CHECK {\nmisc_path "/bin/check x"\n}', "delay_loop 7").server?.health;
    assert.deepEqual(health, {
      probe: { type: "script", command: ["/bin/check", "x"] },
      interval: 7_000_000,
      timeout: 7_000_000,
      retries: 0,
      retryDelay: 1_000_000,
      rise: 1,
      fall: 1,
    });
  });

  const scripts = (line: (last: number) => string) => {
    const text = (last: number) =>
      `real_server 192.0.2.${last} 80 {\nMISC_CHECK {\nmisc_path "${line(last)}"\n}\n}`;
    return run(`virtual_server 192.0.2.1 80 {\nlvs_method DR\nlvs_sched rr\n${text(2)}\n${text(3)}\n}`);
  };

  const alike: readonly (readonly [line: (last: number) => string, shell: string])[] = [
    [
      (last) => `/bin/check -a 192.0.2.${last} -p 80 'it is'`,
      `exec /bin/check -a "$STEELYARD_ADDRESS" -p "$STEELYARD_PORT" 'it is'`,
    ],
    [
      (last) => `/bin/get http://192.0.2.${last}:80/x?a=1`,
      `exec /bin/get http://"$STEELYARD_ADDRESS":"$STEELYARD_PORT"'/x?a=1'`,
    ],
    [(last) => `/bin/test -e /run/192.0.2.${last}.mark`, `exec /bin/test -e /run/"$STEELYARD_ADDRESS".mark`],
  ];
  for (const [line, shell] of alike) {
    it(`become one script when they differ in the backend's address and port: ${shell}`, () => {
      const { server, notes } = scripts(line);
      assert.deepEqual(server?.health?.probe, { type: "script", command: ["/bin/sh", "-c", shell] });
      assert.match(notes.join(), /5 changed MISC_CHECK: one script for all backends/);
    });
  }

  it("stay apart when they differ in more than the address", () => {
    for (const line of [
      (last: number) => `/bin/check ${last}`,
      (last: number) => `/bin/check 192.0.2.${last}0`,
    ]) {
      const { server, notes } = scripts(line);
      assert.deepEqual(
        server?.health?.probe.type === "script" && server.health.probe.command[0],
        "/bin/check",
      );
      assert.match(notes.join(), /lost MISC_CHECK: 192.0.2.3 is asked in the same way/);
    }
  });

  it("that differ are listed, and the first one counts", () => {
    const { server, notes } = run(
      "virtual_server 192.0.2.1 80 {\nlvs_method DR\nlvs_sched rr\nreal_server 192.0.2.2 80 {\nTCP_CHECK {\n}\n}\nreal_server 192.0.2.3 80 {\nHTTP_GET {\n}\n}\nreal_server 192.0.2.4 80 {\n}\n}",
    );
    assert.equal(server?.health?.probe.type, "tcp");
    assert.match(notes.join("\n"), /9 lost HTTP_GET: 192.0.2.3 is asked in the same way/);
    assert.match(notes.join("\n"), /12 lost real_server: has no check/);
  });

  it("at ports that differ are listed, unless each backend is asked at its own", () => {
    const servers = (first: string, second: string) =>
      run(
        `virtual_server 192.0.2.1 80 {\nlvs_sched rr\nreal_server 192.0.2.2 ${first}\n}\n}\nreal_server 192.0.2.3 ${second}\n}\n}\n}`,
      );
    const own = servers("81 {\nTCP_CHECK {", "82 {\nTCP_CHECK {");
    assert.deepEqual([own.server?.health?.port, own.notes], [undefined, []]);
    const other = servers("81 {\nTCP_CHECK {\nconnect_port 90", "81 {\nTCP_CHECK {\nconnect_port 91");
    assert.equal(other.server?.health?.port, 90);
    assert.match(other.notes.join(), /lost TCP_CHECK: 192.0.2.3 is asked in the same way/);
  });

  it("of other kinds are listed, and a second one too", () => {
    assert.match(checked("PING_CHECK {\n}").notes.join("\n"), /lost PING_CHECK/);
    assert.match(
      checked("TCP_CHECK {\n}\nHTTP_GET {\n}").notes.join("\n"),
      /lost HTTP_GET: a backend is asked in one way/,
    );
  });
});
