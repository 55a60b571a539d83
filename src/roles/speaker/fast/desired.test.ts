import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MacAddress } from "#base/mac";
import { macOf } from "./bed.ts";
import { isStranger, type MemberWord } from "./desired.ts";

const member = (name: string, ...macs: readonly MacAddress[]): MemberWord => ({
  ...{ name, macs, addresses: [], api: "ready" },
});

describe("a machine", () => {
  it("is a stranger if it is none of the speakers' that have all told of their interfaces", () => {
    const members = [member("a", macOf(1), macOf(2)), member("b", macOf(3))];
    assert.ok(isStranger(members, macOf(9)));
    for (const host of [1, 2, 3]) assert.ok(!isStranger(members, macOf(host)));
  });

  it("is none as long as it may be one that has not told of its interfaces yet", () => {
    assert.ok(!isStranger([member("a", macOf(1)), member("b")], macOf(9)));
    assert.ok(!isStranger([], macOf(9)));
  });
});
