import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ARTEFACT_NAMES, type ArtefactName } from "./names.ts";
import type { ArtefactPlan } from "./plan.ts";
import { render } from "./render.ts";
import { yaml } from "./yaml.ts";

/** Two families, an authority, and the same on every host. */
const PLAN: ArtefactPlan = {
  document: {
    apiVersion: "steelyard.dev/v1alpha1",
    kind: "ControlPlaneEndpoint",
    metadata: { name: "api" },
    spec: {
      addresses: ["192.0.2.10/24", "2001:db8::10/64"],
      interface: "eth0",
      peers: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2", "2001:db8::3"],
      apiServer: { caFile: "/etc/kubernetes/pki/ca.crt" },
    },
  },
  words: [
    ...["--address", "192.0.2.10/24,2001:db8::10/64", "--interface", "eth0"],
    ...["--peers", "192.0.2.1,192.0.2.2,192.0.2.3,2001:db8::1,2001:db8::2,2001:db8::3"],
    ...["--ca", "/etc/kubernetes/pki/ca.crt"],
  ],
  caFile: "/etc/kubernetes/pki/ca.crt",
  balance: false,
  image: "registry.example/steelyard:0.1.0",
  program: "/usr/bin/steelyard",
  variant: "fcos",
};

const textOf = (name: ArtefactName, plan: ArtefactPlan = PLAN): string => {
  const rendered = render(name, plan);
  assert(rendered.ok);
  return rendered.text;
};

/** Names of golden files, and what is in them. UPDATE=1 writes them anew: the difference is the review. */
const GOLDEN: readonly (readonly [file: string, text: string])[] = [
  ...ARTEFACT_NAMES.map((name) => [name, textOf(name)] as const),
  ...(["butane", "ignition"] as const).map(
    (name) => [`${name}-flatcar`, textOf(name, { ...PLAN, variant: "flatcar" })] as const,
  ),
];

describe("every artefact", () => {
  for (const [name, text] of GOLDEN) {
    it(`is the text that was reviewed: ${name}`, () => {
      const file = new URL(`testdata/${name}.txt`, import.meta.url);
      if (process.env.UPDATE === "1") writeFileSync(file, text);
      assert.equal(text, readFileSync(file, "utf8"));
    });
  }

  it("that runs in a container is refused with --balance, with the way out", () => {
    const plan = { ...PLAN, balance: true };
    const refused = ARTEFACT_NAMES.filter((name) => !render(name, plan).ok);
    assert.deepEqual(refused, ["pod", "daemonset", "k3s", "quadlet", "butane", "ignition"]);
    const rendered = render("pod", plan);
    assert(!rendered.ok);
    assert.match(rendered.problem, /steelyard manifest systemd/);
  });

  it("asks for two capabilities and no others", () => {
    for (const name of ["pod", "daemonset", "k3s"] as const)
      assert.match(textOf(name), /drop:\n +- ALL\n +add:\n +- NET_ADMIN\n +- NET_RAW\n +volumeMounts/);
    assert.match(textOf("quadlet"), /^DropCapability=all\nAddCapability=CAP_NET_ADMIN CAP_NET_RAW$/m);
  });

  it("sees of the host what is there, and makes nothing of what is not", () => {
    const flatcar = { ...PLAN, variant: "flatcar" } as const;
    assert.doesNotMatch(textOf("butane", flatcar), /--volume/);
    assert.equal(textOf("butane", flatcar).match(/--mount type=bind,/g)?.length, 3);
    for (const caFile of ["/etc/steelyard/cluster-ca.crt", "/etc/steelyard/sub/ca.crt"]) {
      // The folder is there already, and a file that takes the name of another is seen in it.
      assert.equal(textOf("quadlet", { ...PLAN, caFile }).match(/^Volume=.*$/gm)?.length, 2);
      assert.equal(textOf("butane", { ...flatcar, caFile }).match(/--mount /g)?.length, 2);
    }
    assert.match(
      textOf("quadlet", { ...PLAN, caFile: "/etc/steelyard-ca.crt" }),
      /^Volume=\/etc\/steelyard-ca\.crt:/m,
    );
  });

  it("that needs an image says where it comes from", () => {
    const local = { ...PLAN, image: "localhost/steelyard:0.1.0" };
    for (const name of ["pod", "daemonset", "k3s", "quadlet", "butane"] as const) {
      assert.match(textOf(name), /# registry\.example\/steelyard:0\.1\.0 is pulled at the first start/);
      assert.match(textOf(name, local), /# localhost\/steelyard:0\.1\.0 is in no registry: .* --image/);
    }
    assert.match(
      textOf("butane", { ...local, variant: "flatcar" }),
      /# localhost\/steelyard:0\.1\.0 is in no registry/,
    );
    assert.match(textOf("quadlet"), /^TimeoutStartSec=300$/m);
  });

  it("escapes what means something to systemd", () => {
    const plan = { ...PLAN, image: "registry.example/50%/steelyard" };
    assert.match(textOf("quadlet", plan), /^Image=registry.example\/50%%\/steelyard$/m);
  });
});

describe("YAML", () => {
  it("quotes every word that would be read as something else", () => {
    const words = [
      "true",
      "No",
      "1",
      "1e3",
      "0x1",
      "a: b",
      "#",
      "",
      "2001:db8::1",
      "a\nb",
      "- a",
      "null",
      "~",
      "eth0",
    ];
    for (const word of words) {
      const written = yaml({ word });
      assert.equal(written, word === "eth0" ? "word: eth0\n" : `word: ${JSON.stringify(word)}\n`);
    }
  });
  it("writes texts of several lines as blocks, and what is empty in place", () => {
    assert.equal(yaml({ a: "x: 1\n\ny\n", b: [], c: {} }), "a: |\n  x: 1\n\n  y\nb: []\nc: {}\n");
    assert.equal(yaml([{ a: 1, b: [2] }, [3]]), "- a: 1\n  b:\n    - 2\n- [3]\n");
  });
});
