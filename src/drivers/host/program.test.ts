import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { runProgram } from "./program.ts";

const shell = (script: string, limit = seconds(30)) => runProgram("sh", ["-c", script], { limit });

describe("a program that is run", () => {
  it("tells how it ended and what it said, apart", async () => {
    assert.deepEqual(await shell("echo out; echo err >&2; exit 7"), {
      ...{ type: "ended", status: 7, stdout: "out\n", stderr: "err\n" },
    });
  });

  it("tells each line as it comes, the last one too", async () => {
    const lines: string[] = [];
    await runProgram("printf", ["a\\nb\\nc"], { limit: seconds(30), onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ["a", "b", "c"]);
  });

  it("is given nothing to read, so that it asks nobody", async () => {
    assert.deepEqual(await shell("cat"), { type: "ended", status: 0, stdout: "", stderr: "" });
  });

  it("is ended when it takes too long or says too much, and missed when it is not there", async () => {
    const problem = async (ran: ReturnType<typeof shell>): Promise<string> => {
      const result = await ran;
      return result.type === "failed" ? result.problem : "ended";
    };
    assert.equal(await problem(shell("exec sleep 600", millis(50))), "sh did not end within 50ms");
    assert.equal(await problem(shell("yes")), "sh prints too much");
    assert.equal(await problem(shell("kill -9 $$")), "sh was killed by SIGKILL");
    const none = runProgram("no-such-program-here", [], { limit: seconds(30) });
    assert.equal(await problem(none), "no-such-program-here is not installed");
  });
});
