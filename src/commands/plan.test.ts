import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fakeFiles } from "#drivers/files/fake";
import { openFiles } from "#drivers/files/linux";
import { explain } from "./explain.ts";
import { plan } from "./plan.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples/pools");
const FILES = openFiles();

type Flags = Partial<
  Pick<Parameters<typeof plan>[0], "state" | "changes" | "deletions" | "json" | "files" | "lbClass">
>;

const runPlan = (flags: Flags = {}) => {
  const lines: string[] = [];
  const status = plan({
    state: [join(EXAMPLES, "state")],
    changes: [],
    deletions: [],
    lbClass: undefined,
    json: false,
    files: FILES,
    print: (line) => lines.push(line),
    ...flags,
  });
  return { status, lines };
};

const runExplain = (service: string, flags: Flags = {}) => {
  const lines: string[] = [];
  const status = explain({
    service,
    state: [join(EXAMPLES, "state")],
    lbClass: undefined,
    json: false,
    files: FILES,
    print: (line) => lines.push(line),
    ...flags,
  });
  return { status, lines };
};

/** Compares with testdata/NAME; UPDATE_GOLDEN=1 writes it instead, and the diff is the review. */
const golden = (name: string, lines: readonly string[]): void => {
  const file = join(import.meta.dirname, "testdata", name);
  const text = `${lines.join("\n")}\n`;
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `${name}: run with UPDATE_GOLDEN=1 to accept`);
};

const CHANGE = { changes: [join(EXAMPLES, "change")] };

describe("steelyard plan", () => {
  it("ends with 0 when no Service loses or changes an address", () => {
    const { status, lines } = runPlan();
    assert.equal(status, 0);
    golden("plan-state.txt", lines);
  });

  it("ends with 3 when some would, and says which", () => {
    const { status, lines } = runPlan(CHANGE);
    assert.equal(status, 3);
    golden("plan-change.txt", lines);
  });

  it("gives the same as JSON", () => {
    const { status, lines } = runPlan({ ...CHANGE, json: true });
    assert.equal(status, 3);
    golden("plan-change.json", lines);
  });

  it("takes away what is to be deleted, of Services too", () => {
    const { status, lines } = runPlan({ deletions: ["IPAddressPool/office", "Service/shop/api"] });
    assert.equal(status, 3);
    golden("plan-deletion.txt", lines);
  });

  it("reads JSON as well, in one of several files", () => {
    const files = fakeFiles({
      "pools.yaml": readFileSync(join(EXAMPLES, "state/pools.yaml"), "utf8"),
      "services.json": JSON.stringify({
        apiVersion: "v1",
        kind: "List",
        items: [
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { namespace: "shop", name: "web" },
            spec: { type: "LoadBalancer", clusterIPs: ["10.43.0.1"], ports: [] },
          },
        ],
      }),
    });
    const { status, lines } = runPlan({ state: ["pools.yaml", "services.json"], files });
    assert.equal(status, 0);
    assert.equal(
      lines[0],
      "shop/web gets 192.168.41.0 of pool shop: serviceAllocation of the pool admits it",
    );
  });

  const OVERLAPPING =
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: twice}\nspec: {addresses: [192.168.40.0/24]}\n";
  const wrong: readonly (readonly [title: string, flags: Flags, message: RegExp])[] = [
    ["a state that is not there", { state: ["none"] }, /^none: does not exist/],
    ["a change that is not there", { changes: ["none"] }, /^none: does not exist/],
    [
      "a deletion of what is not there",
      { deletions: ["IPAddressPool/none"] },
      /^--delete IPAddressPool\/none: there is no such object in the state\.$/,
    ],
    ["a deletion of nothing", { deletions: ["office"] }, /^--delete office: is neither KIND\/NAME nor/],
  ];
  for (const [title, flags, message] of wrong) {
    it(`ends with 2 for ${title}`, () => {
      const { status, lines } = runPlan(flags);
      assert.equal(status, 2);
      assert.match(lines.join("\n"), message);
      assert.equal(runPlan({ ...flags, json: true }).status, 2);
    });
  }

  it("ends with 2 for YAML that is too large, and names the way out", () => {
    const files = fakeFiles({ "s.yaml": `# ${"x".repeat(24 * 1024 * 1024)}` });
    const { status, lines } = runPlan({ state: ["s.yaml"], files });
    assert.equal(status, 2);
    assert.match(
      lines.join("\n"),
      /^s\.yaml: is larger than 24 MB, .*\. Print it as JSON: kubectl get --output json\.$/,
    );
  });

  it("ends with 2 for a change that is no valid configuration, and says why", () => {
    const state = fakeFiles({
      "state.yaml": readFileSync(join(EXAMPLES, "state/pools.yaml"), "utf8"),
      "change.yaml": OVERLAPPING,
    });
    const { status, lines } = runPlan({ state: ["state.yaml"], changes: ["change.yaml"], files: state });
    assert.equal(status, 2);
    assert.match(lines.join("\n"), /^IPAddressPool .*overlap/m);
    assert.equal(
      lines.at(-1),
      "Nothing is planned: the resources with the change are no valid configuration.",
    );
  });
});

describe("the page about plans", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/plan.md"), "utf8");
  for (const file of ["plan-change.txt", "explain-pending.txt"]) {
    it(`shows what is printed: ${file}`, () =>
      assert.ok(page.includes(readFileSync(join(import.meta.dirname, "testdata", file), "utf8"))));
  }
});

describe("any state and change", () => {
  const texts = ["state/pools.yaml", "state/services.yaml", "change/new-pools.yaml"].map((name) =>
    readFileSync(join(EXAMPLES, name), "utf8"),
  );
  const lines = texts.join("---\n").split("\n");
  const spliced = fc
    .record({
      text: fc.constantFrom(...texts),
      start: fc.nat(1_000),
      length: fc.nat(40),
      insert: fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.constantFrom(...lines),
        fc.constantFrom(..."[]{}:,-&*!|>#\"'\n "),
      ),
    })
    .map(({ text, start, length, insert }) => text.slice(0, start) + insert + text.slice(start + length));
  const shuffled = fc.shuffledSubarray(lines).map((some) => some.join("\n"));
  const anyText = fc.oneof(spliced, spliced, shuffled, fc.string({ unit: "binary", maxLength: 200 }));

  it("give a plan or a reason, in lines of bounded length that command no terminal", () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(anyText, anyText, (state, change) => {
        const files = fakeFiles({ "state.yaml": state, "change.yaml": change });
        const from: Flags = { state: ["state.yaml"], files };
        const outcomes = [
          runPlan({ ...from, changes: ["change.yaml"] }),
          runPlan({ ...from, deletions: ["Service/tools/git"] }),
          runExplain("tools/mail", from),
        ];
        for (const { status, lines: printed } of outcomes) {
          seen.add(status);
          assert.ok(printed.length > 0);
          for (const line of printed) assert.ok(line.length <= 2_000 && !/\p{Cc}/u.test(line), line);
        }
        runPlan({ ...from, changes: ["change.yaml"], json: true }).lines.map((line): unknown =>
          JSON.parse(line),
        );
      }),
      { numRuns: 400 },
    );
    assert.deepEqual([...seen].toSorted(), [0, 2, 3]);
  });
});

describe("steelyard explain service", () => {
  for (const [name, file] of [
    ["tools/mail", "explain-pending.txt"],
    ["shop/web", "explain-kept.txt"],
  ] as const) {
    it(`says of ${name} which pools there are and what each says`, () => {
      const { status, lines } = runExplain(name);
      assert.equal(status, 0);
      golden(file, lines);
    });
  }

  it("names the rule by which a Service gets its address, and what its status says so far", () => {
    const files = fakeFiles({
      "s.yaml": `${readFileSync(join(EXAMPLES, "state/pools.yaml"), "utf8")}---\napiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: new}\nspec: {type: LoadBalancer, ports: [{port: 1}]}\n`,
    });
    const { lines } = runExplain("shop/new", { state: ["s.yaml"], files });
    golden("explain-new.txt", lines);
  });

  it("gives the same as JSON", () => {
    const { status, lines } = runExplain("tools/mail", { json: true });
    assert.equal(status, 0);
    const json: { state: string; decision: { outcome: string }; text: string[] } = JSON.parse(
      lines.join("\n"),
    );
    assert.equal(json.state, "decided");
    assert.equal(json.decision.outcome, "refused");
    assert.deepEqual(json.text, runExplain("tools/mail").lines);
  });

  it("says why a Service is none of ours", () => {
    assert.deepEqual(runExplain("shop/web", { lbClass: "other" }).lines, [
      "shop/web has a loadBalancerClass that is not served here.",
    ]);
  });

  it("ends with 2 for a Service that is not there", () => {
    const { status, lines } = runExplain("web");
    assert.equal(status, 2);
    assert.match(lines.join(), /^There is no Service default\/web in /);
  });
});
