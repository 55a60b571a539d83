import assert from "node:assert/strict";
import { it } from "node:test";
import { type Finding, sortedBy } from "./finding.ts";

it("findings are shown errors first, then in the order of their list, and as they came where that is the same", () => {
  const finding = (code: string, severity: Finding["severity"], subject = "eth0"): Finding => ({
    ...{ code, severity, subject, message: "It is wrong.", remedy: "mend it" },
  });
  const given = [
    ...[finding("second", "warning"), finding("second", "error", "eth1"), finding("first", "warning")],
    ...[finding("second", "error", "eth0"), finding("first", "error")],
  ];
  assert.deepEqual(
    sortedBy(["first", "second"], given).map(
      ({ code, severity, subject }) => `${severity} ${code} ${subject}`,
    ),
    [
      "error first eth0",
      "error second eth1",
      "error second eth0",
      "warning first eth0",
      "warning second eth0",
    ],
  );
});
