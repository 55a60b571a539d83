/** Whether what the guide for k3s tells people to write and to type exists, and lets through what the program sends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { PORT as BFD_PORT, ECHO_PORT } from "#core/bfd/constants";
import { formatObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import { IP_PROTOCOL } from "#core/vrrp/constants";

const root = join(import.meta.dirname, "..");
const MAIN = join(root, "src/main.ts");
const PAGES = ["docs/k3s.md", "docs/ansible.md"];
/** Groups of an inventory, which are no variables. */
const GROUPS = new Set(["steelyard_edges", "steelyard_control_plane", "steelyard_nodes"]);
const guide = readFileSync(join(root, "docs/k3s.md"), "utf8");

const blocks = (text: string, language: string): readonly string[] =>
  Array.from(text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs")), ([, block = ""]) => block);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** All documents of a page's YAML blocks. */
const documents = (page: string): readonly Fields[] =>
  blocks(readFileSync(join(root, page), "utf8"), "yaml").flatMap((block) =>
    parseAllDocuments(block, { uniqueKeys: true }).map((document) => {
      assert.deepEqual(document.errors, [], block);
      const value: unknown = document.toJS();
      assert.ok(isFields(value), block);
      return value;
    }),
  );

const groupOf = ({ apiVersion }: Fields): string => String(apiVersion).split("/")[0] ?? "";

const steelyard = (...args: readonly string[]): { readonly status: number | null; readonly text: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, text: stdout + stderr };
};

const child = (value: unknown, name: string): unknown => (isFields(value) ? value[name] : undefined);

/** The resources that a group's variables in an inventory come to, as the roles write them. */
const resourcesOf = (inventory: Fields): readonly Fields[] => {
  const resource = (kind: string, name: string, spec: object): Fields => ({
    ...{ apiVersion: "steelyard.dev/v1alpha1", kind, metadata: { name }, spec },
  });
  const edges = child(child(inventory, "steelyard_edges"), "vars");
  const hosts = child(child(inventory, "steelyard_control_plane"), "hosts");
  const plane = child(child(inventory, "steelyard_control_plane"), "vars");
  const each = (name: string, kind: string, more: object): readonly Fields[] =>
    Object.entries(child(edges, name) ?? {}).map(([key, spec]) => resource(kind, key, { ...more, ...spec }));
  const peers = Object.values(isFields(hosts) ? hosts : {}).map((host) => child(host, "ansible_host"));
  return [
    ...each("steelyard_edge_routers", "VirtualRouter", {
      interface: child(edges, "steelyard_edge_interface"),
    }),
    ...each("steelyard_edge_servers", "VirtualServer", {}),
    resource("ControlPlaneEndpoint", "api", {
      addresses: child(plane, "steelyard_vip_addresses"),
      interface: child(plane, "steelyard_vip_interface"),
      peers,
    }),
  ];
};

/** Whether the program takes these together. */
const check = (resources: readonly Fields[]): void => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-guide-"));
  try {
    const file = join(folder, "all.yaml");
    writeFileSync(file, resources.map((resource) => JSON.stringify(resource)).join("\n---\n"));
    const { status, text } = steelyard("check", file);
    assert.equal(status, 0, text);
    // The authority of k3s is for root alone to read, which the service is not.
    const warnings = text.match(/warning: .*/g) ?? [];
    assert.deepEqual(
      warnings.filter((warning) => !warning.includes("has no caFile")),
      [],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe("the guide for k3s", () => {
  it("has Kubernetes objects that are whole, each with a name", () => {
    const objects = documents("docs/k3s.md").filter(({ apiVersion }) => apiVersion !== undefined);
    assert.ok(objects.length >= 8);
    for (const object of objects) {
      assert.equal(typeof object.kind, "string");
      assert.equal(typeof child(object.metadata, "name"), "string", JSON.stringify(object));
      const values = child(object.spec, "valuesContent");
      if (typeof values === "string") assert.ok(isFields(parse(values)), values);
    }
  });

  it("has pools that the controller takes, and announces them", () => {
    const objects = documents("docs/k3s.md").filter((object) => groupOf(object) === "metallb.io");
    const read = readConfiguration({ objects, namespaces: new Map() });
    assert.ok(read.ok, read.ok ? "" : read.problems.map(formatObjectProblem).join("\n"));
    assert.deepEqual(read.warnings, []);
    assert.equal(read.configuration.l2Advertisements.length, 1);
  });

  it("disables ServiceLB and Traefik on every server, and names the address in every certificate", () => {
    const servers = documents("docs/k3s.md").filter((object) => "tls-san" in object);
    assert.equal(servers.length, 2);
    for (const server of servers) {
      assert.deepEqual(server.disable, ["servicelb", "traefik"]);
      assert.deepEqual(server["tls-san"], ["192.168.20.253"]);
      assert.match(String(server["node-ip"]), /^192\.168\.20\.2[123]$/);
    }
  });
});

for (const page of PAGES) {
  describe(page, () => {
    it("has inventories that come to a configuration the program takes", () => {
      const inventories = documents(page).filter((object) => "steelyard_control_plane" in object);
      assert.equal(inventories.length, 1);
      for (const inventory of inventories) {
        const resources = resourcesOf(inventory);
        assert.ok(resources.length >= 3);
        check(resources.slice(0, -1));
        check(resources.slice(-1));
      }
    });

    it("names commands and options that exist", () => {
      const text = readFileSync(join(root, page), "utf8");
      const prose = text.replace(/```.*?```/gs, "");
      const lines = [
        ...blocks(text, "sh").join("").split("\n"),
        ...Array.from(prose.matchAll(/`([^`]+)`/g), ([, code = ""]) => code.replace(/\n/g, " ")),
      ];
      // What follows the name of the program, up to the end of the command.
      const commands = lines.flatMap((line) => {
        const [, name, rest = ""] =
          /^(?:sudo )?steelyard (tls [a-z]+|[a-z][a-z-]*)([^#|;&)]*)/.exec(line) ?? [];
        return name === undefined ? [] : [{ name, options: rest.match(/(?<= )--[a-z-]+/g) ?? [] }];
      });
      assert.ok(commands.length > 0);
      for (const { name, options } of commands) {
        const { status, text: help } = steelyard(...name.split(" "), "--help");
        assert.equal(status, 0, `steelyard ${name}: ${help}`);
        for (const option of options) assert.ok(help.includes(`${option} `), `steelyard ${name} ${option}`);
      }
    });

    it("names playbooks and files that exist", () => {
      const text = readFileSync(join(root, page), "utf8");
      const playbooks = Array.from(
        text.matchAll(/ansible-playbook -i \S+ steelyard\.loadbalancer\.(\w+)/g),
        ([, name]) => name,
      );
      assert.ok(playbooks.length > 0);
      for (const name of playbooks)
        assert.ok(existsSync(join(root, `packaging/ansible/playbooks/${name}.yml`)), name);
      for (const [path] of text.matchAll(/\b(?:packaging|scripts)\/[\w./-]*\w/g))
        assert.ok(existsSync(join(root, path)), path);
    });

    it("sets variables that the roles have", () => {
      const text = readFileSync(join(root, page), "utf8");
      const roles = ["program", "edge", "vip", "speaker"].map(
        (role) => `packaging/ansible/roles/${role}/defaults/main.yml`,
      );
      const defaults = roles
        .filter((path) => existsSync(join(root, path)))
        .map((path) => readFileSync(join(root, path), "utf8"))
        .join("\n");
      for (const [name] of text.matchAll(/\bsteelyard_[a-z_]+\b/g)) {
        if (GROUPS.has(name)) continue;
        assert.match(defaults, new RegExp(`^${name}:`, "m"));
      }
    });
  });
}

/** The rows of the table of ports: what passes, and what it is for. */
const rows = Array.from(
  guide.matchAll(/^\| ([^|]+) \| ([^|]+) \| ((?:TCP|UDP|IP protocol) [^|]+) \| ([^|]+) \|$/gm),
  ([, from = "", to = "", what = "", why = ""]) => ({
    from,
    to,
    what,
    why,
  }),
);

const isThere = (what: string, why: RegExp): void =>
  assert.ok(
    rows.some((row) => row.what === what && why.test(row.why)),
    `${what} for ${why}`,
  );

const manifestPorts = (path: string): ReadonlyMap<string, string> =>
  new Map(
    Array.from(
      readFileSync(join(root, path), "utf8").matchAll(/- name: (\w+)\n\s+containerPort: (\d+)/g),
      ([, name = "", port = ""]) => [name, port],
    ),
  );

const schema: unknown = JSON.parse(
  readFileSync(join(root, "docs/reference/configuration.schema.json"), "utf8"),
);

/** What a field of `spec` is when nobody says it. */
const defaultOf = (kind: string, ...path: readonly string[]): number => {
  const kinds = child(schema, "oneOf");
  assert.ok(Array.isArray(kinds));
  const found = kinds.find(
    (each) => String(child(child(child(each, "properties"), "kind"), "enum")) === kind,
  );
  const field = ["spec", ...path].reduce((at, name) => child(child(at, "properties"), name), found);
  const value = child(field, "default");
  assert.ok(typeof value === "number", `${kind} ${path.join(".")}`);
  return value;
};

describe("the table of ports", () => {
  it("has those of edges and API servers as the code has them", () => {
    isThere(`IP protocol ${IP_PROTOCOL}`, /^VRRP, to/);
    isThere(`IP protocol ${IP_PROTOCOL}`, /^VRRP of `steelyard vip`/);
    const port = defaultOf("ConnectionSync", "port");
    isThere(`UDP ${port}`, /^conntrackd/);
    isThere(`UDP ${port + 1}`, /^pins/);
    isThere(`TCP ${defaultOf("ControlPlaneEndpoint", "apiServer", "port")}`, /^kubectl/);
    const vrid = defaultOf("ControlPlaneEndpoint", "vrid");
    assert.match(guide, new RegExp(`VRIDs \\| 51 for the edges, ${vrid} for the API servers`));
  });

  it("has those of speakers as the code has them", () => {
    isThere(`UDP ${BFD_PORT["single-hop"]}`, /^BFD: speakers/);
    isThere(`UDP ${BFD_PORT["single-hop"]}`, /^BFD beside BGP/);
    isThere(`UDP ${BFD_PORT.multihop}`, /^BFD over several hops/);
    isThere(`UDP ${ECHO_PORT}`, /^BFD echo/);
    const peer = {
      apiVersion: "metallb.io/v1beta2",
      kind: "BGPPeer",
      metadata: { name: "r", namespace: "n" },
    };
    const objects = [{ ...peer, spec: { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1" } }];
    const read = readConfiguration({ objects, namespaces: new Map() });
    assert.ok(read.ok);
    isThere(`TCP ${read.configuration.peers[0]?.port}`, /^BGP/);
  });

  it("has those of the pods as the manifests have them", () => {
    const controller = manifestPorts("packaging/manifests/controller.yaml");
    isThere(`TCP ${controller.get("webhook")}`, /^the webhook/);
    isThere(`TCP ${controller.get("metrics")}`, /^metrics, health$/);
    isThere(
      `TCP ${manifestPorts("packaging/manifests/speaker.yaml").get("metrics")}`,
      /^the speaker's metrics/,
    );
  });

  it("has the backends' ports as the inventory has them", () => {
    const ports = new Set(Array.from(guide.matchAll(/, port: (\d+) \}/g), ([, port]) => port));
    isThere(`TCP ${[...ports].join(", ")}`, /^connections and health checks/);
    for (const port of ports) assert.match(guide, new RegExp(`nodePort: ${port} `));
  });
});
