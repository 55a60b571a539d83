import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instant, micros } from "#base/time";
import type { BgpError, BgpListener } from "#drivers/bgp/port";
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
  let due: ((now: Instant) => void) | undefined;
  const listener: BgpListener = {
    setCallers: () => left.shift() ?? assert.fail("it was asked again"),
    counters: () => ({ accepted: 0, refused: 0 }),
    close: () => {},
  };
  const listening = new Listening({
    tcp: {
      connect: () => assert.fail("it connects to nobody"),
      listen: () => ({ ok: true, value: listener }),
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
    },
  });
  const word = peerWord(1, 2, { password: "secret" });
  listening.set({ port: 179 }, [{ word, where: { address: at(2), link: undefined } } as Peer], START);
  return { said, due: () => due, left };
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
