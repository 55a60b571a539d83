import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Include, readLines } from "./lines.ts";
import { Report } from "./report.ts";

const NONE: Include = () => ({ files: [], problems: [] });

const read = (text: string, { configId = "here", include = NONE } = {}) => {
  const report = new Report();
  const outcome = readLines([{ path: "/etc/k/k.conf", text }], { configId, include }, report);
  return {
    lines: outcome.ok ? outcome.lines.map((line) => `${line.place.line} ${line.text}`) : [],
    why: outcome.ok ? undefined : outcome.why,
    notes: report.notes.map(
      ({ place, fate, subject, text: said }) => `${place.line} ${fate} ${subject}: ${said}`,
    ),
  };
};

describe("the lines of keepalived's configuration", () => {
  it("have no comments, and quotes and backslashes protect what looks like one", () => {
    const text = '  a b # c\n! d\n"e # f" g ! h\ni \\# j\n\n#\n';
    assert.deepEqual(read(text).lines, ["1 a b", '3 "e # f" g', "4 i \\# j"]);
  });

  it("go on after a backslash", () => {
    assert.deepEqual(read("a \\\n  b \\\nc\nd").lines, ["1 a b c", "4 d"]);
  });

  it("hold for one box only after @ and its name", () => {
    const outcome = read("@here a\n@there b\n@^here c\n@^there d");
    assert.deepEqual(outcome.lines, ["1 a", "4 d"]);
    assert.deepEqual(outcome.notes, [
      "2 needless @there: is for another box than here, which --config-id says",
      "3 needless @^here: is for another box than here, which --config-id says",
    ]);
  });

  it("are listed when they ask for repetition", () => {
    assert.match(read(`~SEQ(A, 1, 3) 10.0.0.\${A}`).notes.join(), /1 lost ~SEQ: /);
    assert.match(read(`~LST(A, 1, 3) 10.0.0.\${A}`).notes.join(), /1 lost ~LST: /);
  });
});

describe("parameters", () => {
  it("are replaced when the line is read, with braces anywhere and without before a blank", () => {
    const text = `$BASE=10.2.\${SUB}\n$SUB=0\n\${BASE}.1/32\n$SUB=10\n\${BASE}.1/32 $SUB $SUBx $SUB.1 $SUB`;
    assert.deepEqual(read(text).lines, ["3 10.2.0.1/32", "5 10.2.10.1/32 10 $SUBx $SUB.1 10"]);
  });

  it("stay as they are when nobody defined them", () => {
    assert.deepEqual(read(`a $B \${C}`).lines, [`1 a $B \${C}`]);
  });

  it("may hold several lines, conditions and definitions, all at the place of their use", () => {
    const text = `$N=1\n$I= \\\n  a \${N} \\\n  @there b \\\n  c\n$I\n$N=2\n$I`;
    assert.deepEqual(read(text).lines, ["6 a 1", "6 c", "8 a 2", "8 c"]);
  });

  it("may be defined for one box only", () => {
    assert.deepEqual(read("@here $P=1\n@there $P=2\np $P").lines, ["3 p 1"]);
  });

  it("know the folder, the box and the signs of comments", () => {
    assert.deepEqual(read(`\${_PWD} \${_INSTANCE} \${_HASH}\${_BANG}`).lines, ["1 /etc/k here #!"]);
  });

  it("that name themselves are refused, however fast they grow", () => {
    assert.match(read(`$A=x\${A}\n\${A}`).why?.message ?? "", /deep/);
    const doubling = Array.from({ length: 31 }, (_, level) => `$A${level + 1}=\${A${level}}\${A${level}}`);
    const { why } = read(["$A0=xxxxxxxxxx", ...doubling, `\${A31}`].join("\n"));
    assert.match(why?.message ?? "", /grows/);
  });

  it("of many lines that name each other are refused before memory is gone", () => {
    const levels = Array.from({ length: 10 }, (_, level) => {
      const inner = `\${L${level}} \\\n`.repeat(19);
      return `$L${level + 1}= \\\n${inner}\${L${level}}`;
    });
    const { why } = read(["$L0=word", ...levels, `\${L10}`].join("\n"));
    assert.match(why?.message ?? "", /more than|longer/);
  });
});

describe("include", () => {
  const files: Readonly<Record<string, string>> = { "/etc/k/a": "a1\na2", "/etc/k/self": "include self" };
  const include: Include = (pattern, from) => {
    const path = `${from.replace(/[^/]*$/, "")}${pattern}`;
    const text = files[path];
    return text === undefined ? { files: [], problems: [] } : { files: [{ path, text }], problems: [] };
  };

  it("puts the lines of a file in its place", () => {
    assert.deepEqual(read("b\ninclude a # now\nc", { include }).lines, ["1 b", "1 a1", "2 a2", "3 c"]);
  });

  it("lists a file that does not exist, and minds no pattern that means none", () => {
    assert.deepEqual(read("include z\nincluder z*", { include }).notes, [
      "1 lost include: z does not exist",
      "2 needless includer: no file matches z*",
    ]);
  });

  it("of a file by itself is refused", () => {
    const { why } = read("include self", { include });
    assert.deepEqual(why, {
      place: { file: "/etc/k/self", line: 1 },
      message: "/etc/k/self includes itself",
    });
  });

  it("of ever new files is refused", () => {
    let count = 0;
    const endless: Include = () => {
      count += 1;
      return { files: [{ path: `/${count}`, text: "include next" }], problems: [] };
    };
    assert.match(read("include x", { include: endless }).why?.message ?? "", /deep/);
    const wide: Include = () => {
      count += 1;
      return { files: [{ path: `/${count}`, text: "a" }], problems: [] };
    };
    assert.match(read("include x\n".repeat(2_000), { include: wide }).why?.message ?? "", /files/);
  });
});
