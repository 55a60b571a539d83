import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { held, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";
import { LinkLists } from "./link-lists.ts";

const ONE = address("192.0.2.100");
const OTHER = address("192.0.2.101");

describe("lists of links", () => {
  it("are kept once for all that are equal, and only for these", () => {
    const lists = new LinkLists<number>((index) => index);
    const kept = lists.share([2, 3]);
    assert.equal(lists.share([2, 3]), kept);
    for (const other of [[3, 2], [2], [23], []]) assert.deepEqual(lists.share(other), other);
    lists.clear();
    assert.notEqual(lists.share([2, 3]), kept);
  });

  it("are no more than so many, however many there were", () => {
    const lists = new LinkLists<number>((index) => index);
    for (let index = 0; index < 1_000; index += 1) assert.deepEqual(lists.share([index]), [index]);
  });

  it("are shared by addresses that are told of on the same links", () => {
    const node = new Node().links(nodeLink(2), nodeLink(3)).assign(held(ONE), held(OTHER)).pass(seconds(1));
    const { responder } = node;
    assert.deepEqual(responder.voicesOf(ONE), [2, 3]);
    assert.equal(responder.voicesOf(ONE), responder.voicesOf(OTHER));
  });
});
