/** One connection between two fake hosts: bytes wait in the pipe until the network lets them through. */
import type { BgpClosed, BgpConnection, BgpEnd, BgpEvents } from "./port.ts";

/** Bytes that are taken from a writer although the other end has not read them, like the buffers of two kernels. */
const PIPE_CAPACITY = 100_000;

/** What travels: bytes, the end of them, or a reset. */
type Parcel = Uint8Array | "end" | "reset";

export type PipeEnd = {
  readonly connection: BgpConnection;
  /** Tells these from now on; nobody, if it was closed meanwhile. */
  tell(events: BgpEvents | undefined): void;
  /** Delivers what waits for this end; gives whether there was anything. */
  deliver(): boolean;
};

/** How the network treats the connection at this moment. */
export type PipeWeather = {
  /** Whether packets get from one end to the other. */
  readonly carries: () => boolean;
  /** Whether the program at this end reads. */
  readonly reads: () => boolean;
  /** The longest chunk that is delivered at once, in bytes. */
  readonly chunk: () => number;
};

/** What is on its way to one end. */
class Inbox {
  readonly #parcels: Parcel[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  put(parcel: Parcel): void {
    if (parcel === "reset") this.clear();
    this.#parcels.push(parcel);
    if (typeof parcel !== "string") this.#bytes += parcel.length;
  }

  first(): Parcel | undefined {
    return this.#parcels[0];
  }

  /** Takes the first parcel, or its beginning. */
  take(most: number): Parcel | undefined {
    const first = this.#parcels[0];
    if (first === undefined || typeof first === "string") return this.#parcels.shift();
    const part = first.slice(0, most);
    this.#bytes -= part.length;
    if (first.length > most) this.#parcels[0] = first.subarray(most);
    else this.#parcels.shift();
    return part;
  }

  clear(): void {
    this.#parcels.length = 0;
    this.#bytes = 0;
  }
}

class FakeConnection implements BgpConnection, PipeEnd {
  readonly connection: BgpConnection = this;
  readonly local: BgpEnd;
  readonly remote: BgpEnd;
  readonly linkIndex: number;
  readonly inbox = new Inbox();
  #events: BgpEvents | undefined;
  peer: FakeConnection | undefined;
  isOpen = true;
  #owesProgress = false;
  readonly #weather: PipeWeather;

  constructor(ends: Pick<BgpConnection, "local" | "remote" | "linkIndex">, weather: PipeWeather) {
    this.local = ends.local;
    this.remote = ends.remote;
    this.linkIndex = ends.linkIndex;
    this.#weather = weather;
  }

  tell(events: BgpEvents | undefined): void {
    if (this.isOpen) this.#events = events;
  }

  waiting(): number {
    return this.isOpen ? Math.max(0, (this.peer?.inbox.bytes ?? 0) - PIPE_CAPACITY) : 0;
  }

  write(bytes: Uint8Array): number {
    if (!this.isOpen) return 0;
    if (bytes.length > 0) this.peer?.inbox.put(bytes.slice());
    const waiting = this.waiting();
    if (waiting > 0) this.#owesProgress = true;
    return waiting;
  }

  close(): void {
    this.#leave("end");
  }

  reset(): void {
    this.#leave("reset");
  }

  /** As a router in between that has lost its mind would. */
  breakOff(): void {
    this.#tell({ type: "error", code: "ECONNRESET" });
  }

  deliver(): boolean {
    const first = this.inbox.first();
    if (first === undefined || !this.#weather.carries()) return false;
    // What nobody reads waits; what nobody wants is thrown away.
    if (first !== "reset" && this.isOpen && !this.#weather.reads()) return false;
    const parcel = this.inbox.take(Math.max(1, this.#weather.chunk()));
    if (parcel === "reset") this.#tell({ type: "error", code: "ECONNRESET" });
    else if (parcel === "end") this.#tell({ type: "ended" });
    else if (parcel !== undefined) this.#lend(parcel);
    this.peer?.noticeRoom();
    return true;
  }

  noticeRoom(): void {
    if (!this.#owesProgress) return;
    this.#owesProgress = this.waiting() > 0;
    this.#events?.onProgress();
  }

  /** The chunk is lent for one callback and then spoilt, as the real one is. */
  #lend(chunk: Uint8Array): void {
    this.#events?.onData(chunk);
    chunk.fill(0xee);
  }

  #leave(parcel: "end" | "reset"): void {
    this.#events = undefined;
    if (!this.isOpen) return;
    this.isOpen = false;
    this.peer?.inbox.put(parcel);
  }

  #tell(how: BgpClosed): void {
    const events = this.#events;
    this.#leave("end");
    events?.onClosed(how);
  }
}

export type Pipe = {
  readonly ends: readonly [PipeEnd, PipeEnd];
  /** Resets both ends at once. */
  readonly breakOff: () => void;
  /** Whether neither end is open any more, and all was delivered. */
  readonly isOver: () => boolean;
};

/** Two connections that are each other's far end. */
export const openPipe = (
  one: {
    readonly ends: Pick<BgpConnection, "local" | "remote" | "linkIndex">;
    readonly weather: PipeWeather;
  },
  other: {
    readonly ends: Pick<BgpConnection, "local" | "remote" | "linkIndex">;
    readonly weather: PipeWeather;
  },
): Pipe => {
  const [left, right] = [
    new FakeConnection(one.ends, one.weather),
    new FakeConnection(other.ends, other.weather),
  ];
  left.peer = right;
  right.peer = left;
  return {
    ends: [left, right],
    breakOff: () => {
      left.breakOff();
      right.breakOff();
    },
    isOver: () => !left.isOpen && !right.isOpen,
  };
};
