/* What is loaded: see balance.h. It calls no function that the kernel keeps for programs under the GPL. */
#include "balance.h"

SECTION("xdp") int steelyard(struct context *context) { return balance(context); }

const char LICENSE[] SECTION("license") = "Apache-2.0";
