/** The Ansible collection against three control-plane hosts: the address of the API servers, from nothing to nothing. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import { VERSION } from "#base/version";
import { openSite, type Run, type Site } from "./site.ts";

const ROOT = join(import.meta.dirname, "../..");
const VIP = "10.9.0.253";
const IMAGE = "registry.example.org/steelyard:1";
const MANIFESTS = "/var/lib/rancher/k3s/server/manifests";
const HOSTS = ["k1", "k2", "k3"];
const NEXT = `${VERSION}+next`;

const folder = mkdtempSync(join(tmpdir(), "steelyard-ansible-"));
let deb = "";
let site: Site;

/**
 * In the place of an API server: what accepts connections on its port, and answers datagrams on port 9000 for a client that
 * counts them.
 */
const SERVER = `
import socket, threading, http.server
def echo():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", 9000))
    while True:
        s.sendto(b"k", s.recvfrom(100)[1])
threading.Thread(target=echo, daemon=True).start()
http.server.HTTPServer(("0.0.0.0", 6443), http.server.SimpleHTTPRequestHandler).serve_forever()
`;

/**
 * In the place of the kernel's loader, for all machines are on one kernel, which may have nothing that could be loaded. Says as
 * the real one does what it loads, and keeps in mind how it was asked.
 */
const MODPROBE = `#!/bin/sh
for name; do :; done
if [ -e "/root/loaded/$name" ]; then exit; fi
echo "insmod /lib/modules/1/$name.ko"
case " $* " in *" --dry-run "*) exit ;; esac
mkdir -p /root/loaded && echo "$*" >"/root/loaded/$name"
`;

before(async () => {
  const script = join(ROOT, "scripts/build-deb.ts");
  const built = spawnSync(process.execPath, [script, "--fast", "--output", folder], { encoding: "utf8" });
  assert.equal(built.status, 0, built.stderr);
  deb = built.stdout.trim();
  site = await openSite(HOSTS);
  writeFileSync(join(folder, "server.py"), SERVER);
  writeFileSync(join(folder, "modprobe"), MODPROBE, { mode: 0o755 });
  for (const name of HOSTS) {
    for (const file of ["server.py", "modprobe"]) site.machine(name).copy(join(folder, file), file);
    site.machine(name).run("install /root/modprobe /usr/local/sbin/modprobe");
    site.machine(name).run("systemd-run --quiet --unit api-server python3 /root/server.py");
  }
});
after(async () => {
  await site?.close();
  rmSync(folder, { recursive: true });
});

/** The inventory, with what a change of the endpoint and of variables adds to it. */
const tell = (spec: object = {}, vars: object = {}): void => {
  const hosts = HOSTS.map((name, index) => [name, { ansible_host: `10.9.0.${11 + index}` }]);
  site.inventory({
    steelyard_control_plane: {
      hosts: Object.fromEntries(hosts),
      vars: {
        steelyard_package: deb,
        steelyard_vip_addresses: [`${VIP}/24`],
        steelyard_vip_interface: "eth0",
        steelyard_speaker_image: IMAGE,
        steelyard_speaker_pools: { lan: ["10.9.0.100-10.9.0.120"] },
        steelyard_vip_spec: {
          ...{ advertisementInterval: "500ms", apiServer: { check: "tcp" } },
          ...spec,
        },
        ...vars,
      },
    },
  });
};

const FAMILIES = {
  steelyard_vip_addresses: [`${VIP}/24`, "fd09::253/64"],
  steelyard_vip_peers: [11, 12, 13].flatMap((end) => [`10.9.0.${end}`, `fd09::${end}`]),
};

/** One that this kernel has, in the other spelling of its name, and one that it has not. */
const modules = (): readonly string[] => {
  const present = readdirSync("/sys/module").find((name) => name.includes("_"));
  assert.ok(present !== undefined, "a kernel without any module");
  return [present.replaceAll("_", "-"), "steelyard_absent"];
};

/** All that a host may be given beside its endpoint. */
const beside = (): object => ({
  steelyard_package: nextPackage(),
  steelyard_vip_dropin: "[Service]\nEnvironment=OF_DROPIN=1\n",
  steelyard_files: [{ name: "cluster-ca.crt", content: "an authority", mode: "0644" }],
  steelyard_modules: modules(),
});

const succeed = (run: Run): Run => {
  assert.equal(run.status, 0, run.output);
  return run;
};

const changes = ({ hosts }: Run): object =>
  Object.fromEntries([...hosts].map(([name, { changed }]) => [name, changed]));

/** The hosts that have the address. */
const holders = (): readonly string[] =>
  HOSTS.filter((name) => site.machine(name).run("ip -o address").includes(`${VIP}/`));

const configuration = (name: string): string => site.machine(name).run("cat /etc/steelyard/vip.yaml");

const mainPid = (name: string): string => site.machine(name).run("systemctl show -P MainPID steelyard-vip");

const environment = (name: string): string =>
  site.machine(name).run(`tr '\\0' '\\n' <"/proc/$(systemctl show -P MainPID steelyard-vip)/environ"`);

/** The version of the package, and whether what runs was removed from the disk since it started. */
const program = (name: string): string =>
  site.machine(name).run(
    `dpkg-query --show --showformat='\${Version}' steelyard
       readlink "/proc/$(systemctl show -P MainPID steelyard-vip)/exe" | sed -n 's/.* (deleted)$/, and another runs/p'`,
  );

/** The same program in a package of the next version. */
const nextPackage = (): string => {
  const [unpacked, packed] = [join(folder, "next"), join(folder, "next.deb")];
  const script = `dpkg-deb --raw-extract "$1" "$2" && sed -i 's/^Version: .*/Version: ${NEXT}/' "$2/DEBIAN/control" &&
    dpkg-deb -Zgzip -z1 --root-owner-group --build "$2" "$3"`;
  const made = spawnSync("sh", ["-c", script, "sh", deb, unpacked, packed], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  return packed;
};

const loaded = (name: string): string => site.machine(name).run("cat /root/loaded/* 2>/dev/null || true");

const leftOn = (name: string): string =>
  site.machine(name).run(
    `find /etc /opt /run /usr/bin /usr/lib /usr/local /usr/share/doc /var/cache /var/lib -xdev -iname '*steelyard*'
       getent passwd steelyard; getent group steelyard; nft list tables`,
  );

describe("the playbook for control-plane hosts", () => {
  const fresh = new Map<string, string>();

  it("refuses peers of a family that are not one for each host", async () => {
    tell({}, { ...FAMILIES, steelyard_vip_peers: FAMILIES.steelyard_vip_peers.slice(1) });
    const run = await site.play("control_plane");
    assert.notEqual(run.status, 0);
    assert.match(run.output, /steelyard_vip_peers must name one address for each of k1, k2, k3 in IPv4, in/);
  });

  it("puts the address of the API servers on one of three fresh machines, and with the whole site what runs in the cluster", async () => {
    for (const name of HOSTS) fresh.set(name, leftOn(name));
    site.machine("k1").run(`mkdir -p ${MANIFESTS}`);
    tell();
    succeed(await site.play("site"));
    assert.match(site.machine("k1").run(`ls ${MANIFESTS}`), /steelyard-2-system\.yaml/);
    assert.equal(holders().length, 1);
    assert.match(site.fetch(`http://${VIP}:6443/`) ?? "", /Directory listing/);
    for (const name of HOSTS) {
      const links = site.machine(name).run("ls /etc/systemd/system/multi-user.target.wants");
      assert.match(links, /steelyard-vip\.service/, "with the machine");
    }
  });

  it("finds nothing to change the second time", async () => {
    const run = succeed(await site.play("site"));
    assert.deepEqual(changes(run), { k1: 0, k2: 0, k3: 0 });
    site.machine("k1").run("rm -r /var/lib/rancher");
  });

  it("restarts what a run that was killed before its handlers has left: a drop-in that is there, or is gone", async () => {
    const [standby = ""] = HOSTS.filter((name) => !holders().includes(name));
    const { run: sh } = site.machine(standby);
    const [place, dropin] = [
      "/etc/systemd/system/steelyard-vip.service.d",
      "[Service]\nEnvironment=OF_DROPIN=1\n",
    ];
    const again = async (): Promise<number> => {
      const run = succeed(await site.play("control_plane", "--limit", standby));
      return run.hosts.get(standby)?.changed ?? assert.fail(run.output);
    };
    tell({}, { steelyard_vip_dropin: dropin });
    sh(`mkdir ${place} && printf '${dropin.replaceAll("\n", "\\n")}' >${place}/ansible.conf`);
    assert.ok((await again()) > 0);
    assert.match(environment(standby), /^OF_DROPIN=1$/m);
    assert.equal(await again(), 0);
    tell();
    await pause(1_100);
    sh(`rm ${place}/ansible.conf && systemctl daemon-reload`);
    assert.ok((await again()) > 0);
    assert.doesNotMatch(environment(standby), /OF_DROPIN/);
    assert.equal(await again(), 0);
    sh(`rmdir ${place}`);
  });

  it("says in check mode what an address of the other family and a module would change, and changes nothing", async () => {
    const was = HOSTS.map(configuration);
    tell({}, { ...FAMILIES, steelyard_modules: modules() });
    const run = succeed(await site.play("control_plane", "--check"));
    for (const [name, { changed }] of run.hosts) assert.ok(changed > 0, name);
    assert.match(run.output, /^\+.*fd09::253\/64/m);
    assert.deepEqual(HOSTS.map(configuration), was);
    assert.deepEqual(HOSTS.map(loaded), ["", "", ""]);
    site.machine("k1").run("test -e /etc/modules-load.d/steelyard.conf", 1);
    tell({}, FAMILIES);
  });

  it("leaves the configuration alone when it is given the tags of other parts", async () => {
    const run = succeed(await site.play("control_plane", "--tags", "install,system,service"));
    assert.deepEqual(changes(run), { k1: 0, k2: 0, k3: 0 });
  });

  it("goes from host to host with a change, the next version, a drop-in, a file and modules, the one that holds the address last, and loses no packet", async () => {
    const [holder] = holders();
    const pids = HOSTS.map(mainPid);
    tell({ advertisementInterval: "400ms" }, beside());
    const probing = await site.probe(VIP, 9000);
    await pause(1_000);
    const run = succeed(await site.play("control_plane"));
    const { sent, answers } = await probing.end();
    assert.ok(sent > 100);
    assert.equal(sent - answers.length, 0, run.output);
    assert.deepEqual(holders(), [holder]);
    const order = Array.from(
      run.output.matchAll(/Write the configuration\].*\n(?:[^T].*\n|\n)*?changed: \[(k\d)\]/g),
      ([, name]) => name,
    );
    // The others come as they were looked at.
    assert.deepEqual([...order].sort(), HOSTS);
    assert.equal(order.at(-1), holder);
    assert.ok(!run.output.includes("an authority"), "what is given as text may be a secret");
    const [present, absent] = modules();
    for (const [index, name] of HOSTS.entries()) {
      assert.notEqual(mainPid(name), pids[index], "the new program runs");
      assert.equal(program(name), NEXT);
      const { run: sh } = site.machine(name);
      assert.match(environment(name), /^OF_DROPIN=1$/m);
      assert.equal(
        sh("stat -c '%a %U %G' /etc/steelyard/cluster-ca.crt; cat /etc/steelyard/cluster-ca.crt"),
        "644 root steelyard\nan authority",
      );
      assert.equal(sh("cat /etc/modules-load.d/steelyard.conf"), `${present}\n${absent}\n`);
      assert.equal(loaded(name), `--verbose -- ${absent}\n`, "only what is not there");
    }
  });

  it("finds nothing of all that to change the second time", async () => {
    const [holder = ""] = holders();
    const run = succeed(await site.play("control_plane", "--limit", holder));
    assert.deepEqual(changes(run), { [holder]: 0 });
  });

  it("takes the host with the address back to the program, the unit and the modules from before, and loses no packet", async () => {
    const [holder = ""] = holders();
    tell({ advertisementInterval: "400ms" });
    const probing = await site.probe(VIP, 9000);
    await pause(1_000);
    const run = succeed(await site.play("control_plane", "--limit", holder));
    const { sent, answers } = await probing.end();
    assert.ok(sent > 100);
    assert.equal(sent - answers.length, 0, run.output);
    assert.deepEqual(holders(), [holder]);
    assert.equal(program(holder), VERSION);
    const { run: sh } = site.machine(holder);
    assert.doesNotMatch(environment(holder), /OF_DROPIN/);
    sh("test -e /etc/modules-load.d/steelyard.conf", 1);
    assert.equal(sh("cat /etc/steelyard/cluster-ca.crt"), "an authority", "stays until all of it is removed");
  });

  it("removes all of it", async () => {
    succeed(await site.play("control_plane", "--extra-vars", "steelyard_state=absent"));
    assert.deepEqual(holders(), []);
    for (const name of HOSTS) assert.equal(leftOn(name), fresh.get(name), name);
  });
});

const objects = (text: string): readonly unknown[] =>
  parseAllDocuments(text).map((document) => document.toJS());

const packaged = (path: string): readonly unknown[] =>
  objects(readFileSync(join(ROOT, "packaging", path), "utf8").replaceAll("localhost/steelyard:0.1.0", IMAGE));

/** What the first server is to apply; comments alone are no object. */
const written = (name: string): readonly unknown[] =>
  objects(site.machine("k1").run(`cat ${MANIFESTS}/${name}.yaml`)).filter((object) => object !== null);

/** The others get no manifests. */
const FIRST = ["--limit", "k1"];

describe("the playbook for the cluster", () => {
  it("says what is missing where there is no k3s", async () => {
    tell();
    const run = await site.play("cluster", ...FIRST);
    assert.notEqual(run.status, 0);
    assert.match(
      run.output,
      /k1 has no folder .*k3s\/server\/manifests or .*: install k3s or RKE2 there first/,
    );
  });

  it("gives the first server the manifests of this version, with a key, and changes nothing the second time", async () => {
    site.machine("k1").run(`mkdir -p ${MANIFESTS}`);
    succeed(await site.play("cluster", ...FIRST));
    const definitions = globSync("packaging/crds/*.yaml", { cwd: ROOT }).sort();
    assert.deepEqual(
      written("steelyard-1-definitions"),
      definitions.flatMap((path) => packaged(path.replace("packaging/", ""))),
    );
    assert.deepEqual(
      site.machine("k1").run(`ls ${MANIFESTS}`).trim().split("\n"),
      ["steelyard-1-definitions.yaml", "steelyard-2-system.yaml", "steelyard-3-pools.yaml"],
      "k3s applies them in this order",
    );
    const [namespace, secret, ...others] = written("steelyard-2-system");
    assert.deepEqual([namespace], packaged("manifests/namespace.yaml"));
    assert.match(JSON.stringify(secret), /"name":"steelyard-speaker".*"key":"[0-9a-f]{64}"/);
    assert.deepEqual(others, [
      ...packaged("manifests/controller.yaml"),
      ...packaged("manifests/speaker.yaml"),
    ]);
    assert.deepEqual(
      written("steelyard-3-pools").map((object) => Object(object).kind),
      ["IPAddressPool", "L2Advertisement"],
    );
    assert.match(
      site.machine("k1").run(`stat -c %a ${MANIFESTS}/steelyard-2-system.yaml`),
      /^600$/m,
      "the key is in it",
    );
    const again = await site.play("cluster", ...FIRST);
    assert.deepEqual(changes(succeed(again)), { k1: 0 });
    const { key } = Object(Object(secret).stringData);
    assert.ok(!again.output.includes(key), "the key is not shown");
  });

  it("brings the image to a host that has no manifests and no folder for images yet, and takes it away", async () => {
    const archive = join(site.folder, "image.tar");
    writeFileSync(archive, "an image");
    tell({}, { steelyard_speaker_image_archive: archive });
    const none = await site.play("cluster", "--limit", "k2");
    assert.match(none.output, /k2 has no folder .*rancher\/k3s or .*: install k3s or RKE2 there first/);
    site.machine("k2").run("mkdir -p /var/lib/rancher/k3s");
    succeed(await site.play("cluster", "--limit", "k2"));
    const images = "/var/lib/rancher/k3s/agent/images";
    assert.equal(site.machine("k2").run(`cat ${images}/steelyard.tar`), "an image");
    succeed(await site.play("cluster", "--limit", "k2", "--extra-vars", "steelyard_state=absent"));
    assert.equal(site.machine("k2").run(`ls ${images}`), "");
    tell();
  });

  it("deletes with the cluster's own kubectl what it wrote, and leaves the definitions in the cluster", async () => {
    // In the place of k3s, which cannot be had here: writes down what it is asked for.
    site.machine("k1").run(`printf '#!/bin/sh\\necho "$@" >>/root/asked\\necho deleted\\n' >/usr/local/bin/k3s
      chmod 755 /usr/local/bin/k3s`);
    succeed(await site.play("cluster", ...FIRST, "--extra-vars", "steelyard_state=absent"));
    assert.deepEqual(
      site.machine("k1").run("cat /root/asked").trim().split("\n"),
      ["steelyard-3-pools", "steelyard-2-system"].map(
        (name) => `kubectl delete --ignore-not-found -f ${MANIFESTS}/${name}.yaml`,
      ),
    );
    assert.equal(site.machine("k1").run(`ls ${MANIFESTS}`), "");
  });
});
