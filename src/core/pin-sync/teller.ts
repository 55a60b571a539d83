/** Remembers what the peer was told, and says what it has to be told now. */
import { after, between, type Duration, type Instant, seconds } from "#base/time";
import type { ClientKey, Pin } from "#core/balance/pin";
import { pinsPerDatagram } from "./packet.ts";

/** A pin is told again after so long, whatever happens. */
const REFRESH: Duration = seconds(60);
/** A client that comes again moves its pin's end: told when by more than one part in so many of the timeout. */
const MOVES = 8;
/** Datagrams of one round. */
const ROUND = 64;
/** Pins that are told at all. */
const MOST_TOLD = 262_144;

/** Pins of one server for one datagram. */
export type Telling = { readonly server: string; readonly pins: readonly Pin[] };

type Told = { backend: number; until: Instant; at: Instant };

export type Teller = {
  /** A pin as it is in the kernel now; all of them once a round. */
  see(server: { readonly name: string; readonly timeout: Duration }, pin: Pin, now: Instant): void;
  /** Ends the round: what to send. What has no room in it is found again in the next one. */
  take(now: Instant): readonly Telling[];
  /** The peer knows nothing any more. */
  forget(): void;
  /** Only these servers are ours to tell; when others become so again, the peer is told all of theirs. */
  keep(servers: ReadonlySet<string>): void;
};

/** Nothing told yet. `limit` is the number of pins that are told at all. */
export const createTeller = (limit = MOST_TOLD): Teller => {
  const toldByServer = new Map<string, Map<ClientKey, Told>>();
  let count = 0;
  /** What has changed, and what is to be told again if there is room. */
  let due = { changed: new Map<string, Pin[]>(), again: new Map<string, Pin[]>() };
  let room = 0;

  const forget = (): void => {
    toldByServer.clear();
    count = 0;
  };

  const push = (list: Map<string, Pin[]>, server: string, pin: Pin): void => {
    const pins = list.get(server);
    if (pins === undefined) list.set(server, [pin]);
    else if (pins.length < ROUND * pinsPerDatagram(pin.client.length)) pins.push(pin);
  };

  /** `false` when there is no room to remember it. */
  const remember = (server: string, { client, backend, remaining }: Pin, now: Instant): boolean => {
    const told = toldByServer.get(server) ?? new Map<ClientKey, Told>();
    toldByServer.set(server, told);
    const until = after(now, remaining);
    const known = told.get(client);
    if (known !== undefined) {
      Object.assign(known, { backend, until, at: now });
      return true;
    }
    if (count >= limit) return false;
    told.set(client, { backend, until, at: now });
    count += 1;
    return true;
  };

  function* tell(list: Map<string, Pin[]>, now: Instant): Generator<Telling> {
    for (const [server, pins] of list) {
      const most = pinsPerDatagram(pins[0]?.client.length ?? 0);
      for (let from = 0; from < pins.length && room > 0; from += most) {
        const told = pins.slice(from, from + most).filter((pin) => remember(server, pin, now));
        if (told.length === 0) continue;
        room -= 1;
        yield { server, pins: told };
      }
    }
  }

  const dropExpired = (now: Instant): void => {
    for (const told of toldByServer.values()) {
      for (const [client, { until }] of told) {
        if (until > now) continue;
        told.delete(client);
        count -= 1;
      }
    }
  };

  return {
    forget,
    see(server, pin, now) {
      const known = toldByServer.get(server.name)?.get(pin.client);
      const moved = known === undefined ? 0 : between(known.until, after(now, pin.remaining));
      if (known?.backend !== pin.backend || moved > server.timeout / MOVES) {
        push(due.changed, server.name, pin);
      } else if (between(known.at, now) >= REFRESH) push(due.again, server.name, pin);
    },
    take(now) {
      dropExpired(now);
      room = ROUND;
      const tellings = [...tell(due.changed, now), ...tell(due.again, now)];
      due = { changed: new Map(), again: new Map() };
      return tellings;
    },
    keep(servers) {
      for (const [server, told] of toldByServer) {
        if (servers.has(server)) continue;
        toldByServer.delete(server);
        count -= told.size;
      }
    },
  };
};
