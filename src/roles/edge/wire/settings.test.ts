import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { onePort } from "#core/balance/ports";
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { type SysctlKey, sysctlKey } from "#core/sysctl/key";
import { FakeSysctl } from "#drivers/sysctl/fake";
import type { SysctlPort } from "#drivers/sysctl/port";
import { address } from "#testing/values";
import { createSettings } from "./settings.ts";

const parent = mkdtempSync(join(tmpdir(), "steelyard-settings-"));
after(() => rmSync(parent, { recursive: true }));

const FORWARDING = sysctlKey("net", "ipv4", "conf", "eth0", "forwarding");
const REDIRECTS = sysctlKey("net", "ipv4", "conf", "eth0", "send_redirects");
const ALL_REDIRECTS = sysctlKey("net", "ipv4", "conf", "all", "send_redirects");
const LOOSE = sysctlKey("net", "netfilter", "nf_conntrack_tcp_loose");

const BRIDGE_FILTER = sysctlKey("net", "bridge", "bridge-nf-call-iptables");

const kernel = (): FakeSysctl =>
  new FakeSysctl(
    new Map<SysctlKey, string>([
      [FORWARDING, "0"],
      [REDIRECTS, "0"],
      [ALL_REDIRECTS, "0"],
      [LOOSE, "1"],
      [BRIDGE_FILTER, "0"],
    ]),
  );

const DESIRED: Desired = {
  ...{ syncs: [], peers: [], routes: [] },
  ...{ routers: [], checks: [] },
  servers: [
    {
      ...{
        name: "web",
        address: address("192.0.2.100"),
        protocol: "tcp",
        ports: onePort(80),
        mode: "masquerade",
      },
      scheduler: { type: "round-robin" },
      backends: [{ name: "a", address: address("192.0.2.11"), port: 80, weight: 1 }],
    },
  ],
};

const bench = (sysctl: SysctlPort, directory = mkdtempSync(join(parent, "run-"))) => {
  const events: Event[] = [];
  const host = { interfaces: ["eth0"], bridges: ["eth0"], ingress: () => ["eth0"], egress: () => "eth0" };
  const settings = createSettings({
    ...{ sysctl, host: () => host, directory },
    emit: (event) => void events.push(event),
  });
  const said = (): readonly string[] =>
    events
      .splice(0)
      .map((event) => (event.type === "sysctl" ? `${event.setting} ${event.change}` : event.type));
  return { settings, said, directory, record: join(directory, "sysctls.json") };
};

const settingOf = (sysctl: SysctlPort, key: SysctlKey): string | undefined => {
  const observed = sysctl.observe([key]);
  assert.ok(observed.ok);
  return observed.value.get(key);
};

describe("kernel settings", () => {
  it("were set back by somebody also when that is seen as the same is applied again", () => {
    const sysctl = kernel();
    const { settings, said } = bench(sysctl);
    sysctl.write(FORWARDING, "1");
    settings.apply(DESIRED);
    assert.ok(!said().some((each) => each.includes("forwarding")));
    sysctl.write(FORWARDING, "0");
    settings.apply(DESIRED);
    assert.deepEqual(said(), [`${FORWARDING} repaired`]);
  });

  it("are set again when somebody sets them back, and that is said", () => {
    const sysctl = kernel();
    const { settings, said } = bench(sysctl);
    settings.recheck();
    settings.apply(DESIRED);
    settings.recheck();
    assert.deepEqual(said(), ["net/ipv4/conf/eth0/forwarding set"]);
    sysctl.write(FORWARDING, "0");
    settings.recheck();
    assert.deepEqual(
      [settingOf(sysctl, FORWARDING), said()],
      ["1", ["net/ipv4/conf/eth0/forwarding repaired"]],
    );
    settings.restore();
    assert.equal(settingOf(sysctl, FORWARDING), "0");
  });

  it("that were right from the start, and that somebody changes, are repaired rather than set", () => {
    const sysctl = kernel();
    sysctl.write(FORWARDING, "1");
    const { settings, said } = bench(sysctl);
    settings.apply(DESIRED);
    settings.recheck();
    assert.deepEqual(said(), []);
    sysctl.write(FORWARDING, "0");
    settings.recheck();
    assert.deepEqual(said(), ["net/ipv4/conf/eth0/forwarding repaired"]);
  });

  it("that hinder are left to the operator, and said once, until they are out of the way", () => {
    const sysctl = kernel();
    sysctl.write(BRIDGE_FILTER, "1");
    const { settings, said } = bench(sysctl);
    settings.apply(DESIRED);
    settings.recheck();
    const words = `${BRIDGE_FILTER} failed`;
    assert.deepEqual(said(), ["net/ipv4/conf/eth0/forwarding set", words]);
    assert.equal(settingOf(sysctl, BRIDGE_FILTER), "1");
    for (const value of ["0", "1"]) {
      sysctl.write(BRIDGE_FILTER, value);
      settings.recheck();
    }
    assert.deepEqual(said(), [words]);
  });

  it("are set once, with the former value on disk before", () => {
    const sysctl = kernel();
    const { settings, said, record } = bench({
      observe: (keys) => sysctl.observe(keys),
      write(key, value) {
        assert.match(readFileSync(record, "utf8"), /"from": "0"/);
        return sysctl.write(key, value);
      },
    });
    settings.apply(DESIRED);
    settings.apply(DESIRED);
    assert.deepEqual(said(), [`${FORWARDING} set`]);
    assert.equal(settingOf(sysctl, FORWARDING), "1");
  });

  it("are put back, and the record goes", () => {
    const sysctl = kernel();
    const { settings, said, record } = bench(sysctl);
    settings.apply(DESIRED);
    settings.restore();
    assert.equal(settingOf(sysctl, FORWARDING), "0");
    assert.deepEqual(said(), [`${FORWARDING} set`, `${FORWARDING} restored`]);
    assert.ok(!existsSync(record));
  });

  it("are put back by the next run of the program after SIGKILL, to what was there before the first", () => {
    const sysctl = kernel();
    const first = bench(sysctl);
    first.settings.apply(DESIRED);
    const second = bench(sysctl, first.directory);
    second.settings.apply(DESIRED);
    assert.deepEqual(second.said(), []);
    second.settings.restore();
    assert.equal(settingOf(sysctl, FORWARDING), "0");
  });

  it("that somebody else has changed since stay as they are", () => {
    const sysctl = kernel();
    const { settings, said } = bench(sysctl);
    settings.apply(DESIRED);
    said();
    sysctl.write(FORWARDING, "2");
    settings.restore();
    assert.equal(settingOf(sysctl, FORWARDING), "2");
    assert.deepEqual(said(), []);
  });

  it("that cannot be put back stay in the record for the next run", () => {
    const sysctl = kernel();
    const { settings, said, record } = bench(sysctl);
    settings.apply(DESIRED);
    said();
    sysctl.refuseWrites("EROFS");
    settings.restore();
    assert.deepEqual(said(), [`${FORWARDING} failed`]);
    assert.ok(existsSync(record));
  });

  it("that cannot be set are said once, and set when that is possible", () => {
    const sysctl = kernel();
    const { settings, said } = bench(sysctl);
    sysctl.refuseWrites("EROFS");
    settings.apply(DESIRED);
    settings.apply(DESIRED);
    assert.deepEqual(said(), [`${FORWARDING} failed`]);
    sysctl.refuseWrites(undefined);
    settings.apply(DESIRED);
    assert.deepEqual(said(), [`${FORWARDING} set`]);
  });

  it("that the kernel does not have are said once", () => {
    const { settings, said } = bench(new FakeSysctl());
    settings.apply(DESIRED);
    settings.apply(DESIRED);
    assert.deepEqual(
      said().filter((text) => text.startsWith(FORWARDING)),
      [`${FORWARDING} failed`],
    );
  });

  it("are not written where a record that was tampered with would lead", () => {
    for (const text of ["{", "{}", '[1, {"key": "../../etc/passwd", "from": "a", "to": "b"}]']) {
      const sysctl = kernel();
      const directory = mkdtempSync(join(parent, "bad-"));
      writeFileSync(join(directory, "sysctls.json"), text);
      const { settings, said } = bench(sysctl, directory);
      settings.restore();
      assert.deepEqual(said(), [], text);
    }
  });
});
