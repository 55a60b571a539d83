import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { parse } from "yaml";
import { ended, openHost } from "./test-tls-fix.ts";

const CONFIG = "/etc/rancher/k3s/config.yaml";
const NAMES = ["kubernetes", "n1", "127.0.0.1"];

const TEXT = `# the lab
token: very-secret-token
tls-san:
  - k3s.example.org   # for people
disable: [traefik]
`;

/** With what k3s' own unit has that looks like more than it is. */
const UNIT = `# /etc/systemd/system/k3s.service
# --tls-san was here once
ExecStartPre=/bin/sh -c 'test -e /dev/kmsg'
ExecStart=/usr/local/bin/k3s \\
    server \\
`;

/** A server of k3s whose service, restarted, presents what `tls-san` says. */
const openK3s = async (test: TestContext, { unit = UNIT, serves = true } = {}) => {
  const host = await openHost(test, {
    systemctl: ([verb]) => {
      if (verb === "cat") return ended(0, unit);
      const sans = (parse(host.read(CONFIG)) as { "tls-san"?: string[] })["tls-san"] ?? [];
      if (serves) host.apiServer.present([...NAMES, ...sans]);
      return ended(0);
    },
  });
  mkdirSync(host.path("/var/lib/rancher/k3s/server"), { recursive: true });
  host.write("/etc/rancher/k3s/k3s.yaml", host.kubeconfig);
  return host;
};

describe("`tls fix` on a server of k3s", () => {
  it("adds the address, keeps a copy, restarts the service and waits for the new certificate", async (test) => {
    const { write, fix, read, path, apiServer } = await openK3s(test);
    write(CONFIG, TEXT, 0o640);
    const { status, text, calls } = await fix();
    assert.equal(status, 0, text);
    assert.equal(read(CONFIG), TEXT.replace("for people\n", "for people\n  - 192.0.2.253\n"));
    assert.equal(read(`${CONFIG}.steelyard-20270101T000000Z`), TEXT);
    assert.equal(statSync(path(CONFIG)).mode & 0o777, 0o640);
    assert.deepEqual(calls, [
      ["systemctl", "cat", "k3s"],
      ["systemctl", "restart", "k3s"],
    ]);
    assert.match(text, /\+ +5 {4}- 192\.0\.2\.253/);
    assert.ok(!text.includes("very-secret-token"));
    assert.ok(apiServer.asked.every((each) => each === "GET /readyz"));
  });

  it("does nothing the second time", async (test) => {
    const { write, fix, path } = await openK3s(test);
    write(CONFIG, TEXT);
    await fix();
    const before = readdirSync(path("/etc/rancher/k3s"));
    const { status, text, calls } = await fix();
    assert.equal(status, 0);
    assert.match(text, /nothing to do/);
    assert.deepEqual(calls, [["systemctl", "cat", "k3s"]]);
    assert.deepEqual(readdirSync(path("/etc/rancher/k3s")), before);
  });

  it("goes on where it was killed: the list is right, the certificate not yet", async (test) => {
    const { write, fix, read } = await openK3s(test);
    write(
      CONFIG,
      `${TEXT}tls-san+: []\n`.replace("tls-san+: []\n", "").replace("k3s.example.org   #", "192.0.2.253   #"),
    );
    const before = read(CONFIG);
    const { status, calls } = await fix();
    assert.equal(status, 0);
    assert.equal(read(CONFIG), before);
    assert.deepEqual(calls.at(-1), ["systemctl", "restart", "k3s"]);
  });

  it("shows what it would do, and does nothing", async (test) => {
    const { write, fix, read, path } = await openK3s(test);
    write(CONFIG, TEXT);
    const { status, text, calls } = await fix({ dryRun: true });
    assert.equal(status, 0);
    assert.match(text, /192\.0\.2\.253[\s\S]*would restart k3s/);
    assert.deepEqual([read(CONFIG), calls], [TEXT, [["systemctl", "cat", "k3s"]]]);
    assert.deepEqual(readdirSync(path("/etc/rancher/k3s")).sort(), ["config.yaml", "k3s.yaml"]);
  });

  it("makes the file where there is none, and writes the one of several that counts, behind its link", async (test) => {
    const { write, fix, read, path } = await openK3s(test);
    assert.equal((await fix()).status, 0);
    assert.deepEqual(parse(read(CONFIG)), { "tls-san": ["192.0.2.253"] });
    assert.equal(statSync(path(CONFIG)).mode & 0o777, 0o600);
    write(CONFIG, TEXT);
    write("/srv/20-lab.yaml", "tls-san+: [192.0.2.9]\n");
    mkdirSync(path(`${CONFIG}.d`), { recursive: true });
    symlinkSync(path("/srv/20-lab.yaml"), path(`${CONFIG}.d/20-lab.yaml`));
    const { status } = await fix({ dryRun: false, address: ["192.0.2.254"], wait: "1" });
    assert.equal(status, 1, "this service does not read the directory, and so the certificate does not come");
    assert.equal(read("/srv/20-lab.yaml"), "tls-san+: [192.0.2.9, 192.0.2.254]\n");
    assert.ok(lstatSync(path(`${CONFIG}.d/20-lab.yaml`)).isSymbolicLink());
    assert.equal(read(CONFIG), TEXT);
  });

  it("touches nothing while the API server is not well", async (test) => {
    const { write, fix, read, apiServer } = await openK3s(test);
    write(CONFIG, TEXT);
    apiServer.ready = 500;
    for (const dryRun of [true, false]) {
      const { status, text } = await fix({ dryRun });
      assert.deepEqual([status, read(CONFIG)], [1, TEXT]);
      assert.match(text, /not well \(not-ready: status 500\)\. Nothing was changed/);
    }
    apiServer.close();
    assert.equal((await fix()).status, 1);
  });

  it("says how to go back when the certificate does not come", async (test) => {
    const { write, fix, read } = await openK3s(test, { serves: false });
    write(CONFIG, TEXT);
    const { status, text } = await fix({ wait: "1" });
    assert.equal(status, 1);
    assert.match(text, /still lacks 192\.0\.2\.253/);
    assert.match(text, /To go back: cp -p .*steelyard-20270101T000000Z .* && systemctl restart k3s/);
    assert.match(read(CONFIG), /192\.0\.2\.253/);
  });

  it("prints commands where the unit's command line or another file decides", async (test) => {
    for (const unit of [
      "ExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--tls-san' \\\n\t'192.0.2.9' \\\n",
      "ExecStart=/usr/local/bin/k3s server --config /srv/k3s.yaml\n",
      "Environment=K3S_CONFIG_FILE=/srv/k3s.yaml\n",
    ]) {
      const { write, fix, read } = await openK3s(test, { unit });
      write(CONFIG, TEXT);
      const { status, text, calls } = await fix();
      assert.deepEqual([status, read(CONFIG), calls.length], [2, TEXT, 1], text);
      assert.match(text, /systemctl restart k3s/);
    }
  });

  /** As k3s' own installer writes it. */
  const FILES =
    "EnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/sysconfig/%N\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\n";

  it("reads the unit's files of variables, of which some are missing", async (test) => {
    const { write, fix, read } = await openK3s(test, { unit: `${FILES}${UNIT}` });
    write(CONFIG, TEXT);
    write(
      "/etc/systemd/system/k3s.service.env",
      "K3S_TOKEN=very-secret-token\n# K3S_CONFIG_FILE=/old.yaml\n",
    );
    const { status, text } = await fix();
    assert.equal(status, 0, text);
    assert.notEqual(read(CONFIG), TEXT);
  });

  it("prints commands where such a file names another configuration, or may", async (test) => {
    const TOKEN = "K3S_TOKEN=very-secret-token\n";
    for (const [unit, file, content, says] of [
      [
        FILES,
        "/etc/default/k3s",
        `${TOKEN}K3S_CONFIG_FILE=/srv/k3s.yaml\n`,
        /\(\/etc\/default\/k3s names it/,
      ],
      [FILES, "/etc/default/k3s", `${TOKEN}ARGS="--tls-san 192.0.2.9"\n`, /editor \/etc\/default\/k3s/],
      [
        "EnvironmentFile=-/etc/k3s.d/*.env\n",
        "/etc/k3s.d/a.env",
        "K3S_CONFIG_FILE='/a'\n",
        /a\.env names it/,
      ],
      [FILES, "/etc/sysconfig/k3s", "ARGS='--config /srv/k3s.yaml'\n", /sysconfig\/k3s names it/],
      ["EnvironmentFile=/etc/gone\n", "/etc/other", "", /\/etc\/gone is missing/],
      ["EnvironmentFile=/etc/%H\n", "/etc/other", "", /EnvironmentFile=\/etc\/%H is not understood/],
      [
        "EnvironmentFile=-/etc/large\n",
        "/etc/large",
        "#".repeat(300_000),
        /\/etc\/large is no file of at most/,
      ],
    ] as const) {
      const host = await openK3s(test, { unit: `${unit}${UNIT}` });
      host.write(CONFIG, TEXT);
      host.write(file, content);
      const { status, text, calls } = await host.fix();
      assert.deepEqual([status, host.read(CONFIG), calls.length], [2, TEXT, 1], text);
      assert.match(text, says);
      assert.match(text, /systemctl restart k3s/);
      assert.ok(!text.includes("very-secret-token"));
    }
  });

  it("does not read a file of variables that a later line forgets", async (test) => {
    const unit = "EnvironmentFile=/etc/default/k3s\nEnvironmentFile=\n";
    const { write, fix } = await openK3s(test, { unit: `${unit}${UNIT}` });
    write(CONFIG, TEXT);
    write("/etc/default/k3s", "K3S_CONFIG_FILE=/srv/k3s.yaml\n");
    const { status, text } = await fix();
    assert.equal(status, 0, text);
  });

  it("leaves a file alone that it cannot read or change safely", async (test) => {
    const { write, fix, read } = await openK3s(test);
    for (const bad of ["tls-san: {a: b}\n", "token: [very-secret-token\n"]) {
      write(CONFIG, bad);
      const { status, text } = await fix();
      assert.deepEqual([status, read(CONFIG)], [1, bad], text);
      assert.match(text, /Nothing was changed/);
      assert.ok(!text.includes("very-secret-token"));
    }
  });

  it("asks which it is where there is none, or more than one", async (test) => {
    const host = await openK3s(test);
    mkdirSync(host.path("/var/lib/rancher/rke2/server"), { recursive: true });
    assert.match((await host.fix()).text, /k3s and rke2 are found here: name it with --distribution/);
    rmSync(host.path("/var"), { recursive: true });
    const { status, text } = await host.fix();
    assert.deepEqual([status, /No API server/.test(text)], [2, true]);
    host.write("/etc/rancher/rke2/rke2.yaml", host.kubeconfig);
    renameSync(host.path("/etc/rancher/k3s"), host.path("/etc/rancher/old"));
    const rke2 = await host.fix({ distribution: "rke2", dryRun: true });
    assert.equal(rke2.status, 0, rke2.text);
    assert.match(rke2.text, /would restart rke2-server/);
  });

  it("refuses a command line that it does not understand, all at once", async (test) => {
    const { fix } = await openK3s(test);
    const { status, text } = await fix({ address: [], apiServer: "x y", wait: "0" });
    assert.deepEqual([status, text.split("\n").length], [2, 3], text);
  });
});

describe("`tls fix --ssh`", () => {
  const HOSTS = ["root@n1", "root@n2", "root@n3"];

  /** Hosts by ssh: what each ends with, first asked and then told. */
  const remote = async (test: TestContext, statuses: Readonly<Record<string, readonly [number, number]>>) => {
    const host = await openHost(test, {
      ssh: (args) => {
        const [target = "", line = ""] = args.slice(-2);
        const status = statuses[target]?.[line.includes("--dry-run") ? 0 : 1] ?? 255;
        return ended(status, `line of ${target}\n`);
      },
    });
    const { status, text, calls } = await host.fix({ ssh: HOSTS, kubeadmConfig: "/root/my file.yaml" });
    const steps = calls.map(
      (call) => `${call.at(-2)} ${call.at(-1)?.includes("--dry-run") ? "asked" : "told"}`,
    );
    return { status, text, calls, steps };
  };

  it("asks all hosts first, and then has one after the other do it", async (test) => {
    const { status, text, calls, steps } = await remote(test, {
      "root@n1": [0, 0],
      "root@n2": [0, 0],
      "root@n3": [0, 0],
    });
    assert.equal(status, 0, text);
    assert.deepEqual(steps, [
      ...HOSTS.map((host) => `${host} asked`),
      ...HOSTS.map((host) => `${host} told`),
    ]);
    assert.match(
      calls[0]?.at(-1) ?? "",
      /^sudo -n steelyard tls fix .*--address 192\.0\.2\.253 --kubeadm-config '\/root\/my file\.yaml' --dry-run$/,
    );
    assert.match(text, /^root@n1: line of root@n1$/m);
  });

  it("is understood word by word by the shell there", async (test) => {
    const lines: string[] = [];
    const host = await openHost(test, {
      ssh: (args) => {
        lines.push(args.at(-1) ?? "");
        return ended(0);
      },
    });
    const kubeadmConfig = "/root/it's; my $HOME/`file`.yaml";
    await host.fix({ ssh: ["root@n1"], kubeadmConfig, dryRun: true });
    const words = execFileSync("sh", ["-c", `printf '%s\\n' ${lines[0]}`], { encoding: "utf8" }).split("\n");
    assert.deepEqual(words.slice(0, 5), ["sudo", "-n", "steelyard", "tls", "fix"]);
    assert.ok(words.includes(kubeadmConfig), words.join("|"));
  });

  it("touches nobody when one is not well", async (test) => {
    const { status, text, steps } = await remote(test, {
      "root@n1": [0, 0],
      "root@n2": [1, 0],
      "root@n3": [0, 0],
    });
    assert.equal(status, 1);
    assert.deepEqual(steps, ["root@n1 asked", "root@n2 asked"]);
    assert.match(text, /Nothing was changed on any host/);
  });

  it("stops at the first that fails, and names those that it did not touch", async (test) => {
    const { status, text, steps } = await remote(test, {
      "root@n1": [0, 0],
      "root@n2": [0, 1],
      "root@n3": [0, 0],
    });
    assert.equal(status, 1);
    assert.deepEqual(steps.slice(3), ["root@n1 told", "root@n2 told"]);
    assert.match(text, /Stopped at root@n2; not touched: root@n3/);
  });

  it("says what ssh could not do", async (test) => {
    assert.match((await remote(test, {})).text, /root@n1: ssh did not get there/);
    assert.match((await remote(test, { "root@n1": [127, 0] })).text, /no steelyard there/);
    const host = await openHost(test, {});
    assert.match((await host.fix({ ssh: ["root@n1"] })).text, /ssh is not installed/);
    assert.equal((await host.fix({ ssh: ["-oProxyCommand=reboot"] })).status, 2);
  });
});
