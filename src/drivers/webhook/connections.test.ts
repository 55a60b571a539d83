import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { openBudget } from "./budget.ts";
import { openConnections } from "./connections.ts";

/** As much of a socket as is looked at. */
const peer = (remotePort: number): Socket => ({ remoteAddress: "127.0.0.1", remotePort }) as Socket;

describe("connections", () => {
  it("have room until there is none, and then the one that waited longest goes", () => {
    const connections = openConnections(2);
    const [one, two, three, four] = [1, 2, 3, 4].map(peer) as [Socket, Socket, Socket, Socket];
    assert.equal(connections.enter(one), undefined);
    assert.equal(connections.enter(two), undefined);
    assert.equal(connections.enter(three), one);
    assert.equal(connections.enter(four), two);
    assert.deepEqual(connections.all(), [three, four]);
  });

  it("that are being answered stay", () => {
    const connections = openConnections(2);
    const [one, two, three] = [1, 2, 3].map(peer) as [Socket, Socket, Socket];
    connections.enter(one);
    connections.enter(two);
    connections.works(peer(1));
    assert.equal(connections.enter(three), two);
    assert.deepEqual(connections.all(), [one, three]);
  });

  it("that have been answered go after those that never were, the longest idle first", () => {
    const connections = openConnections(3);
    const sockets = [1, 2, 3, 4, 5, 6].map(peer) as [Socket, Socket, Socket, Socket, Socket, Socket];
    const [one, two, three, four, five, six] = sockets;
    for (const socket of [one, two]) {
      connections.enter(socket);
      connections.works(socket);
      connections.waits(socket);
    }
    connections.works(one);
    connections.waits(one);
    connections.enter(three);
    assert.equal(connections.enter(four), three);
    connections.works(four);
    assert.equal(connections.enter(five), two);
    connections.works(five);
    assert.equal(connections.enter(six), one);
  });

  it("that all work leave no room for another", () => {
    const connections = openConnections(1);
    const [one, two] = [1, 2].map(peer) as [Socket, Socket];
    connections.enter(one);
    connections.works(one);
    assert.equal(connections.enter(two), two);
    connections.leave(two);
    assert.deepEqual(connections.all(), [one]);
  });

  it("that are gone are not brought back by their last answer", () => {
    const connections = openConnections(1);
    const [one, two] = [1, 2].map(peer) as [Socket, Socket];
    connections.enter(one);
    connections.leave(one);
    connections.waits(one);
    assert.equal(connections.enter(two), undefined);
  });

  it("never exceed their number, whatever comes and goes", () => {
    const event = fc.tuple(fc.constantFrom(...(["enter", "leave", "works", "waits"] as const)), fc.nat(9));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (events, max) => {
        const connections = openConnections(max);
        const sockets = Array.from({ length: 10 }, (_, port) => peer(port));
        for (const [what, port] of events) {
          const socket = sockets[port] as Socket;
          if (what === "enter" && connections.all().includes(socket)) continue;
          if (what === "enter") {
            const loser = connections.enter(socket);
            assert.ok(loser === undefined || !connections.all().includes(loser));
          } else connections[what](socket);
          assert.ok(connections.all().length <= max);
        }
      }),
    );
  });
});

describe("the budget", () => {
  it("gives what is there and no more", () => {
    const budget = openBudget(10);
    assert.ok(budget.take(6));
    assert.ok(!budget.take(5));
    assert.ok(budget.take(4));
    budget.give(10);
    assert.ok(budget.take(10));
  });
});
