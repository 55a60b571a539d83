/** What became of the tests of a suite, file by file. */
import { relative, resolve } from "node:path";

/** One finished test, or one finished file when `name` is the file itself. */
export type Finished = {
  readonly name: string;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string };
};

type Page = { passed: number; readonly complaints: string[] };

const isRefused = (flag: string | boolean | undefined): boolean => flag !== undefined && flag !== false;

/** Where what belongs to no file is counted. */
const NO_FILE = "";

export class Tally {
  readonly #pages = new Map<string, Page>();

  /** Counts a test; a skipped one, one still to do and a file without any are failures. */
  count(test: Finished, succeeded: boolean): void {
    if (test.details.type === "suite") return;
    const file = test.file === undefined ? NO_FILE : relative(process.cwd(), test.file);
    const where = file === NO_FILE ? test.name : `${file}: ${test.name}`;
    if (!succeeded) this.complain(`failed: ${where}`, file);
    else if (resolve(test.name) === test.file) this.complain(`no test in ${file}`, file);
    else if (isRefused(test.skip)) this.complain(`skipped: ${where}`, file);
    else if (isRefused(test.todo)) this.complain(`still to do: ${where}`, file);
    else this.#page(file).passed += 1;
  }

  /** Counts a failure that is no test's. */
  complain(complaint: string, file = NO_FILE): void {
    this.#page(file).complaints.push(complaint);
  }

  /** The run has failed; says so unless a test has said why. */
  isUnexplained(): void {
    if (this.failed === 0) this.complain("every test passed, but a hook or a suite around them failed");
  }

  get passed(): number {
    return [...this.#pages.values()].reduce((sum, { passed }) => sum + passed, 0);
  }
  get failed(): number {
    return this.complaints().length;
  }
  complaints(): readonly string[] {
    return [...this.#pages.values()].flatMap(({ complaints }) => complaints);
  }

  /** The files in which something failed; `undefined` when something failed that is of no file. */
  failedFiles(): readonly string[] | undefined {
    const files = [...this.#pages]
      .filter(([, { complaints }]) => complaints.length > 0)
      .map(([file]) => file);
    return files.includes(NO_FILE) ? undefined : files;
  }

  /** The same with everything of these files as another run had it. A file of which it saw nothing has failed. */
  replaced(files: readonly string[], other: Tally): Tally {
    const both = new Tally();
    for (const [file, page] of this.#pages) if (!files.includes(file)) both.#pages.set(file, page);
    for (const [file, page] of other.#pages) both.#pages.set(file, page);
    for (const file of files) if (!other.#pages.has(file)) both.complain(`no test in ${file}`, file);
    return both;
  }

  #page(file: string): Page {
    const page = this.#pages.get(file) ?? { passed: 0, complaints: [] };
    this.#pages.set(file, page);
    return page;
  }
}
