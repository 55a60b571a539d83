import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createInterner } from "./intern.ts";
import { type Fields, fieldsOf, textOf } from "./json.ts";
import { Mirror } from "./mirror.ts";

type Item = { readonly name: string; readonly color: string; readonly version: string };

const project = (object: unknown): Item => {
  const { metadata, color } = fieldsOf(object);
  const { name, resourceVersion } = fieldsOf(metadata);
  return { name: textOf(name), color: textOf(color), version: textOf(resourceVersion) };
};

const thing = (color: string, resourceVersion: string): Fields => ({
  metadata: { name: "thing", resourceVersion },
  color,
});

const open = (isSame?: (left: Item, right: Item) => boolean) => {
  const told: Item[] = [];
  const mirror = new Mirror<Item>(
    { project, keyOf: ({ name }) => name, ...(isSame === undefined ? {} : { isSame }) },
    {
      changed: (item) => void told.push(item),
      removed: () => undefined,
      synced: () => undefined,
      trouble: () => undefined,
    },
    createInterner(),
  );
  return { mirror, told };
};

describe("a mirror", () => {
  it("keeps the very object that it told of, and no second one, when the same is listed again", () => {
    const { mirror, told } = open();
    mirror.put(thing("red", "1"));
    mirror.beginList();
    mirror.put(thing("red", "1"));
    mirror.endList();
    assert.equal(told.length, 1);
    assert.equal(mirror.items.get("thing"), told[0]);
  });

  it("keeps the newest version of what changed in nothing that is told", () => {
    const { mirror, told } = open((left, right) => left.color === right.color);
    mirror.put(thing("red", "1"));
    mirror.put(thing("red", "2"));
    assert.equal(told.length, 1);
    assert.equal(mirror.items.get("thing")?.version, "2");
    mirror.put(thing("green", "3"));
    assert.deepEqual(
      told.map(({ version }) => version),
      ["1", "3"],
    );
  });
});
