import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { changeSeen, type Ending, type FilesBed, filesContract } from "./contract.ts";
import { MAX_FILE_BYTES, openFiles } from "./linux.ts";

/** Quick to settle; no look without an event unless a test asks for it. */
const QUICK = { settle: millis(10), poll: seconds(3600) };

const open = (timing = QUICK): FilesBed => {
  const directory = mkdtempSync(join(tmpdir(), "steelyard-files-"));
  return {
    port: openFiles(timing),
    directory,
    write: (path, text) => {
      if (text === undefined) rmSync(path, { force: true });
      else writeFileSync(path, text);
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
};

describe("the real file system", () => {
  filesContract(open);

  const on = (title: string, body: (bed: FilesBed, test: Ending) => void | Promise<void>, timing = QUICK) =>
    it(title, { timeout: 20_000 }, async (test) => {
      const bed = open(timing);
      try {
        await body(bed, test);
      } finally {
        bed.close();
      }
    });

  on("refuses what is too large, not text, no file, or an empty directory", ({ port, directory }) => {
    const large = join(directory, "large.yaml");
    writeFileSync(large, "");
    truncateSync(large, MAX_FILE_BYTES + 1);
    const binary = join(directory, "binary.yaml");
    writeFileSync(binary, Uint8Array.of(0xff, 0xfe));
    mkdirSync(join(directory, "nothing"));
    const { files, problems } = port.read([large, binary, "/dev/null", join(directory, "nothing")]);
    assert.deepEqual(files, []);
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        "is larger than 4 MB, or is being written right now",
        "is not UTF-8 text",
        "is no regular file",
        "holds no *.yaml or *.yml",
      ],
    );
  });

  on("reads a file of exactly the largest size", ({ port, directory }) => {
    const path = join(directory, "large.yaml");
    writeFileSync(path, " ".repeat(MAX_FILE_BYTES));
    assert.equal(port.read([path]).files[0]?.text.length, MAX_FILE_BYTES);
  });

  on("sees an editor rename a new file over the old one", async ({ port, directory }, test) => {
    const path = join(directory, "edge.yaml");
    writeFileSync(path, "old");
    await changeSeen(test, port, [path], () => {
      writeFileSync(`${path}.tmp`, "new");
      renameSync(`${path}.tmp`, path);
    });
    assert.equal(port.read([path]).files[0]?.text, "new");
  });

  on("sees Kubernetes swap the link of a mounted ConfigMap", async ({ port, directory }, test) => {
    for (const version of ["1", "2"]) {
      mkdirSync(join(directory, `..${version}`));
      writeFileSync(join(directory, `..${version}`, "edge.yaml"), version);
    }
    symlinkSync("..1", join(directory, "..data"));
    symlinkSync(join("..data", "edge.yaml"), join(directory, "edge.yaml"));
    const swap = () => {
      symlinkSync("..2", join(directory, "..data_tmp"));
      renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
    };
    await changeSeen(test, port, [directory], swap);
    assert.deepEqual(port.read([directory]).files, [{ path: join(directory, "edge.yaml"), text: "2" }]);
  });

  on("follows a link to a file in another directory", async ({ port, directory }, test) => {
    mkdirSync(join(directory, "elsewhere"));
    mkdirSync(join(directory, "etc"));
    const real = join(directory, "elsewhere", "real.yaml");
    writeFileSync(real, "old");
    symlinkSync(real, join(directory, "etc", "edge.yaml"));
    await changeSeen(test, port, [join(directory, "etc", "edge.yaml")], () => writeFileSync(real, "newer"));
  });

  on(
    "sees a directory that appears later, without any event",
    async ({ port, directory }, test) => {
      const deep = join(directory, "not", "yet", "there");
      await changeSeen(test, port, [deep], () => {
        mkdirSync(deep, { recursive: true });
        writeFileSync(join(deep, "a.yaml"), "x");
      });
    },
    { settle: millis(10), poll: millis(20) },
  );

  on(
    "tells of several changes in a row once, and not of files it does not read",
    async ({ port, directory }, test) => {
      const path = join(directory, "a.yaml");
      writeFileSync(path, "0");
      const seen: string[] = [];
      await new Promise<void>((resolve) => {
        const stop = port.watch([directory], () => {
          seen.push(
            port
              .read([directory])
              .files.map(({ text }) => text)
              .join(),
          );
          if (seen.at(-1) === "last") {
            stop();
            resolve();
            return;
          }
          writeFileSync(join(directory, "notes.txt"), "x");
          writeFileSync(path, "last");
        });
        test.after(stop);
        for (const text of ["1", "2", "3"]) writeFileSync(path, text);
      });
      assert.deepEqual(seen, ["3", "last"]);
    },
  );
});
