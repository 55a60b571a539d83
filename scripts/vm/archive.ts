/** The initial file system of a kernel: an archive in cpio's format "newc", the one that Linux unpacks when it starts. */

/** One file in the root of the archive. */
export type Entry = {
  readonly name: string;
  readonly content: Uint8Array;
  readonly isExecutable?: boolean;
};

const MAGIC = "070701";
const REGULAR = 0o100000;
/** The name of what ends an archive. */
const TRAILER = "TRAILER!!!";

const padded = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** Header, name with a NUL and content, the first two and the last padded to four bytes each. */
const encodeEntry = ({ name, content, isExecutable = false }: Entry, inode: number): Uint8Array => {
  const path = Buffer.from(`${name}\0`);
  const mode = REGULAR | (isExecutable ? 0o755 : 0o644);
  const [user, group, links, modified] = [0, 0, 1, 0];
  const [major, minor, deviceMajor, deviceMinor, check] = [0, 0, 0, 0, 0];
  const fields = [
    ...[inode, mode, user, group, links, modified, content.length],
    ...[major, minor, deviceMajor, deviceMinor, path.length, check],
  ];
  const header = Buffer.from(MAGIC + fields.map(hex).join(""));
  return Buffer.concat([padded(Buffer.concat([header, path])), padded(content)]);
};

/** The archive with these files. */
export const encodeArchive = (entries: readonly Entry[]): Uint8Array =>
  Buffer.concat(
    [...entries, { name: TRAILER, content: new Uint8Array() }].map((entry, index) =>
      encodeEntry(entry, index + 1),
    ),
  );
