import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { namesFor } from "./entry-names.ts";

const existing = (
  contexts: Readonly<Record<string, readonly [cluster: string, user: string]>>,
  more: readonly string[] = [],
) => ({
  contexts: new Map(Object.entries(contexts).map(([name, [cluster, user]]) => [name, { cluster, user }])),
  clusters: new Set([...Object.values(contexts).map(([cluster]) => cluster), ...more]),
  users: new Set([...Object.values(contexts).map(([, user]) => user), ...more]),
});

describe("the names of a merged context's cluster and user", () => {
  it("are the context's own where nobody has them", () => {
    assert.deepEqual(namesFor("home", existing({ work: ["w", "u"] })), { cluster: "home", user: "home" });
  });

  it("are those that the context has already", () => {
    assert.deepEqual(namesFor("home", existing({ home: ["c", "u"] })), { cluster: "c", user: "u" });
  });

  it("are new ones where another context leads to the same entry", () => {
    const shared = existing({ home: ["c", "u"], other: ["c", "v"] });
    assert.deepEqual(namesFor("home", shared), { cluster: "home", user: "u" });
  });

  it("never are those of entries that somebody else has", () => {
    assert.deepEqual(namesFor("default", existing({ work: ["default", "default-2"] }, ["default"])), {
      cluster: "default-2",
      user: "default-3",
    });
  });
});
