import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instant, micros } from "#base/time";
import type { BgpConnection, BgpError, BgpListener, BgpListenRequest } from "#drivers/bgp/port";
import { Listening } from "./listening.ts";
import type { BgpObservation } from "./parts.ts";
import type { Peer } from "./peer.ts";
import { at, peerWord } from "./test-bed.ts";

const NO_MEMORY: BgpError = { code: "ENOMEM", operation: "sign what goes to 192.0.2.2" };
const START = micros(0) as number as Instant;

/** What listens to one peer, on a kernel that has these answers to who may call. */
const open = (...answers: readonly (readonly BgpError[])[]) => {
  const left = [...answers];
  const said: (string | undefined)[] = [];
  const heard: (string | undefined)[] = [];
  let request: BgpListenRequest | undefined;
  let due: ((now: Instant) => void) | undefined;
  const listener: BgpListener = {
    setCallers: () => left.shift() ?? assert.fail("it was asked again"),
    counters: () => ({ accepted: 0, refused: 0 }),
    close: () => {},
  };
  const listening = new Listening({
    tcp: {
      connect: () => assert.fail("it connects to nobody"),
      listen: (given) => {
        request = given;
        return { ok: true, value: listener };
      },
    },
    deadlines: {
      set: (_, when, run) => {
        due = when === undefined ? undefined : run;
      },
      runDue: () => {},
    },
    now: () => START,
    tell: (observation: BgpObservation) => {
      if (observation.type === "password-refused") said.push(observation.detail);
      if (observation.type === "listening") heard.push(observation.refused);
    },
  });
  const word = peerWord(1, 2, { password: "secret" });
  listening.set({ port: 179 }, [{ word, where: { address: at(2), link: undefined } } as Peer], START);
  const asked = (): BgpListenRequest => request ?? assert.fail("it does not listen");
  return { said, heard, due: () => due, left, asked };
};

describe("a listener for BGP whose kernel does not take a password", () => {
  it("tries again, says what is wrong once, without the password, and when that is over", () => {
    const { said, due, left } = open([NO_MEMORY], [NO_MEMORY], []);
    const detail = "cannot sign what goes to 192.0.2.2: ENOMEM";
    assert.deepEqual(said, [detail]);
    due()?.(START);
    assert.deepEqual(said, [detail]);
    due()?.(START);
    assert.deepEqual(said, [detail, undefined]);
    assert.deepEqual([due(), left], [undefined, []]);
  });

  it("asks the kernel once where all is well", () => {
    const { said, due } = open([]);
    assert.deepEqual([said, due()], [[], undefined]);
  });
});

describe("a listener for BGP that runs out of descriptors", () => {
  it("says so once, and when somebody is let in again", () => {
    const { heard, asked } = open([]);
    for (let times = 0; times < 3; times += 1)
      asked().onError({ code: "EMFILE", operation: "accept a connection" });
    const stranger = {
      local: { address: at(1), port: 179 },
      remote: { address: at(9), port: 1 },
      linkIndex: 0,
    };
    for (let times = 0; times < 2; times += 1)
      assert.equal(asked().onConnection(stranger as BgpConnection), undefined);
    assert.deepEqual(heard, [undefined, "cannot accept a connection: EMFILE", undefined]);
  });
});
