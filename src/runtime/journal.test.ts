import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { wallTime } from "#base/time";
import type { Event } from "#core/observation/event";
import { emptyView, project } from "#core/observation/view";
import { createJournal } from "./journal.ts";

const link = (name: string): Event => ({ type: "link", link: name, state: "up" });

describe("journal", () => {
  it("numbers observations from 1 without gaps and tells of each", () => {
    const told: number[] = [];
    const journal = createJournal({
      ...{ capacity: 10, view: emptyView(), project },
      onObservation: ({ sequence }) => told.push(sequence),
    });
    journal.record(link("a"), wallTime(1));
    journal.record(link("b"), wallTime(2));
    assert.deepEqual(told, [1, 2]);
    assert.deepEqual(
      journal.after(1).map(({ event }) => event),
      [link("b")],
    );
    assert.equal(journal.view.links.a, "up");
  });

  it("keeps the last observations only, and the first number shows that some are gone", () => {
    const journal = createJournal({
      ...{ capacity: 3, view: emptyView(), project },
      onObservation: () => {},
    });
    for (let index = 0; index < 20; index += 1) journal.record(link(`${index}`), wallTime(index));
    assert.deepEqual(
      journal.after(0).map(({ sequence }) => sequence),
      [18, 19, 20],
    );
    assert.deepEqual(
      journal.after(19).map(({ sequence }) => sequence),
      [20],
    );
    assert.deepEqual(journal.after(20), []);
    assert.deepEqual(
      journal.after(0, 2).map(({ sequence }) => sequence),
      [18, 19],
    );
  });

  it("forgets what nobody will ask for, and goes on counting", () => {
    const journal = createJournal({
      ...{ capacity: 10, view: emptyView(), project },
      onObservation: () => {},
    });
    const sequences = () => journal.after(0).map(({ sequence }) => sequence);
    for (let index = 0; index < 8; index += 1) journal.record(link(`${index}`), wallTime(index));
    journal.forget(6);
    assert.deepEqual(sequences(), [7, 8]);
    journal.forget(8);
    journal.forget(8);
    assert.deepEqual(sequences(), []);
    journal.record(link("next"), wallTime(9));
    assert.deepEqual([sequences(), journal.after(8).length], [[9], 1]);
  });
});
