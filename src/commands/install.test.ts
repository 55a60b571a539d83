import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { STARTING_CONFIGURATION, STARTING_ENDPOINT } from "#core/install/starting";
import type { Role } from "#core/install/unit";
import { fakeFiles } from "#drivers/files/fake";
import { loadConfiguration } from "#drivers/files/load";
import { install } from "./install.ts";
import { findLauncher } from "./installation.ts";
import { uninstall } from "./uninstall.ts";

const CONFIG = "/etc/steelyard/edge.yaml";
const UNIT = "/etc/systemd/system/steelyard-edge.service";
const LINK = "/etc/systemd/system/multi-user.target.wants/steelyard-edge.service";
const RECORD = "/var/lib/steelyard/install.json";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "steelyard-root-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (path: string): string => join(root, path);
const has = (path: string): boolean => existsSync(at(path));
const put = (path: string, text: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
};

/** Where no systemd-sysusers is found the command says so and ends with 1; that is not what these tests are about. */
const installed = (
  options: { readonly role?: Role; readonly dryRun?: boolean; readonly launcher?: string } = {},
) => {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line.replaceAll(root, ""));
  install({
    root,
    dryRun: false,
    launcher: "/opt/steelyard/bin/steelyard",
    print,
    ...options,
  });
  return lines;
};

const uninstalled = (
  options: { readonly role?: Role; readonly purge?: boolean; readonly dryRun?: boolean } = {},
) => {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line.replaceAll(root, ""));
  const status = uninstall({ root, purge: false, dryRun: false, print, ...options });
  return { status, lines };
};

describe("steelyard install", () => {
  it("writes unit, user and a configuration to start from, and says what to do next", () => {
    const lines = installed();
    assert.deepEqual(lines.slice(0, 3), [
      `writes ${CONFIG}`,
      "writes /etc/sysusers.d/steelyard.conf",
      `writes ${UNIT}`,
    ]);
    assert.match(lines.at(-1) ?? "", /systemctl enable --now steelyard-edge$/);
    assert.match(readFileSync(at(UNIT), "utf8"), /^ExecStart=\/opt\/steelyard\/bin\/steelyard edge /m);
  });

  it("given again changes what is not as it should be, and never the configuration", () => {
    installed();
    assert.equal(installed()[0], "everything is installed already");
    put(CONFIG, "mine");
    const [first, second] = installed({ launcher: "/opt/other/bin/steelyard" });
    assert.deepEqual([first, second?.startsWith("\nNext:")], [`writes ${UNIT}`, true]);
    assert.equal(readFileSync(at(CONFIG), "utf8"), "mine");
  });

  it("writes nothing when it is only to say what it would write", () => {
    assert.ok(installed({ dryRun: true }).includes(`would write ${UNIT}`));
    assert.deepEqual([has(UNIT), has("/etc"), has("/var")], [false, false, false]);
  });

  it("leaves a unit alone that somebody else wrote, and a record that it cannot read", () => {
    put(UNIT, "[Service]\n");
    installed();
    assert.deepEqual([readFileSync(at(UNIT), "utf8"), has(CONFIG)], ["[Service]\n", false]);
    put(RECORD, "{");
    installed();
    assert.equal(has(CONFIG), false);
  });

  it("that cannot write everything leaves nothing behind", () => {
    // A directory where the last file is to be written.
    mkdirSync(at(`${UNIT}.steelyard-new`), { recursive: true });
    installed();
    assert.deepEqual([CONFIG, UNIT, RECORD, "/etc/steelyard", "/var"].map(has), Array(5).fill(false));
  });

  it("offers a configuration that is valid once its comments are taken away", () => {
    const body = STARTING_CONFIGURATION.slice(STARTING_CONFIGURATION.indexOf("# apiVersion"));
    const text = body.replace(/^# /gm, "");
    const loaded = loadConfiguration(fakeFiles({ "edge.yaml": text }), ["edge.yaml"]);
    assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
  });

  it("installs no program that the service could not see, or that a package brought", () => {
    assert.deepEqual(findLauncher("edge", "/opt/steelyard/dist/main.js"), {
      path: "/opt/steelyard/bin/steelyard",
    });
    const problem = (script: string): string => {
      const found = findLauncher("edge", script);
      return "problem" in found ? found.problem : "none";
    };
    assert.match(
      problem("/home/me/steelyard/dist/main.js"),
      /sees nothing below \/home\/: move \/home\/me\/steelyard/,
    );
    assert.match(problem("/usr/lib/steelyard/dist/main.js"), /the Debian package/);
    assert.match(problem("/opt/steelyard/src/main.ts"), /was not built/);
    // The package brings no unit for this role.
    assert.deepEqual(findLauncher("vip", "/usr/lib/steelyard/dist/main.js"), { path: "/usr/bin/steelyard" });
  });
});

describe("steelyard uninstall", () => {
  it("removes what was written but the configuration, and given again nothing more", () => {
    installed();
    mkdirSync(dirname(at(LINK)), { recursive: true });
    symlinkSync(UNIT, at(LINK));
    const { status, lines } = uninstalled();
    assert.equal(status, 0);
    assert.ok(lines.includes(`keeps ${CONFIG}: --purge removes it`));
    assert.deepEqual([has(CONFIG), has(UNIT), has(RECORD)], [true, false, false]);
    assert.ok(lines.includes(`removes ${LINK}`));
    assert.deepEqual(uninstalled(), { status: 0, lines: ["nothing is installed"] });
    assert.match(
      uninstalled({ purge: true }).lines.join(),
      /edge\.yaml belongs to no installation: remove it by hand/,
    );
  });

  it("takes the configuration along when asked, but not what else is beside it", () => {
    installed();
    put("/etc/steelyard/more.yaml", "mine");
    uninstalled({ purge: true });
    assert.deepEqual([has(CONFIG), has("/etc/steelyard/more.yaml")], [false, true]);
    installed();
    rmSync(at("/etc/steelyard/more.yaml"));
    uninstalled({ purge: true });
    assert.equal(has("/etc/steelyard"), false);
  });

  it("leaves what was changed since, and says so", () => {
    installed();
    put(UNIT, "[Service]\n# mine\n");
    const { lines } = uninstalled();
    assert.ok(lines.includes(`keeps ${UNIT}: it was changed since: remove it by hand`));
    assert.equal(has(UNIT), true);
  });

  it("removes nothing when it is only to say what it would, nor by a record that it cannot read", () => {
    installed();
    assert.ok(uninstalled({ dryRun: true }).lines.includes(`would remove ${UNIT}`));
    put(RECORD, '{"version": "1", "files": [{"path": "/etc/../etc/passwd", "digest": ""}]}');
    assert.equal(uninstalled().status, 1);
    assert.deepEqual([has(UNIT), has(RECORD)], [true, true]);
  });
});

describe("the role vip", () => {
  const VIP_UNIT = "/etc/systemd/system/steelyard-vip.service";
  const VIP_CONFIG = "/etc/steelyard/vip.yaml";

  it("has a unit, a configuration and a record of its own", () => {
    const lines = installed({ role: "vip" });
    assert.match(lines.at(-1) ?? "", /steelyard preflight .*\n.*\n {2}systemctl enable --now steelyard-vip$/);
    assert.match(
      readFileSync(at(VIP_UNIT), "utf8"),
      /^ExecStart=\/opt\/steelyard\/bin\/steelyard vip --config \/etc\/steelyard\/vip\.yaml$/m,
    );
    assert.deepEqual([has(VIP_CONFIG), has(UNIT), has(CONFIG)], [true, false, false]);
    assert.equal(uninstalled().lines[0], "nothing is installed");
    uninstalled({ role: "vip", purge: true });
    assert.deepEqual(
      [VIP_UNIT, VIP_CONFIG, "/etc/steelyard", "/var/lib/steelyard"].map(has),
      Array(4).fill(false),
    );
  });

  it("leaves what an edge on the same machine needs, and the edge what it needs", () => {
    installed();
    installed({ role: "vip" });
    const user = "/etc/sysusers.d/steelyard.conf";
    assert.ok(uninstalled({ role: "vip" }).lines.includes(`keeps ${user}: steelyard-edge.service needs it`));
    assert.deepEqual([has(user), has(UNIT), has(VIP_UNIT)], [true, true, false]);
    uninstalled();
    assert.equal(has(user), false);
  });

  it("offers a configuration that is valid once its comments are taken away", () => {
    const body = STARTING_ENDPOINT.slice(STARTING_ENDPOINT.indexOf("# apiVersion"));
    const loaded = loadConfiguration(fakeFiles({ "vip.yaml": body.replace(/^# /gm, "") }), ["vip.yaml"]);
    assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
    for (const line of STARTING_ENDPOINT.split("\n")) assert.match(line, /^(#.*)?$/);
  });
});
