import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeFiles } from "./fake.ts";
import { formatProblem, loadConfiguration } from "./load.ts";

const ROUTER = `apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata:
  name: home
spec:
  interface: eth0
  vrid: 51
  addresses: [192.0.2.10/24]
  track:
    checks: [{name: uplink}]
`;
const CHECK = `apiVersion: steelyard.dev/v1alpha1
kind: TrackedCheck
metadata: {name: uplink}
spec:
  script: {command: [/bin/true]}
`;

const linesOf = (
  texts: Readonly<Record<string, string>>,
  paths: readonly string[] = ["/c"],
): readonly string[] => {
  const loaded = loadConfiguration(fakeFiles(texts), paths);
  return (loaded.ok ? loaded.warnings : loaded.problems).map(formatProblem);
};

describe("loadConfiguration", () => {
  it("takes all files of a directory as one configuration", () => {
    const loaded = loadConfiguration(fakeFiles({ "/c/a.yaml": ROUTER, "/c/b.yaml": CHECK }), ["/c"]);
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.files, ["/c/a.yaml", "/c/b.yaml"]);
    assert.deepEqual([loaded.desired.routers.length, loaded.desired.checks.length], [1, 1]);
  });

  it("gives each problem with file, line, column, path and hint, in reading order", () => {
    const router = ROUTER.replace("vrid: 51", "vird: 51\n  priority: 300\n  preempt: yes");
    assert.deepEqual(linesOf({ "/c/a.yaml": `${CHECK}---\n${router}`, "/c/b.yaml": CHECK }), [
      "/c/a.yaml:13:3 spec.vird: is not a known key. Did you mean vrid?",
      "/c/a.yaml:14:13 spec.priority: 300 is above 255. Use 1..254, or 255 for the owner of the addresses.",
      '/c/a.yaml:15:12 spec.preempt: "yes" is not true or false. Write true or false, without quotes.',
      "/c/b.yaml:3:18 metadata.name: there is another TrackedCheck named uplink. Rename one of them.",
    ]);
  });

  it("does not call missing what a broken file may hold", () => {
    assert.deepEqual(linesOf({ "/c/a.yaml": ROUTER, "/c/b.yaml": `${CHECK}  script: twice\n` }), [
      "/c/b.yaml:6:3: script is given twice. Keep one of the two.",
    ]);
  });

  it("refuses a configuration of which a part cannot be read", () => {
    assert.deepEqual(linesOf({ "/c/a.yaml": ROUTER, "/c/b.yaml": CHECK }, ["/c", "/d"]), [
      "/d: does not exist.",
    ]);
  });

  it("refuses files without any resource, which are more likely half written than meant", () => {
    assert.deepEqual(linesOf({ "/c/a.yaml": "# soon\n" }), [
      "/c: holds no resource, or only comments. To stop serving, stop the program.",
    ]);
  });

  it("marks warnings", () => {
    assert.deepEqual(linesOf({ "/c/b.yaml": CHECK }), [
      "/c/b.yaml:3:18 warning: metadata.name: is tracked by no VirtualRouter. Name it under spec.track.checks of one, or remove it.",
    ]);
  });
});
