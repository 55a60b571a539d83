/** Network namespaces made for one test, and this thread's visits to them. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const door = openDoor();

/** Runs `ip` with these words. */
const ip = (...words: readonly string[]): string => execFileSync("ip", words, { encoding: "utf8" });

/** Calls `action` with this thread in the namespace; sockets made there stay there. */
export const within = <Value>(namespace: string, action: () => Value): Value => {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openSync(`/run/netns/${namespace}`, "r");
  assert.equal(door.setns(there, CLONE_NEWNET), 0);
  try {
    return action();
  } finally {
    assert.equal(door.setns(home, CLONE_NEWNET), 0);
    closeSync(home);
    closeSync(there);
  }
};

let serial = 0;

/** Some namespaces. */
export type Namespaces = {
  /** The name that `ip -n` knows. */
  readonly name: (host: string) => string;
  /** Runs `ip` with these words, one line each, in a host. */
  readonly ip: (host: string, ...lines: readonly string[]) => string;
  /** Writes below /proc/sys in a host. */
  readonly sysctl: (host: string, path: string, value: string) => void;
  readonly close: () => void;
};

/** Makes a namespace for each host, with its loopback up. */
export const openNamespaces = (hosts: readonly string[]): Namespaces => {
  serial += 1;
  const name = (host: string): string => `st-${process.pid}-${serial}-${host}`;
  for (const host of hosts) {
    ip("netns", "add", name(host));
    ip("-n", name(host), "link", "set", "lo", "up");
  }
  return {
    name,
    ip: (host, ...lines) => lines.map((line) => ip("-n", name(host), ...line.split(" "))).join(""),
    sysctl: (host, path, value) => within(name(host), () => writeFileSync(`/proc/sys/${path}`, value)),
    close: () => {
      for (const host of hosts) ip("netns", "del", name(host));
    },
  };
};

/** Waits until `done` holds, at most five seconds; gives whether it did. */
export const settle = async (done: () => boolean): Promise<boolean> => {
  const end = door.monotonicMicros() + 5_000_000;
  while (!done()) {
    if (door.monotonicMicros() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
};

/** Gives what should not happen the time to do so. */
export const quiet = (millis = 50): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));
