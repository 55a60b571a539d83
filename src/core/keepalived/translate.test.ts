import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseResources } from "#core/config/parse";
import { translate } from "./translate.ts";

const run = (text: string) => {
  const outcome = translate([{ path: "k", text }], {
    configId: "here",
    include: () => ({ files: [], problems: [] }),
  });
  assert.ok(outcome.ok);
  const { resources, notes } = outcome;
  const values = resources.map(({ value }) => value);
  const parsed = parseResources(values);
  assert.ok(values.length === 0 || parsed.ok, JSON.stringify(parsed));
  return {
    values,
    desired: parsed.ok ? parsed.desired : undefined,
    notes: notes.map(
      ({ place, lastLine = place.line, fate, subject, text: said }) =>
        `${place.line}-${lastLine} ${fate} ${subject}: ${said}`,
    ),
  };
};

const INSTANCE =
  "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1/24\n}\n";

/** The router that an instance with these further lines becomes, and the notes about the lines. */
const router = (lines: string, before = "") => {
  const { desired, notes } = run(`${before}${INSTANCE}${lines}\n}`);
  return { router: desired?.routers[0], notes: notes.map((note) => note.replace(/^\S+ /, "")) };
};

describe("a whole configuration", () => {
  const text = readFileSync(join(import.meta.dirname, "testdata/office.conf"), "utf8");

  it("becomes resources with the same meaning", () => {
    const expected: unknown = JSON.parse(
      readFileSync(join(import.meta.dirname, "testdata/office.json"), "utf8"),
    );
    assert.deepEqual(run(text).values, expected);
  });

  it("is accounted for: each line is carried, or listed with its reason", () => {
    const lost = run(text).notes.filter((note) => note.includes(" lost "));
    assert.deepEqual(
      lost.map((note) => note.replace(/:.*/, "")),
      [
        "3-3 lost notification_email",
        "4-4 lost smtp_server",
        "6-6 lost enable_script_security",
        "50-52 lost virtual_routes",
        "53-53 lost notify_master",
      ],
    );
  });

  it("is listed as a whole when nothing in it is known", () => {
    const { values, notes } = run("foo bar\nbaz {\n a\n b\n}");
    assert.deepEqual(values, []);
    assert.deepEqual(notes, [
      "1-1 lost foo: is no keyword that the importer knows in keepalived.conf",
      "2-5 lost baz: is no keyword that the importer knows in keepalived.conf",
    ]);
  });
});

describe("vrrp_instance", () => {
  const cases: readonly (readonly [title: string, lines: string, expected: object, note?: RegExp])[] = [
    [
      "has keepalived's defaults",
      "",
      { priority: 100, version: 2, advertisementInterval: 1_000_000, preempt: true },
    ],
    [
      "is the owner with state MASTER and no priority",
      "state MASTER",
      { priority: 255 },
      /changed .* priority 255/,
    ],
    ["follows its priority, not its state", "state MASTER\npriority 90", { priority: 90 }, /needless state/],
    [
      "says its interval as its version can",
      "version 3\nadvert_int 0.2554",
      { advertisementInterval: 260_000 },
      /changed advert_int: 260ms/,
    ],
    [
      "rounds the interval of version 2 as keepalived does",
      "advert_int 1.5",
      { advertisementInterval: 2_000_000 },
      /changed advert_int: 2s/,
    ],
    ["need not preempt", "nopreempt", { preempt: false }],
    [
      "preempts in spite of nopreempt with state MASTER",
      "state MASTER\npriority 9\nnopreempt",
      { preempt: true },
      /needless nopreempt/,
    ],
    ["may wait before it preempts", "preempt_delay 4.12", { preemptDelay: 4_120_000 }],
    [
      "has a password of eight characters in version 2",
      "authentication {\nauth_type PASS\nauth_pass 1234567890\n}",
      { password: "12345678" },
      /changed auth_pass/,
    ],
    [
      "has no password in version 3",
      "version 3\nauthentication {\nauth_pass abc\n}",
      { password: undefined },
      /needless auth_pass/,
    ],
    [
      "has no authentication headers",
      "authentication {\nauth_type AH\nauth_pass abc\n}",
      { password: undefined },
      /lost authentication/,
    ],
    [
      "speaks to peers",
      "unicast_src_ip 192.0.2.2\nunicast_peer {\n192.0.2.3\n192.0.2.4\n}",
      { transport: { type: "unicast", peers: ["192.0.2.3", "192.0.2.4"] }, sourceAddress: "192.0.2.2" },
    ],
    [
      "announces as often as it says",
      "garp_master_repeat 2\ngarp_master_delay 7",
      { gratuitous: { repeat: 2, delay: 7_000_000, interval: 50_000, refresh: 100_000_000 } },
    ],
    [
      "may refresh never",
      "garp_master_refresh 0",
      { gratuitous: { repeat: 5, delay: 5_000_000, interval: 50_000, refresh: 0 } },
    ],
    [
      "tracks further interfaces",
      "track_interface {\neth0\neth1\neth2 weight -5\n}",
      {
        track: [
          { subject: { kind: "interface", name: "eth1" }, effect: { type: "fault" } },
          { subject: { kind: "interface", name: "eth2" }, effect: { type: "weight", weight: 5 } },
        ],
      },
      /needless eth0/,
    ],
    [
      "drops what keepalived does not take either",
      "virtual_router_id 0",
      { vrid: 1 },
      /lost virtual_router_id/,
    ],
  ];
  for (const [title, lines, expected, note] of cases) {
    it(title, () => {
      const outcome = router(lines);
      for (const [key, value] of Object.entries(expected)) {
        assert.deepEqual(Reflect.get(outcome.router ?? {}, key), value, key);
      }
      if (note === undefined) assert.deepEqual(outcome.notes, []);
      else assert.match(outcome.notes.join("\n"), note);
    });
  }

  it("takes its defaults from global_defs", () => {
    const { router: made } = router(
      "",
      "global_defs {\nvrrp_version 3\nvrrp_min_garp\nvrrp_garp_interval 0.01\n}\n",
    );
    assert.equal(made?.version, 3);
    assert.deepEqual(made?.gratuitous, { repeat: 1, delay: 0, interval: 10_000, refresh: 100_000_000 });
  });

  it("keeps devices, labels and prefix lengths of its addresses, /32 where none is written", () => {
    const text =
      "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n192.0.2.2/24 dev eth1 label eth1:a\n192.0.2.3/24 label a\n2001:db8::1/64\n}\nvirtual_ipaddress_excluded {\n2001:db8::2\n}\n}";
    const { desired, notes } = run(text);
    assert.deepEqual(desired?.routers[0]?.addresses, [
      { address: "192.0.2.1", prefixLength: 32 },
      { address: "192.0.2.2", prefixLength: 24, device: "eth1", label: "eth1:a" },
      { address: "192.0.2.3", prefixLength: 24 },
    ]);
    assert.deepEqual(desired?.routers[0]?.unadvertisedAddresses, [
      { address: "2001:db8::2", prefixLength: 128 },
    ]);
    assert.match(notes.join("\n"), /7-7 lost 192.0.2.3\/24: label: "a" must begin with eth0:/);
    assert.match(notes.join("\n"), /8-8 lost 2001:db8::1\/64: the instance is for IPv4/);
  });

  it("is for version 3 when its addresses are IPv6, whatever is written", () => {
    const { desired } = run(
      "vrrp_instance V {\nversion 2\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\nfe80::1\n}\n}",
    );
    assert.equal(desired?.routers[0]?.version, 3);
  });

  it("has a virtual MAC address with use_vmac, on an interface of its own", () => {
    const second = INSTANCE.replace("V {", "W {").replace("eth0", "eth1").replace("2.1", "2.9");
    const { desired, notes } = run(`${INSTANCE}use_vmac\n}\n${second}use_vmac\n}`);
    assert.deepEqual(
      desired?.routers.map(({ virtualMacInterface }) => virtualMacInterface),
      ["vrrp.1", "vrrp.1.2"],
    );
    assert.match(notes.join(), /changed use_vmac: on vrrp.1.2, since another router has vrrp.1/);
    assert.equal(router("use_vmac mac7").router?.virtualMacInterface, "mac7");
    assert.match(router("use_vmac 02:00:00:00:00:01").notes.join(), /lost use_vmac: 02:00:00:00:00:01/);
    assert.match(router("use_vmac\npriority 255").notes.join(), /lost use_vmac: the owner/);
  });

  it("accepts packets to its addresses as accept and no_accept say, the later one", () => {
    assert.equal(router("").router?.acceptMode, true);
    assert.equal(router("accept").router?.acceptMode, true);
    assert.equal(router("no_accept").router?.acceptMode, false);
    assert.equal(router("no_accept\naccept").router?.acceptMode, true);
    assert.equal(router("no_accept\npriority 255").router?.acceptMode, true);
  });

  it("without a number or an address is left out", () => {
    assert.match(
      run("vrrp_instance V {\nvirtual_router_id 1\n}").notes.join(),
      /1-3 lost vrrp_instance: has no virtual_ipaddress/,
    );
    assert.match(
      run("vrrp_instance V {\nvirtual_ipaddress {\n192.0.2.1\n}\n}").notes.join(),
      /has no virtual_router_id/,
    );
  });

  it("holds an address once, however often and wherever it is written", () => {
    const again = "192.0.2.1/24\n192.0.2.1/32\n192.0.2.2\n";
    const text = `${INSTANCE.replace("192.0.2.1/24\n", again)}virtual_ipaddress_excluded {\n192.0.2.2\n}\n}`;
    const other = INSTANCE.replace("V {", "W {")
      .replace("id 1", "id 2")
      .replace("192.0.2.1/24", "192.0.2.2\n192.0.2.3");
    const { desired, notes } = run(`${text}\n${other}}`);
    assert.deepEqual(
      desired?.routers.map((made) =>
        [...made.addresses, ...made.unadvertisedAddresses].map(({ address }) => address),
      ),
      [["192.0.2.1", "192.0.2.2"], ["192.0.2.3"]],
    );
    assert.equal(notes.filter((note) => note.includes("is held already")).length, 3);
  });

  it("that another one contradicts is left out, and the other one stays", () => {
    const { desired, notes } = run(`${INSTANCE}}\n${INSTANCE.replace("V {", "W {").replace("2.1", "2.9")}}`);
    assert.equal(desired?.routers.length, 1);
    const doubtful = INSTANCE.replace("V {", "X {").replace("192.0.2.1/24", "2001:db8::1/64");
    assert.equal(
      run(`${doubtful}}\n${INSTANCE}}\n${INSTANCE.replace("V {", "W {")}}`).desired?.routers.length,
      2,
    );
    assert.match(notes.join("\n"), /lost vrrp_instance: is left out: spec.vrid: /);
  });

  it("gets a name that a resource can have", () => {
    const { desired } = run(
      `${INSTANCE.replace("V {", "VI_1 {")}}\n${INSTANCE.replace("V {", "vi-1 {").replace("id 1", "id 2").replace("2.1", "2.9")}}`,
    );
    assert.deepEqual(
      desired?.routers.map(({ name }) => name),
      ["vi-1", "vi-1-2"],
    );
  });
});

describe("tracked scripts", () => {
  const script = (lines: string): string => `vrrp_script s {\nscript "/bin/true"\n${lines}\n}\n`;
  const effect = (scripts: string, track: string, more = "") => {
    const { router: made, notes } = router(`priority 100\n${more}\ntrack_script {\n${track}\n}`, scripts);
    return { priority: made?.priority, effects: made?.track.map((tracked) => tracked.effect), notes };
  };

  it("without a weight take the router out", () => {
    assert.deepEqual(effect(script(""), "s"), { priority: 100, effects: [{ type: "fault" }], notes: [] });
  });

  it("with a negative weight take it away while they fail", () => {
    assert.deepEqual(effect(script("weight -20"), "s"), {
      priority: 100,
      effects: [{ type: "weight", weight: 20 }],
      notes: [],
    });
  });

  it("with a positive weight give the same priorities, healthy and failed", () => {
    assert.deepEqual(effect(script("weight 20"), "s"), {
      priority: 120,
      effects: [{ type: "weight", weight: 20 }],
      notes: [],
    });
  });

  it("may have another weight where they are tracked", () => {
    assert.deepEqual(effect(script("weight 20"), "s weight -5").effects, [{ type: "weight", weight: 5 }]);
  });

  it("raise the priority to 254 at most, as in keepalived", () => {
    const outcome = effect(script("weight 20"), "s", "priority 250");
    assert.equal(outcome.priority, 254);
    assert.deepEqual(outcome.effects, [{ type: "weight", weight: 4 }]);
    assert.match(outcome.notes.join(), /changed s: raises the priority to 254/);
    assert.deepEqual(effect(script("weight 20"), "s", "priority 234"), {
      priority: 254,
      effects: [{ type: "weight", weight: 20 }],
      notes: [],
    });
  });

  it("do not change the priority of an owner or of a group's member, as in keepalived", () => {
    assert.deepEqual(effect(script("weight 20"), "s", "priority 255").effects, []);
    const { desired } = run(
      `${script("weight 20")}vrrp_sync_group g {\ngroup {\nV\n}\n}\n${INSTANCE}track_script {\ns\n}\n}`,
    );
    assert.deepEqual(desired?.routers[0]?.track, []);
    assert.equal(desired?.routers[0]?.syncGroup, "g");
  });

  it("without a timeout, or with one of nothing, may take an interval", () => {
    const { desired } = run(`${script("interval 3\ntimeout 0")}${INSTANCE}track_script {\ns\n}\n}`);
    assert.equal(desired?.checks[0]?.health.timeout, 3_000_000);
  });

  it("of a group count for each of its members", () => {
    const { desired } = run(
      `${script("weight -20")}vrrp_sync_group g {\ngroup {\nV\n}\ntrack_script {\ns\n}\n}\n${INSTANCE}}`,
    );
    assert.deepEqual(
      desired?.routers[0]?.track.map(({ effect: made }) => made),
      [{ type: "weight", weight: 20 }],
    );
  });

  it("that count the other way round, or do not exist, are listed", () => {
    assert.match(effect(script("weight 2 reverse"), "s").notes.join(), /lost s: reverse/);
    assert.match(effect("", "s").notes.join(), /lost s: there is no such vrrp_script/);
    assert.match(effect(script("weight 300"), "s").notes.join(), /lost weight/);
  });

  it("run at keepalived's times: every second, with the interval as timeout, once for a verdict", () => {
    const { desired } = run(`${script("")}${INSTANCE}track_script {\ns\n}\n}`);
    assert.deepEqual(desired?.checks[0]?.health, {
      probe: { type: "script", command: ["/bin/true"] },
      interval: 1_000_000,
      timeout: 1_000_000,
      retries: 0,
      retryDelay: 0,
      rise: 1,
      fall: 1,
    });
  });

  it("are looked for in PATH when they have none, and read by a shell when they are no program", () => {
    const command = (line: string) =>
      run(`vrrp_script s {\nscript ${line}\n}\n${INSTANCE}track_script {\ns\n}\n}`).desired?.checks[0]?.health
        .probe;
    assert.deepEqual(command('"killall -0 haproxy"'), {
      type: "script",
      command: ["/usr/bin/env", "killall", "-0", "haproxy"],
    });
    assert.deepEqual(command('"</dev/tcp/127.0.0.1/80"'), {
      type: "script",
      command: ["/bin/sh", "-c", "</dev/tcp/127.0.0.1/80"],
    });
    assert.deepEqual(command("/bin/a b"), { type: "script", command: ["/bin/a"] });
  });

  it("that nothing tracks are not asked", () => {
    const { desired, notes } = run(`${script("")}${INSTANCE}}`);
    assert.deepEqual(desired?.checks, []);
    assert.match(notes.join(), /needless vrrp_script/);
  });
});
