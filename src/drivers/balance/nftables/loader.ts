/** Loads rulesets through the `nft` program, from files that people can read where files can be written. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BalanceError } from "../port.ts";
import { feedNft, type NftResult, runNft } from "./nft.ts";

/** The ruleset that was loaded last, and the last change of it since. */
const FILES = { ruleset: "ruleset.nft", change: "change.nft" } as const;

/** Text enough to be worth a write of its own, in characters. */
const CHUNK_LENGTH = 64 * 1024;

/** Parts as lines, gathered so that not every one is a write of its own. */
function* chunksOf(parts: Iterable<string>): Generator<string> {
  let chunk = "";
  for (const part of parts) {
    chunk += `${part}\n`;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}

export class Loader {
  readonly #nft: string;
  readonly #directory: string;

  constructor(nft: string, directory: string) {
    this.#nft = nft;
    this.#directory = directory;
  }

  /** Loads parts of lines in one transaction: a whole ruleset, or a change of the one that runs. */
  async load(parts: () => Iterable<string>, what: keyof typeof FILES): Promise<BalanceError | undefined> {
    const draft = await this.#write(`${FILES[what]}.new`, parts()).catch(() => undefined);
    const loaded = draft === undefined ? await this.feed(parts()) : await this.run(["--file", draft]);
    if (!loaded.ok) {
      return loaded.code === "not-found"
        ? { code: "no-nft", message: `there is no ${this.#nft} program: install nftables` }
        : {
            code: "refused",
            message: `nft refused the ruleset: ${loaded.output.split("\n", 1)[0]}`,
            output: loaded.output,
          };
    }
    // A change is one of the ruleset before; and what was loaded before is not what runs.
    if (draft === undefined) await this.forget();
    else {
      if (what === "ruleset") await this.#remove(FILES.change);
      await rename(draft, this.#path(FILES[what])).catch(() => undefined);
    }
    return undefined;
  }

  /** Loads parts of lines without a file. */
  feed(parts: Iterable<string>): Promise<NftResult> {
    return feedNft(this.#nft, chunksOf(parts));
  }

  /** Runs the program. */
  run(words: readonly string[]): Promise<NftResult> {
    return runNft(this.#nft, words);
  }

  /** Whether the program and the kernel would take this; `undefined` where no file can be written to ask with. */
  async check(text: string): Promise<NftResult | undefined> {
    const file = await this.#write("probe.nft", [text]).catch(() => undefined);
    if (file === undefined) return undefined;
    const answer = await this.run(["--check", "--file", file]);
    await this.#remove("probe.nft");
    return answer;
  }

  /** Removes the files: nothing of them runs. */
  async forget(): Promise<void> {
    for (const file of Object.values(FILES)) await this.#remove(file);
  }

  /** Writes a file part by part, a line end after each. */
  async #write(name: string, parts: Iterable<string>): Promise<string> {
    await mkdir(this.#directory, { recursive: true, mode: 0o750 });
    const path = this.#path(name);
    try {
      await writeFile(path, chunksOf(parts), { mode: 0o640 });
    } catch (error) {
      // Half a file only takes room.
      await this.#remove(name);
      throw error;
    }
    return path;
  }

  #remove(name: string): Promise<void> {
    return rm(this.#path(name), { force: true }).catch(() => undefined);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
