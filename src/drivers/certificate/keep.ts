/** Keeps the Secret as planned: reads, plans, makes, writes, reads again, until nothing is left to do now. */
import type { WallTime } from "#base/time";
import type { Note } from "#core/certificate/note";
import {
  type CertificateChange,
  type CertificatePlan,
  planCertificate,
  type Wanted,
} from "#core/certificate/plan";
import { type SecretWrite, secretWrite } from "#core/certificate/secret";
import { carryOut } from "./issue.ts";
import { readSecret, type SecretReading } from "./read.ts";
import { type ServerTime, stampOf } from "./stamp.ts";

/** The Secret behind the API server. Neither call rejects; messages hold no contents. */
export type SecretStore = {
  /** The Secret as parsed from JSON, `undefined` if there is none. */
  read(): Promise<{ readonly ok: true; readonly object: unknown } | StoreFailure>;
  /** `conflict` also stands for a Secret that exists already. */
  write(write: SecretWrite): Promise<{ readonly ok: true; readonly object: unknown } | StoreFailure>;
};

export type StoreFailure = {
  readonly ok: false;
  readonly reason: "conflict" | "failed";
  readonly message: string;
};

/** What TLS needs, as PEM. */
export type Identity = { readonly certificate: string; readonly key: string };

/** What came of a round. */
export type Round = {
  /** `undefined` while nothing can be served with. */
  readonly identity: Identity | undefined;
  /** What the API server must trust; `undefined` while that is not known. */
  readonly bundle: readonly string[] | undefined;
  /** What was written, in this order. */
  readonly changes: readonly CertificateChange[];
  /** Each once. */
  readonly notes: readonly Note[];
  /** When the next round is due, at the latest, by the clock of the API server if it is known. */
  readonly again: WallTime;
  /** Why the Secret could not be read or written; the rest is as of before. */
  readonly failure: string | undefined;
};

export type KeepOptions = {
  readonly store: SecretStore;
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  readonly wanted: Wanted;
  /** Our own clock. */
  readonly now: () => WallTime;
  /** Of the API server that holds the Secret; what our own writes tell of it is added. */
  readonly serverTime: ServerTime;
  /** The bundles in force, as PEM, of the places that verify us. */
  readonly bundles: readonly string[];
};

/** Attempts of one round: a creation by a clock that is wrong and its correction, and conflicts in between. */
const MAX_ATTEMPTS = 6;

const unique = (notes: readonly Note[]): readonly Note[] => {
  const byText = new Map(notes.map((note) => [JSON.stringify(note), note]));
  return [...byText.values()];
};

const outcome = (
  reading: SecretReading,
  plan: CertificatePlan,
  rest: Pick<Round, "changes" | "notes" | "failure">,
): Round => ({
  identity: reading.contents && { certificate: reading.contents.certificate, key: reading.contents.key },
  bundle: plan.bundle,
  again: plan.again,
  ...rest,
  notes: unique(rest.notes),
});

/** Whether the answer to our write has a stamp of its own; one that the Secret had before says nothing about now. */
const isStampedAnew = ({ held }: SecretReading, written: unknown): boolean => {
  const before = held.type === "present" ? held.stampedAt : undefined;
  const stamp = stampOf(written);
  return stamp !== undefined && (before === undefined || stamp > before);
};

/** One round. Replicas may run it at the same time: who is late finds a conflict and adopts what the other wrote. */
export const keepCertificate = async (options: KeepOptions): Promise<Round | StoreFailure> => {
  const { store, namespace, name, wanted, now, serverTime, bundles } = options;
  const changes: CertificateChange[] = [];
  const notes: Note[] = [];
  let read = await store.read();
  if (!read.ok) return read;
  for (let attempts = 1; ; attempts += 1) {
    const reading = readSecret(read.object);
    const clock = { now: now(), serverNow: serverTime.now() };
    const plan = planCertificate({ wanted, held: reading.held, clock, bundles });
    notes.push(...plan.notes);
    if (plan.change === undefined) return outcome(reading, plan, { changes, notes, failure: undefined });
    if (attempts > MAX_ATTEMPTS) {
      return outcome(reading, plan, { changes, notes, failure: "others write the Secret at the same time" });
    }
    const { change, time } = plan;
    const contents = carryOut({ change, held: reading.contents, names: wanted.names, time });
    const written = await store.write(secretWrite({ namespace, name, held: reading.held, contents }));
    if (written.ok) {
      changes.push(change);
      if (isStampedAnew(reading, written.object)) serverTime.heard(written.object);
      read = written;
      continue;
    }
    if (written.reason === "failed") {
      return outcome(reading, plan, { changes, notes, failure: written.message });
    }
    read = await store.read();
    if (!read.ok) return outcome(reading, plan, { changes, notes, failure: read.message });
  }
};
