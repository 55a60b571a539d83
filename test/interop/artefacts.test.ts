/** Everything that `steelyard manifest` writes for hosts, read by the program that it is for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";

const ROOT = join(import.meta.dirname, "../..");
const LINE = [
  ...["--address", "192.0.2.10/24,2001:db8::10/64", "--interface", "eth0", "--ca", "/etc/steelyard/ca.crt"],
  ...["--peers", "192.0.2.1,192.0.2.2,192.0.2.3,2001:db8::1,2001:db8::2,2001:db8::3"],
];

const folder = mkdtempSync(join(tmpdir(), "steelyard-artefacts-"));
after(() => rmSync(folder, { recursive: true }));

const manifest = (artefact: string, ...more: readonly string[]): string => {
  const program = [join(ROOT, "dist/main.js"), "manifest", artefact, ...LINE, ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, program, { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout;
};

const placed = (name: string, text: string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
};

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string => {
  const ran = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 120_000,
  });
  assert.equal(ran.status, 0, `${program}: ${ran.error?.message ?? ""}${ran.stdout}${ran.stderr}`);
  return ran.stdout;
};

/** systemd finds fault with a program that this machine does not have. */
const withPrograms = (unit: string): string =>
  unit.replaceAll(/\/usr\/bin\/(podman|docker|steelyard)/g, "/bin/true");

const verify = (name: string, unit: string): void => {
  const path = placed(name, withPrograms(unit));
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], {
    encoding: "utf8",
  });
  // That there is no docker here is no fault of the unit.
  const complaints = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => line !== "" && !line.includes("docker.service"));
  assert.deepEqual(complaints, []);
  if (!unit.includes("docker.service")) assert.equal(status, 0);
};

/** An Ignition with the texts of its files in place of data URLs: Butane packs those that are long. */
const placedFiles = (ignition: string): unknown => {
  const config = JSON.parse(ignition);
  const files = config.storage.files.map(
    ({ contents, ...file }: { contents: { source: string; compression?: string } }) => ({
      ...file,
      text: textOf(contents),
    }),
  );
  return { ...config, storage: { ...config.storage, files } };
};

/** What a data URL (RFC 2397) of a file of Ignition holds. */
const textOf = ({ source, compression }: { source: string; compression?: string }): string => {
  const [, base64, data = ""] = /^data:[^,]*?(;base64)?,(.*)$/s.exec(source) ?? [];
  const bytes = base64 === undefined ? Buffer.from(decodeURIComponent(data)) : Buffer.from(data, "base64");
  return (compression === "gzip" ? gunzipSync(bytes) : bytes).toString();
};

let tools = "";

describe("what is made for hosts", () => {
  before(
    () => {
      const fetched = spawnSync(join(ROOT, "tools/hosts/fetch.sh"), {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      assert.equal(fetched.status, 0);
      tools = fetched.stdout.trim();
    },
    { timeout: 600_000 },
  );

  it("is a unit that systemd finds no fault with", () => {
    verify("steelyard-vip.service", manifest("systemd"));
  });

  it("is a quadlet that podman's generator turns into a unit with the host's network and two capabilities", () => {
    placed("quadlets/steelyard-vip.container", manifest("quadlet"));
    const quadlets = { QUADLET_UNIT_DIRS: join(folder, "quadlets") };
    const said = run(join(tools, "quadlet"), ["-dryrun", "-no-kmsg-log"], quadlets);
    const [, unit = ""] = said.split("---steelyard-vip.service---\n");
    const [, start = ""] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    for (const option of [
      "--network host",
      "--cap-drop all",
      "--cap-add cap_net_admin --cap-add cap_net_raw",
      "--read-only",
      "--sdnotify=container",
    ])
      assert(start.includes(option), start);
    assert.match(start, / vip --config \/etc\/steelyard\/vip\.yaml$/);
    assert.match(unit, /^Before=k3s\.service .*kubelet\.service$/m);
    verify("steelyard-vip-quadlet.service", unit);
  });

  for (const variant of ["fcos", "flatcar"]) {
    it(`is Butane for ${variant} that Butane itself makes our Ignition of, without a word`, () => {
      const butane = manifest("butane", "--variant", variant);
      const translate = (text: string) =>
        spawnSync(join(tools, "butane"), ["--strict", placed("config.bu", text)], { encoding: "utf8" });
      const { status, stdout, stderr } = translate(butane);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(placedFiles(stdout), placedFiles(manifest("ignition", "--variant", variant)));
      run(join(tools, "ignition-validate"), [placed("butane.ign", stdout)]);
      const wrong = translate(butane.replace("  files:", "  flies:"));
      assert.notEqual(wrong.status, 0);
      assert.match(wrong.stderr, /flies/);
    });

    it(`is Ignition for ${variant} that its own program accepts`, () => {
      const ignition = manifest("ignition", "--variant", variant);
      run(join(tools, "ignition-validate"), [placed("config.ign", ignition)]);
      const wrong = placed("wrong.ign", ignition.replace('"mode": 420', '"mode": 99999'));
      assert.notEqual(spawnSync(join(tools, "ignition-validate"), [wrong]).status, 0);
    });
  }

  it("has files and units inside of Ignition that are whole", () => {
    const config = JSON.parse(manifest("ignition", "--variant", "flatcar"));
    const [file] = config.storage.files;
    const text = decodeURIComponent(String(file.contents.source).replace(/^data:,/, ""));
    assert.deepEqual(parse(text).spec.addresses, ["192.0.2.10/24", "2001:db8::10/64"]);
    run(process.execPath, [join(ROOT, "dist/main.js"), "check", placed("vip.yaml", text)]);
    verify("steelyard-vip-docker.service", config.systemd.units[0].contents);
  });

  it("is cloud-init that cloud-init's own schema accepts", () => {
    const schema = placed(
      "schema.py",
      "import sys\nsys.path.insert(0, sys.argv.pop(1))\nfrom cloudinit.config import schema\nsys.exit(schema.main())\n",
    );
    const check = (text: string) =>
      spawnSync(
        "/usr/bin/python3",
        [schema, join(tools, "cloud-init"), "--config-file", placed("user-data", text)],
        {
          encoding: "utf8",
        },
      );
    const accepted = check(manifest("cloud-init"));
    assert.match(accepted.stdout, /^Valid cloud-config/, accepted.stderr);
    assert.notEqual(check(manifest("cloud-init").replace("- path:", "- way:")).status, 0);
  });
});
