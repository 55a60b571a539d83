import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bgp, peer, pool } from "#core/metallb/test-objects";
import { renderRouter } from "./render.ts";
import { CASES, node, routerOf, routersIn } from "./test-cases.ts";
import { VENDORS } from "./vendors.ts";

/** Compares with testdata/NAME; UPDATE_GOLDEN=1 writes it instead, and the diff is the review. */
const golden = (name: string, text: string): void => {
  const file = new URL(`./testdata/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `${name}: run with UPDATE_GOLDEN=1 to accept`);
};

for (const vendor of VENDORS) {
  describe(`a router of the kind ${vendor}`, () => {
    for (const name of CASES.keys()) {
      it(`is told what was reviewed: ${name}`, () => {
        golden(`${name}.${vendor}.txt`, renderRouter(vendor, routerOf(name)));
      });
    }

    it("is never told a password, only whose it is", () => {
      const text = renderRouter(vendor, routerOf("everything"));
      assert.doesNotMatch(text, /hunter2/);
      assert.match(text, /<password-of-BGPPeer-tor\.example>/);
    });

    it("accepts what is announced and nothing of pools that are not for it", () => {
      const text = renderRouter(vendor, routerOf("everything"));
      assert.match(text, /192\.0\.2\.0\/24/);
      assert.match(text, /2001:db8:2::\/64/i);
      assert.doesNotMatch(text, /203\.0\.113/);
    });

    it("is told the nodes' number that they tell it, and its own", () => {
      const text = renderRouter(vendor, routerOf("everything"));
      assert.match(text, /\b64510\b/);
      assert.match(text, /\b64501\b/);
      assert.doesNotMatch(text, /\b64500\b/);
    });

    it("is told nothing that ends a line or a comment, whatever names hold", () => {
      fc.assert(
        fc.property(fc.string({ minLength: 1, maxLength: 80, unit: "binary" }), (name) => {
          const read = routersIn([pool("web"), bgp("all"), peer("tor")], {
            type: "nodes",
            nodes: [node(`${name}\nno router bgp 64501`, "10.0.0.11")],
          });
          assert.ok(read.ok);
          const [router] = read.routers;
          assert.ok(router !== undefined);
          const renamed = {
            ...router,
            name: `x\n${name}`,
            sessions: router.sessions.map((session) => ({
              ...session,
              peer: `${name}\r\n${name}`,
              notes: [`${name}\n}`],
            })),
          };
          const text = renderRouter(vendor, renamed);
          assert.doesNotMatch(text, /[^\x20-\x7e\n]/);
          assert.doesNotMatch(text, /^\s*no router bgp/m);
          const lines = renderRouter(vendor, router).split("\n").length;
          assert.ok(text.split("\n").length <= lines + 1, text);
        }),
        { numRuns: 30 },
      );
    });
  });
}

it("there is a reviewed file for each vendor and case, and the page names each vendor", () => {
  const page = readFileSync(new URL("../../../docs/router-config.md", import.meta.url), "utf8");
  for (const vendor of VENDORS) assert.match(page, new RegExp(`^\\| \`${vendor}\` \\|`, "m"));
});
