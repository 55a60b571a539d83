/** What every `FilesPort` must do; run against the fake and against the real file system. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { FilesPort } from "./port.ts";

/** Ends when the test does, also by a failure or its timeout: an open watcher would keep the process alive. */
export type Ending = { after(action: () => void): void };

/** One place to put files, with a port that reads them. */
export type FilesBed = {
  readonly port: FilesPort;
  /** A directory that exists and is empty. */
  readonly directory: string;
  /** Sets the text of a file, or removes it with `undefined`. */
  write(path: string, text: string | undefined): void;
  close(): void;
};

/** Registers the contract's tests. */
export const filesContract = (open: () => FilesBed): void => {
  const on = (title: string, body: (bed: FilesBed, test: Ending) => void | Promise<void>) =>
    it(title, { timeout: 20_000 }, async (test) => {
      const bed = open();
      try {
        await body(bed, test);
      } finally {
        bed.close();
      }
    });

  on("reads one file", ({ port, directory, write }) => {
    const path = `${directory}/a.yaml`;
    write(path, "text: ä\n");
    assert.deepEqual(port.read([path]), { files: [{ path, text: "text: ä\n" }], problems: [] });
  });

  on("finds the files that a pattern means, in the order of their names", ({ port, directory, write }) => {
    for (const name of ["b.conf", "a.conf", ".hidden.conf", "c.conf~", "d.text"])
      write(`${directory}/${name}`, "text\n");
    const found = (pattern: string) =>
      port.find(`${directory}/${pattern}`).map((path) => path.slice(directory.length + 1));
    assert.deepEqual(found("*.conf"), ["a.conf", "b.conf"]);
    assert.deepEqual(found("[b-z].c?nf"), ["b.conf"]);
    assert.deepEqual(found("{d.text,{b,z}.conf}"), ["b.conf", "d.text"]);
    assert.deepEqual(found("a.conf"), ["a.conf"]);
    assert.deepEqual(found("z.conf"), []);
    assert.deepEqual(found("nowhere/*.conf"), []);
  });

  on(
    "reads the *.yaml and *.yml of a directory in the order of their names",
    ({ port, directory, write }) => {
      for (const name of ["b.yml", "a.yaml", ".hidden.yaml", "c.yaml~", "d.txt", ".yaml"])
        write(`${directory}/${name}`, name);
      const { files, problems } = port.read([directory]);
      assert.deepEqual(
        files.map(({ text }) => text),
        ["a.yaml", "b.yml"],
      );
      assert.deepEqual(problems, []);
    },
  );

  on("reads a file once that is named twice", ({ port, directory, write }) => {
    write(`${directory}/a.yaml`, "x");
    assert.equal(port.read([`${directory}/a.yaml`, directory, directory]).files.length, 1);
  });

  on("says which path gave nothing, and still reads the others", ({ port, directory, write }) => {
    write(`${directory}/a.yaml`, "x");
    const { files, problems } = port.read([`${directory}/none.yaml`, `${directory}/a.yaml`]);
    assert.equal(files.length, 1);
    assert.deepEqual(
      problems.map(({ path, message }) => ({ path, message })),
      [{ path: `${directory}/none.yaml`, message: "does not exist" }],
    );
  });

  for (const { what, before, after } of [
    { what: "rewritten", before: "old", after: "longer" },
    { what: "removed", before: "old", after: undefined },
    { what: "created", before: undefined, after: "new" },
  ]) {
    on(`tells when a file of a watched directory is ${what}`, async ({ port, directory, write }, test) => {
      write(`${directory}/a.yaml`, before);
      write(`${directory}/b.yaml`, "stays");
      await changeSeen(test, port, [directory], () => write(`${directory}/a.yaml`, after));
    });
    on(`tells when a watched file is ${what}`, async ({ port, directory, write }, test) => {
      write(`${directory}/a.yaml`, before);
      await changeSeen(test, port, [`${directory}/a.yaml`], () => write(`${directory}/a.yaml`, after));
    });
  }
};

/** Resolves once `port` has told of the change that `change` makes. */
export const changeSeen = (
  test: Ending,
  port: FilesPort,
  paths: readonly string[],
  change: () => void,
): Promise<void> =>
  new Promise((resolve) => {
    test.after(port.watch(paths, resolve));
    change();
  });
