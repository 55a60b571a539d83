/*
 * The XDP program of mode `dsr`: one packet in, one decision out. docs/engines.md says what it is for.
 *
 * It only ever speeds up what nftables does underneath with the same plan: a packet that it does not want to decide is
 * passed on (XDP_PASS) and meets the same choice there. So it never drops, and whenever it is taken away nothing breaks.
 *
 *   frame to us, IPv4 or IPv6 without options, whole, TCP or UDP, hop count above 1     else pass
 *   server by address, port, protocol                                                   else pass
 *   slot by jhash of the client's address and port, exactly as nftables computes it
 *   backend: the slot's owner; in a slot that has changed hands, see `choose`
 *   Ethernet addresses rewritten, hop count lowered by one, out of the same interface or another one
 *
 * The maps are made by src/drivers/balance/xdp; src/core/xdp/layout.ts writes what the structures here read. Keep them
 * alike. No header of a C library or of Linux is needed, so that any clang compiles this anywhere. Little-endian only.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define INLINE static inline __attribute__((always_inline))
#define SECTION(name) __attribute__((section(name), used))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define NETWORK16(value) ((u16)__builtin_bswap16(value))

enum { XDP_DROP = 1, XDP_PASS = 2, XDP_TX = 3 };

/* What the kernel hands over (struct xdp_md). */
struct context {
  u32 data;
  u32 data_end;
};

/* ------------------------------------------------------------------------------- what packets look like */

struct ethernet {
  u16 destination[3];
  u16 source[3];
  u16 type;
} __attribute__((packed));

struct ipv4 {
  u8 version_and_length;
  u8 service;
  u16 length;
  u16 id;
  u16 fragment;
  u8 hops;
  u8 protocol;
  u16 checksum;
  u32 source;
  u32 destination;
} __attribute__((packed));

struct ipv6 {
  u32 version_and_flow;
  u16 length;
  u8 next;
  u8 hops;
  u32 source[4];
  u32 destination[4];
} __attribute__((packed));

struct ports {
  u16 source;
  u16 destination;
} __attribute__((packed));

struct tcp {
  struct ports ports;
  u32 sequence;
  u32 acknowledgement;
  u8 offset;
  u8 flags;
} __attribute__((packed));

enum { TCP = 6, UDP = 17, FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* ------------------------------------------------------------------------------- what the maps hold */

struct service4 {
  u32 address;
  u16 port;
  u8 protocol;
  u8 zero;
};

struct service6 {
  u32 address[4];
  u16 port;
  u8 protocol;
  u8 zero;
};

struct server {
  u32 number;
  u32 first_slot;
  u32 slot_count;
  u32 flags;
  /* Seconds after which an idle flow is forgotten. */
  u32 idle;
};
enum { BY_ADDRESS_ALONE = 1 };

/* One word, so that a change is seen whole: owner 24 bits, former owner 24 bits, flags. Backend 0 is nobody. */
typedef u64 slot;
enum { TRACKED = 1, LEFT_TO_NFTABLES = 2 };
INLINE u32 owner_of(slot value) { return value & 0xffffff; }
INLINE u32 former_owner_of(slot value) { return (value >> 24) & 0xffffff; }
INLINE u32 slot_flags(slot value) { return value >> 48; }

struct backend {
  /* Ethernet address in the low 48 bits, in the order of the wire, and flags above: one word, seen whole. */
  u64 destination;
  u64 source;
  u32 interface;
  /* The longest frame that goes out of that interface unsplit, in bytes; received ones may have been joined. */
  u16 longest;
  u16 zero;
  /* The plan's number of the backend, so that a record never means the next user of this place. */
  u32 id;
  u32 zero_too;
};
enum { REACHABLE = 1, SERVING = 2 };

struct flow {
  u32 address[4];
  u32 server;
  u16 port;
  u16 zero;
};

struct record {
  u32 backend;
  u32 id;
  u32 state;
  /* Seconds since the machine started: when nftables last saw the flow, and so when its own record began to age. */
  u32 seen;
};
enum { OPENING, OPEN, CLOSING };
enum { BRIEF_IDLE = 60, REFRESH = 30 };

struct counter {
  u64 packets;
  u64 bytes;
};

/* Why a packet for one of our servers was passed on. Keep like PASS_REASONS in src/core/xdp/layout.ts. */
enum reason {
  NO_OWNER,
  NO_NEIGHBOUR,
  TOO_LONG,
  OTHER_INTERFACE,
  FRAGMENT,
  HOPS,
  RECORDING,
  LEFT,
  REASONS,
};

/* Of the interface that a copy of the program is attached to. */
struct settings {
  u64 address;
  u32 interface;
  /* Places for backends in `counters`, which has as many for each CPU. */
  u32 places;
  /* Whether a frame may leave through another interface. */
  u32 may_redirect;
  u32 zero;
};

/* The loader knows the maps by these names; what they are made like is its business. */
struct map {
  char unused;
};
struct map servers4 SECTION("maps");
struct map servers6 SECTION("maps");
struct map slots SECTION("maps");
struct map backends SECTION("maps");
struct map flows SECTION("maps");
struct map counters SECTION("maps");
struct map passed SECTION("maps");
/* The one value of this map is read directly, without a lookup. */
volatile const struct settings settings SECTION("values");

/* ------------------------------------------------------------------------------- the kernel's functions */

static void *(*map_lookup)(const void *map, const void *key) = (void *)1;
static long (*map_update)(const void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*map_delete)(const void *map, const void *key) = (void *)3;
static u64 (*nanoseconds)(void) = (void *)5;
static u32 (*this_cpu)(void) = (void *)8;
static long (*redirect)(u32 interface, u64 flags) = (void *)23;

/* What a packet comes to besides the kernel's verdicts: passed on for a reason that is counted. */
#define PASS_BECAUSE(reason) (16 + (reason))

INLINE int count_reasons(int verdict) {
  if (verdict < PASS_BECAUSE(0)) return verdict;
  u32 place = this_cpu() * REASONS + verdict - PASS_BECAUSE(0);
  u64 *count = map_lookup(&passed, &place);
  if (count) *count += 1;
  return XDP_PASS;
}

/* ------------------------------------------------------------------------------- the hash (include/linux/jhash.h) */

#define SLOT_SEED 0x57ee17a4u

INLINE u32 rotate(u32 value, u32 bits) { return value << bits | value >> (32 - bits); }

INLINE u32 finish(u32 a, u32 b, u32 c) {
  c ^= b; c -= rotate(b, 14);
  a ^= c; a -= rotate(c, 11);
  b ^= a; b -= rotate(a, 25);
  c ^= b; c -= rotate(b, 16);
  a ^= c; a -= rotate(c, 4);
  b ^= a; b -= rotate(a, 14);
  c ^= b; c -= rotate(b, 24);
  return c;
}

/* jhash2 over one to five words; a compile-time number of them, so that it becomes straight code. */
INLINE u32 hash_words(const u32 *words, u32 count) {
  u32 a, b, c;
  a = b = c = 0xdeadbeef + count * 4 + SLOT_SEED;
  if (count > 3) {
    a += words[0]; b += words[1]; c += words[2];
    a -= c; a ^= rotate(c, 4); c += b;
    b -= a; b ^= rotate(a, 6); a += c;
    c -= b; c ^= rotate(b, 8); b += a;
    a -= c; a ^= rotate(c, 16); c += b;
    b -= a; b ^= rotate(a, 19); a += c;
    c -= b; c ^= rotate(b, 4); b += a;
    words += 3;
    count -= 3;
  }
  if (count > 2) c += words[2];
  if (count > 1) b += words[1];
  a += words[0];
  return finish(a, b, c);
}

/* The port stands in the low half of its word, as nftables keeps it in a register. */
INLINE u32 hash_client(const u32 *address, u32 length, u16 port, int address_alone) {
  u32 words[5];
  for (u32 index = 0; index < length; index++) words[index] = address[index];
  words[length] = port;
  return address_alone ? hash_words(words, length) : hash_words(words, length + 1);
}

/* ------------------------------------------------------------------------------- the choice */

/* What a choice among recorded flows needs of a packet. `tcp_flags` is 0 for UDP. */
struct packet {
  struct flow flow;
  u8 tcp_flags;
};

/* Makes or renews a record, and passes the packet on so that nftables does the same beneath. */
INLINE u32 remember(const struct packet *packet, u32 place, const struct backend *backend, u32 state, u32 now) {
  struct record record = {.backend = place, .id = backend->id, .state = state, .seen = now};
  map_update(&flows, &packet->flow, &record, 0);
  return 0;
}

/*
 * The place of the backend of a packet whose slot has changed hands, or 0 when the packet is passed on: its flow's record
 * decides, then whether it opens the flow (src/core/balance/moves.ts).
 *
 * nftables keeps the same records. It sees the packets that begin or end a flow and one every REFRESH seconds, so its
 * records live as long as ours, and what is passed on for other reasons (a fragment, an ICMP error, everything once this
 * program is gone) finds its flow there.
 */
INLINE u32 choose_recorded(const struct packet *packet, slot slot, u32 idle) {
  u32 now = nanoseconds() / 1000000000;
  u8 flags = packet->tcp_flags;
  int opens = (flags & (SYN | ACK)) == SYN;
  int closes = (flags & (FIN | RST)) != 0;
  struct record *record = map_lookup(&flows, &packet->flow);
  if (record) {
    u32 age = now - record->seen;
    u32 place = record->backend;
    u32 limit = record->state == OPEN ? idle : BRIEF_IDLE;
    struct backend *backend = map_lookup(&backends, &place);
    if (backend && backend->id == record->id && (backend->destination >> 48 & SERVING) && age < limit) {
      if (opens) return remember(packet, place, backend, OPENING, now);
      if (closes || record->state == CLOSING) return remember(packet, place, backend, CLOSING, now);
      if (record->state == OPEN && age < REFRESH) return place;
      return remember(packet, place, backend, OPEN, now);
    }
    map_delete(&flows, &packet->flow);
  }
  u32 place = owner_of(slot);
  if (!former_owner_of(slot)) return place;
  if (!opens) place = former_owner_of(slot);
  struct backend *backend = map_lookup(&backends, &place);
  if (!backend || !place) return 0;
  return remember(packet, place, backend, opens ? OPENING : closes ? CLOSING : OPEN, now);
}

/* The server's slot for this hash: the high half of a product, which is how nftables reduces a hash. */
INLINE slot slot_of(const struct server *server, u32 hash) {
  u32 index = server->first_slot + ((u64)hash * server->slot_count >> 32);
  slot *found = map_lookup(&slots, &index);
  return found ? *(volatile slot *)found : 0;
}

/* ------------------------------------------------------------------------------- the packet */

/* Whether all of what `pointer` points to lies within the frame. */
#define FITS(pointer, end) ((void *)((pointer) + 1) <= (void *)(end))

/* Sends the frame to the backend; its hop count has been lowered already. */
INLINE int send(struct ethernet *ethernet, u64 destination, const struct backend *backend, u32 place, u32 length) {
  u64 source = backend->source;
  u32 interface = backend->interface;
  u32 index = this_cpu() * settings.places + place;
  struct counter *counter = map_lookup(&counters, &index);
  if (LIKELY(counter)) {
    counter->packets += 1;
    counter->bytes += length;
  }
  *(u32 *)ethernet->destination = destination;
  ethernet->destination[2] = destination >> 32;
  *(u32 *)ethernet->source = source;
  ethernet->source[2] = source >> 32;
  return LIKELY(interface == settings.interface) ? XDP_TX : (int)redirect(interface, 0);
}

/* Why this frame cannot be sent to the backend from here; REASONS when it can. */
INLINE enum reason obstacle(const struct backend *backend, u64 destination, void *frame, void *end) {
  if (!(destination >> 48 & REACHABLE)) return NO_NEIGHBOUR;
  if (frame + backend->longest < end) return TOO_LONG;
  if (backend->interface != settings.interface && !settings.may_redirect) return OTHER_INTERFACE;
  return REASONS;
}

INLINE int balance4(struct ethernet *ethernet, void *end) {
  struct ipv4 *ip = (void *)(ethernet + 1);
  if (!FITS(ip, end)) return XDP_PASS;
  struct ports *ports = (void *)(ip + 1);
  if (!FITS(ports, end)) return XDP_PASS;
  struct service4 service = {.address = ip->destination, .port = ports->destination, .protocol = ip->protocol};
  if (ip->version_and_length != 0x45) return XDP_PASS;
  struct server *server = map_lookup(&servers4, &service);
  if (!server) return XDP_PASS;
  if (ip->fragment & NETWORK16(0x3fff)) return PASS_BECAUSE(FRAGMENT);
  if (ip->hops <= 1) return PASS_BECAUSE(HOPS);
  u32 address[1] = {ip->source};
  slot slot = slot_of(server, hash_client(address, 1, ports->source, server->flags & BY_ADDRESS_ALONE));
  u32 place = owner_of(slot);
  if (slot_flags(slot)) {
    if (slot_flags(slot) & LEFT_TO_NFTABLES) return PASS_BECAUSE(LEFT);
    struct packet packet = {.flow = {.address = {ip->source}, .server = server->number, .port = ports->source}};
    if (ip->protocol == TCP) {
      struct tcp *tcp = (void *)ports;
      if (!FITS(tcp, end)) return XDP_PASS;
      packet.tcp_flags = tcp->flags;
    }
    place = choose_recorded(&packet, slot, server->idle);
    if (!place) return PASS_BECAUSE(RECORDING);
  }
  if (!place) return PASS_BECAUSE(NO_OWNER);
  struct backend *backend = map_lookup(&backends, &place);
  if (!backend) return PASS_BECAUSE(NO_OWNER);
  u64 destination = *(volatile u64 *)&backend->destination;
  enum reason reason = obstacle(backend, destination, ethernet, end);
  if (reason != REASONS) return PASS_BECAUSE(reason);
  /* RFC 1624: one less in the high byte of a 16-bit word is one more, with the carry, in the sum. */
  u32 sum = ip->checksum + 1;
  ip->checksum = sum + (sum >= 0xffff);
  ip->hops -= 1;
  return send(ethernet, destination, backend, place, NETWORK16(ip->length) + sizeof(struct ethernet));
}

INLINE int balance6(struct ethernet *ethernet, void *end) {
  struct ipv6 *ip = (void *)(ethernet + 1);
  if (!FITS(ip, end)) return XDP_PASS;
  struct ports *ports = (void *)(ip + 1);
  if (!FITS(ports, end)) return XDP_PASS;
  struct service6 service = {.port = ports->destination, .protocol = ip->next};
  for (int word = 0; word < 4; word++) service.address[word] = ip->destination[word];
  struct server *server = map_lookup(&servers6, &service);
  if (!server) return XDP_PASS;
  if (ip->hops <= 1) return PASS_BECAUSE(HOPS);
  u32 address[4];
  for (int word = 0; word < 4; word++) address[word] = ip->source[word];
  slot slot = slot_of(server, hash_client(address, 4, ports->source, server->flags & BY_ADDRESS_ALONE));
  u32 place = owner_of(slot);
  if (slot_flags(slot)) {
    if (slot_flags(slot) & LEFT_TO_NFTABLES) return PASS_BECAUSE(LEFT);
    struct packet packet = {.flow = {.server = server->number, .port = ports->source}};
    for (int word = 0; word < 4; word++) packet.flow.address[word] = address[word];
    if (ip->next == TCP) {
      struct tcp *tcp = (void *)ports;
      if (!FITS(tcp, end)) return XDP_PASS;
      packet.tcp_flags = tcp->flags;
    }
    place = choose_recorded(&packet, slot, server->idle);
    if (!place) return PASS_BECAUSE(RECORDING);
  }
  if (!place) return PASS_BECAUSE(NO_OWNER);
  struct backend *backend = map_lookup(&backends, &place);
  if (!backend) return PASS_BECAUSE(NO_OWNER);
  u64 destination = *(volatile u64 *)&backend->destination;
  enum reason reason = obstacle(backend, destination, ethernet, end);
  if (reason != REASONS) return PASS_BECAUSE(reason);
  ip->hops -= 1;
  u32 length = NETWORK16(ip->length) + sizeof(struct ipv6) + sizeof(struct ethernet);
  return send(ethernet, destination, backend, place, length);
}

INLINE int balance(struct context *context) {
  void *end = (void *)(long)context->data_end;
  struct ethernet *ethernet = (void *)(long)context->data;
  if (!FITS(ethernet, end)) return XDP_PASS;
  u64 to = *(u32 *)ethernet->destination | (u64)ethernet->destination[2] << 32;
  if (to != settings.address) return XDP_PASS;
  if (ethernet->type == NETWORK16(0x0800)) return count_reasons(balance4(ethernet, end));
  if (ethernet->type == NETWORK16(0x86dd)) return count_reasons(balance6(ethernet, end));
  return XDP_PASS;
}
