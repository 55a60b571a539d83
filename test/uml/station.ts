/** One namespace with one interface: enough to see what an engine makes, and made in a tenth of a second. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIpvsEngine } from "#drivers/balance/ipvs/linux";
import type { SyncOptions } from "#drivers/balance/ipvs/sync";
import type { BalanceEngine } from "#drivers/balance/port";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
let made = 0;

export class Station {
  readonly #name: string;
  readonly #runDirectory = mkdtempSync(join(tmpdir(), "station-"));
  readonly #engines: BalanceEngine[] = [];

  constructor() {
    made += 1;
    this.#name = `station-${process.pid}-${made}`;
    execFileSync("ip", ["netns", "add", this.#name]);
    this.inside("ip link add eth0 type dummy; ip link set eth0 up; ip addr add 10.2.0.11/24 dev eth0");
  }

  /** Runs a shell command there and gives what it printed. */
  inside(command: string): string {
    return execFileSync("ip", ["netns", "exec", this.#name, "sh", "-ec", command], { encoding: "utf8" });
  }

  /** An engine that works there; each is another start of the program. What does not work fails the test. */
  openIpvs(sync?: SyncOptions): BalanceEngine {
    const warn = (message: string): void => assert.fail(message);
    const engine = this.#there(() => openIpvsEngine({ runDirectory: this.#runDirectory, sync, warn }));
    this.#engines.push(engine);
    return engine;
  }

  #there<Value>(work: () => Value): Value {
    const door = openDoor();
    const [own, other] = [
      openSync("/proc/thread-self/ns/net", "r"),
      openSync(`/run/netns/${this.#name}`, "r"),
    ];
    try {
      assert.equal(door.setns(other, CLONE_NEWNET), 0);
      return work();
    } finally {
      assert.equal(door.setns(own, CLONE_NEWNET), 0);
      closeSync(own);
      closeSync(other);
    }
  }

  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.close();
    execFileSync("ip", ["netns", "del", this.#name]);
    rmSync(this.#runDirectory, { recursive: true, force: true });
  }
}
