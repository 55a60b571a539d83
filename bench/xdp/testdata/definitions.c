/*
 * Maps in both forms, for definitions.test.ts. What clang 14 makes of it is in definitions.hex, below a line of comment:
 *
 *     clang -target bpf -O2 -g -c definitions.c -o - | llvm-strip -g - -o - | od -Ax -v -tx1 | head -n -1
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))

struct old {
  u32 type, key_size, value_size, max_entries, map_flags, more[2];
};
struct old in_old_form SECTION("maps") = {9, 40, 16, 1000, 2, {0, 0}};
struct old another SECTION("maps") = {2, 4, 20, 4096, 0, {0, 0}};

struct key {
  union {
    u32 four;
    u32 six[4];
  };
  unsigned short port;
};
typedef const volatile struct key alias;

struct {
  int (*type)[1];
  alias *key;
  u64 (*value)[3];
  int (*max_entries)[512];
  int (*map_flags)[0];
} by_types SECTION(".maps");

struct {
  int (*type)[12];
  int (*key_size)[4];
  int (*value_size)[8];
  int (*max_entries)[128];
  struct {
    int (*type)[9];
  } *values[];
} by_sizes SECTION(".maps");

static void *(*lookup)(void *map, const void *key) = (void *)1;

SECTION("xdp-other") int program(void *context) {
  u32 key[10] = {0};
  return (lookup(&in_old_form, key) || lookup(&another, key)) + (lookup(&by_types, key) || lookup(&by_sizes, key));
}

char licence[] SECTION("license") = "GPL";
