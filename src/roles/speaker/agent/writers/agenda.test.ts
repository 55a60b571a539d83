import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { createTestTime } from "#testing/time";
import { Agenda } from "./agenda.ts";

const SERVICES: readonly ObjectKey[] = Array.from({ length: 500 }, (_, index) =>
  objectKey({ namespace: "shop", name: `web-${index}` }),
);
const [ONE, OTHER] = SERVICES as readonly [ObjectKey, ObjectKey];

const bench = () => {
  const time = createTestTime();
  const looked: ObjectKey[] = [];
  const agenda = new Agenda({
    clock: time,
    look: (service) => void looked.push(service),
    all: () => SERVICES,
  });
  return { agenda, time, take: (): readonly ObjectKey[] => looked.splice(0) };
};

describe("an agenda", () => {
  it("has those looked at of which something is known to have changed, and no others", async () => {
    const { agenda, time, take } = bench();
    agenda.soon([ONE]);
    agenda.everything(seconds(30));
    await time.advance(seconds(29));
    assert.deepEqual(take(), [ONE]);
  });

  it("has all of them looked at in the time that was asked for, however often something changes", async () => {
    const { agenda, time, take } = bench();
    for (let change = 0; change < 30; change += 1) {
      agenda.everything(seconds(30));
      await time.advance(seconds(1));
    }
    await time.advance(millis(10));
    assert.deepEqual([...take()].sort(), [...SERVICES].sort());
    await time.advance(seconds(60));
    assert.deepEqual(take(), []);
  });

  it("has all of them looked at sooner if that is asked for meanwhile", async () => {
    const { agenda, time, take } = bench();
    agenda.everything(seconds(30));
    agenda.everything();
    await time.advance(millis(10));
    assert.equal(take().length, SERVICES.length);
  });

  it("has one that waits looked at when its time has come, or with all the others", async () => {
    const { agenda, time, take } = bench();
    agenda.at(OTHER, time.now());
    await time.advance(millis(10));
    assert.deepEqual(take(), [OTHER]);
    agenda.at(OTHER, time.now());
    agenda.everything();
    await time.advance(seconds(2));
    assert.ok(take().length >= SERVICES.length);
  });

  it("rests for a second after it has looked at everything", async () => {
    const { agenda, time, take } = bench();
    agenda.everything();
    await time.advance(millis(10));
    take();
    agenda.everything();
    await time.advance(millis(900));
    assert.deepEqual(take(), []);
    await time.advance(millis(200));
    assert.equal(take().length, SERVICES.length);
  });

  it("looks at nothing any more once it is closed", async () => {
    const { agenda, time, take } = bench();
    agenda.soon([ONE]);
    agenda.close();
    agenda.everything();
    await time.advance(seconds(5));
    assert.deepEqual(take(), []);
  });
});
