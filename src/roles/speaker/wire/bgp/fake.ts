/** What talks to BGP peers, for tests: it notes what it is told, and says what a test lets it say. */
import { formatInterfaceAddress } from "#base/prefix";
import type { PeerWord } from "#core/bgp/desired";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import { fakeBequest } from "#drivers/files/fake-bequest";
import { type FakeRecord, fakeRecord } from "#drivers/files/fake-record";
import type { Left } from "#runtime/bgp/leaving";
import type { BgpSurroundings, OpenBgp } from "./port.ts";

export type FakeBgp = {
  readonly open: OpenBgp;
  /** What is on its disk. */
  readonly record: FakeRecord;
  /** What the next run finds of BFD. */
  readonly bequest: ReturnType<typeof fakeBequest>;
  /** The disk is opened; it tells this of each write that fails. */
  readonly openRecord: (onFailure: (detail: string) => void) => FakeRecord;
  /** A write has failed. */
  failWrite(detail: string): void;
  /** What it was told since it was last asked, a word each: `peers a b`, `route 192.0.2.1/32`, `complete`, `leave restart`. */
  calls(): readonly string[];
  /** The peers that it has now. */
  peers(): readonly PeerWord[];
  /** How it was opened. */
  around(): BgpSurroundings;
  /** Peers are so now. */
  setFacts(facts: BgpFacts): void;
  /** It has left, and this for the next run. */
  left(left?: Left): void;
};

export const fakeBgp = (found = "", left = ""): FakeBgp => {
  const record = fakeRecord(found);
  const calls: string[] = [];
  let peers: readonly PeerWord[] = [];
  let facts: BgpFacts = [];
  let around: BgpSurroundings | undefined;
  let onLeft = (_left: Left | undefined): void => {};
  let onFailure = (_detail: string): void => {};
  return {
    record,
    bequest: fakeBequest(left),
    openRecord: (given) => {
      onFailure = given;
      return record;
    },
    failWrite: (detail) => onFailure(detail),
    open: (given) => {
      around = given;
      return {
        setPeers: (words) => {
          peers = words;
          calls.push(["peers", ...words.map(({ name }) => name)].join(" "));
        },
        route: ({ changed, removed }) => {
          for (const { prefix } of changed) calls.push(`route ${formatInterfaceAddress(prefix)}`);
          for (const prefix of removed) calls.push(`withdraw ${formatInterfaceAddress(prefix)}`);
        },
        complete: () => void calls.push("complete"),
        linksChanged: () => void calls.push("links"),
        facts: () => facts,
        leave: (done, reason) => {
          calls.push(`leave ${reason}`);
          onLeft = done;
          // With nobody to be told it is over at once.
          if (peers.length === 0) done(undefined);
        },
        close: () => void calls.push("close"),
      };
    },
    calls: () => calls.splice(0),
    peers: () => peers,
    around: () => {
      if (around === undefined) throw new Error("it was not opened");
      return around;
    },
    setFacts: (given) => {
      facts = given;
      around?.onFacts();
    },
    left: (left) => onLeft(left),
  };
};
