import { describe } from "node:test";
import { filesContract } from "./contract.ts";
import { fakeFiles } from "./fake.ts";

describe("the fake file system", () => {
  filesContract(() => {
    const port = fakeFiles();
    return { port, directory: "/etc/steelyard", write: port.write, close: () => {} };
  });
});
